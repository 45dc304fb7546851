#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <rocksdb/db.h>

#include "storage/catalog_codec.h"
#include "storage/check.h"
#include "storage/ordinal_set.h"
#include "storage/rocksdb_store_state.h"
#include "storage/schema_codec.h"
#include "storage/set_comparison.h"

namespace dashi::storage {

// One file a concern: rocksdb_check_<concern>.cc. Each walks a family from end to end; what one
// finds and a later one needs stands in CheckFindings. Two families that must say the same in
// different orders are compared by SetComparison, so that memory does not grow with the database
// except by one bit a row.

/// What earlier steps found.
struct CheckFindings {
  std::uint64_t commit_sequence = 0;
  std::array<OrdinalSet, 3> rows;       // by kind - 1: the ordinals that have a row
  std::array<bool, 3> rows_known{};     // whether the rows could all be read
  std::array<SchemaRecord, 3> schemas;  // by kind - 1
  std::vector<ReleaseRecord> releases;
  std::map<std::uint64_t, EmbeddingRecord> embeddings;
  std::map<std::string, WeightsRecord> weights;
  std::set<std::string> used_weights;                      // that a release or a job names
  std::map<std::uint64_t, std::uint64_t> weights_intents;  // generation -> size

  const OrdinalSet& RowsOf(EntityKind kind) const {
    return rows[static_cast<std::size_t>(kind) - 1];
  }
  bool KnowsRowsOf(EntityKind kind) const { return rows_known[static_cast<std::size_t>(kind) - 1]; }
};

/// The picture that a check looks at, and where it reports.
///
/// Threads: one thread at a time.
class CheckRun {
 public:
  CheckRun(RocksdbStoreState* state, TaskMonitor* monitor);

  RocksdbStoreState& state() { return *state_; }
  TaskMonitor& monitor() { return *monitor_; }
  CheckReport& report() { return report_; }
  CheckFindings& findings() { return findings_; }
  const std::map<std::uint64_t, std::shared_ptr<rocksdb::ColumnFamilyHandle>>& embedding_families()
      const {
    return embedding_families_;
  }

  /// The picture whose rows, pairs and index entries are checked.
  const Picture& picture() const { return picture_; }
  rocksdb::ReadOptions PictureOptions() const;

  void Report(std::string_view object, std::string_view problem, std::string detail = {});
  void Note(std::string note) { report_.notes.push_back(std::move(note)); }

  /// Visits the keys of a family that start with `prefix`, as of the picture. Sets *complete to
  /// whether all could be read; where they could not, that is reported under `object`.
  ///
  /// Errors: the monitor's and the visitor's alone.
  using Visit = std::function<Status(std::string_view key, std::string_view value)>;
  Status Walk(Family family, std::string_view object, std::string_view prefix, bool* complete,
              const Visit& visit);
  Status WalkFamily(rocksdb::ColumnFamilyHandle* family, std::string_view object,
                    std::string_view prefix, bool* complete, const Visit& visit);

  /// "'id' (ordinal 7)", or "ordinal 7" when there is no such row.
  std::string NameOf(EntityKind kind, Ordinal ordinal) const;

 private:
  // Rows, pairs and changes are looked at in the picture that statements get. The catalog and
  // what it names change outside of commits, so they are looked at in a picture of this moment.
  const rocksdb::Snapshot* SnapshotOf(rocksdb::ColumnFamilyHandle* family) const;

  RocksdbStoreState* state_;
  TaskMonitor* monitor_;
  Picture picture_;
  std::shared_ptr<const rocksdb::Snapshot> catalog_snapshot_;
  // Sharers: the engine, until a version is dropped.
  std::map<std::uint64_t, std::shared_ptr<rocksdb::ColumnFamilyHandle>> embedding_families_;
  CheckReport report_;
  CheckFindings findings_;
};

// The steps, in the order in which they run. Errors: the monitor's, which end the check.
Status CheckDataFiles(CheckRun* run);     // every byte of the tables against its file's checksum
Status CheckMeta(CheckRun* run);          // counters and catalog records decode and name each other
Status CheckRows(CheckRun* run);          // rows decode; ids and rows name each other
Status CheckRelevance(CheckRun* run);     // both directions alike; both ends exist
Status CheckEdges(CheckRun* run);         // the same of edges; their graph exists
Status CheckIndexEntries(CheckRun* run);  // entries of attribute indexes and rows say the same
Status CheckChangeLog(CheckRun* run);     // entries decode and do not pass the commit sequence
Status CheckEmbeddings(CheckRun* run);    // every version holds what its record says
Status CheckWeights(CheckRun* run);       // every blob against its checksum; no chunks of nobody
Status CheckHistory(CheckRun* run);       // jobs and evaluations decode
Status CheckIndexFiles(CheckRun* run);    // every file that a release names against its checksum

/// Runs all of them.
Result<CheckReport> CheckRocksdbStore(RocksdbStoreState* state, TaskMonitor* monitor);

}  // namespace dashi::storage
