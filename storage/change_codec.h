#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/entity.h"

namespace dashi::storage {

/// What a change-log entry speaks of. Persisted: append only.
enum class ChangedTable : std::uint8_t {
  kDocuments = 1,
  kLabels = 2,
  kAnchors = 3,
  kRelevance = 4,  ///< the labels of a document; the ordinal is the document's
  kEdges = 5,      ///< edges of a graph; the ordinal is the graph's number
};

/// What happened. Persisted: append only.
enum class ChangeOperation : std::uint8_t { kInsert = 1, kUpdate = 2, kDelete = 3 };

inline ChangedTable ChangedTableOf(EntityKind kind) { return static_cast<ChangedTable>(kind); }

/// `count` consecutive ordinals that changed alike.
struct ChangeRun {
  ChangedTable table = ChangedTable::kDocuments;
  ChangeOperation operation = ChangeOperation::kInsert;
  Ordinal first{};
  std::uint32_t count = 0;

  friend bool operator==(const ChangeRun&, const ChangeRun&) = default;
};

/// Gathers one commit's changes and packs them into the value of its `changes` key.
///
/// Threads: one thread at a time.
/// Cost:    a few bytes per run of consecutive ordinals at rest, 12 in memory.
class ChangeSet {
 public:
  void Add(ChangedTable table, ChangeOperation operation, Ordinal ordinal);
  /// Packs the changes; an ordinal named twice in a table and operation counts once.
  std::string Encode() const;

 private:
  static constexpr std::size_t kNumRunsFirstMax = std::size_t{1} << 20;

  std::map<std::pair<ChangedTable, ChangeOperation>, std::vector<ChangeRun>> runs_;
  std::size_t num_runs_max_ = kNumRunsFirstMax;  // beyond it, runs are sorted and joined
};

/// Reads what Encode wrote, ascending within a table and operation. Returns false for anything
/// else.
bool DecodeChanges(std::string_view bytes, std::vector<ChangeRun>* runs);

}  // namespace dashi::storage
