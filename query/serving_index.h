#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "dashi/status.h"
#include "index/position_set.h"
#include "index/segment/mapped_segment.h"
#include "index/vector_index.h"
#include "storage/catalog_records.h"
#include "storage/entity.h"
#include "storage/memory_budget.h"
#include "storage/store.h"
#include "storage/view.h"

namespace dashi::query {

/// Vectors of rows, read from where they are kept for good.
struct IndexedRows {
  std::vector<storage::Ordinal> ordinals;  ///< ascending
  std::vector<std::uint64_t> text_hashes;  ///< [ordinals.size()], or empty
  std::vector<std::uint16_t> vectors;      ///< [ordinals.size(), dim] binary16
};

class ServingIndex;

/// What an index of a release is made from, and made from again when its file is damaged.
struct ServingIndexSource {
  storage::Store* store = nullptr;
  storage::ReleaseRecord record;
  std::string rows;  ///< for messages: "labels"
  std::string file;  ///< a name in Store::index_directory(); empty: all vectors are scanned
  std::uint64_t num_rows = 0;
  std::function<Result<IndexedRows>(const storage::View& view)> read_rows;
  /// Makes a lease as large as that. Errors: kResourceExhausted with the numbers.
  std::function<Status(storage::MemoryLease* lease, std::uint64_t bytes)> grow;
  /// Told that Tend has something to do; may be empty.
  std::function<void(std::weak_ptr<const ServingIndex> index)> wake;

  std::string Name() const;  ///< for messages: "ads@3, index of labels"
};

/// The index of a release that serves, whatever becomes of its file: where a segment can be used it
/// is searched as it lies; where it cannot, or is found to be damaged meanwhile, all vectors are
/// read from the database and scanned, until the file was built anew. A search that meets damage
/// goes on with the scan and returns what that finds.
///
/// Errors:  besides those of searches, those of reading the vectors when a file cannot be used;
///          kFailedPrecondition (55000) instead of a scan where SearchOptions.require_index is set,
///          naming the release and what is wrong.
/// Threads: all methods may be called at once, Tend by one thread at a time.
class ServingIndex : public index::VectorIndex, public std::enable_shared_from_this<ServingIndex> {
 public:
  /// Errors: those of `read_rows` and `grow`; a file that cannot be used is none.
  /// Cost:   that of MappedSegment::Open, or of reading all vectors where there is no such file.
  static Result<std::shared_ptr<ServingIndex>> Open(ServingIndexSource source,
                                                    const storage::View& view);

  /// The rows by position.  Shape: [num_vectors()], ascending; they stay the same.
  std::span<const storage::Ordinal> ordinals() const { return ordinals_; }
  /// Shape: [num_vectors()], or empty.
  std::span<const std::uint64_t> text_hashes() const { return text_hashes_; }

  /// Does what is left to do beside searches: verifies the rest of the file, and builds a damaged
  /// or missing one anew. Returns when nothing is left or `should_stop` says so.
  void Tend(const std::function<bool()>& should_stop) const DASHI_EXCLUDES(mutex_);
  /// Whether the graph should be linked anew for the rows that are there: IsWorthRewriting. Not
  /// while it cannot be used, nor where there is none, nor after it could not be done: the next
  /// load of the release tries again.
  bool ShouldRelink(const index::PositionSet* live) const DASHI_EXCLUDES(mutex_);
  /// Has the graph lead to the rows that are there alone; the others keep their positions and their
  /// vectors. Searches use the old one meanwhile. As Tend by one thread at a time.
  ///
  /// Errors: kNotFound when the release was dropped; kCancelled; kResourceExhausted; those of
  ///         writing. What is wrong with the file is looked at as in Tend.
  Status Relink(const index::PositionSet& live, const std::function<bool()>& should_stop) const
      DASHI_EXCLUDES(mutex_);
  /// For people: "ready", "verifying", "relinking", "scanned: <what is wrong>", "rebuilding: <what
  /// was wrong>".
  std::string State() const DASHI_EXCLUDES(mutex_);
  /// How the graph came to be and how searches enter it, for people: "built, entered at one node",
  /// "relinked 2 times, entered by a beam of 50 %" (of the search's own, on level 1). Empty where
  /// no graph can be used.
  std::string Graph() const DASHI_EXCLUDES(mutex_);

  std::size_t num_vectors() const override { return ordinals_.size(); }
  std::size_t dim() const override { return source_.record.dim; }
  std::string_view kind() const override { return Current()->kind(); }
  std::uint64_t memory_bytes() const override { return Current()->memory_bytes(); }
  Result<index::Shortlist> Search(std::span<const float> query, const index::SearchOptions& options,
                                  index::SearchStatistics* statistics) const override;
  Result<std::vector<index::Shortlist>> SearchBatch(index::FloatMatrixView queries,
                                                    const index::SearchOptions& options,
                                                    ThreadPool& pool) const override;
  Status Reconstruct(index::Position position, float* out) const override;

 private:
  using IndexPtr = std::shared_ptr<const index::VectorIndex>;  // Sharers: running searches.

  explicit ServingIndex(ServingIndexSource source);
  void Wake() const;
  std::unique_ptr<storage::MemoryLease> NewLease() const;

  /// Returns why the file cannot be searched as it lies; ok when it can, and is from now on.
  Status UseSegment() DASHI_EXCLUDES(mutex_);
  /// Reads the vectors, for what the file is if it can be used at all.
  Status UseVectors(const storage::View& view, std::string damage) DASHI_EXCLUDES(mutex_);
  /// Reads the rows and reserves the memory that they take.
  Result<IndexedRows> ReadRows(const storage::View& view, storage::MemoryLease* memory) const;
  /// The same as they are now; kNotFound when the release is gone.
  Result<IndexedRows> ReadRowsNow(storage::MemoryLease* memory) const;
  Result<std::shared_ptr<const storage::View>> ViewWithRelease() const;
  IndexPtr Current() const DASHI_EXCLUDES(mutex_);
  /// Leaves an index whose search failed, unless another has done so. Returns what to search.
  Result<IndexPtr> FallBack(const IndexPtr& failed, const Status& damage) const
      DASHI_EXCLUDES(fall_back_mutex_, mutex_);
  Status CheckUsable(const index::SearchOptions& options) const DASHI_EXCLUDES(mutex_);
  /// Calls `search` with the index, and once more with what it fell back to.
  template <typename T>
  Result<T> SearchSafely(
      const index::SearchOptions& options,
      const std::function<Result<T>(const index::VectorIndex& index)>& search) const;
  Status Rebuild(const std::function<bool()>& should_stop) const DASHI_EXCLUDES(mutex_);
  /// Searches what was written under the file's name from now on; removes it when the release is
  /// gone.
  Status TakeFile(const std::function<bool()>& should_stop) const DASHI_EXCLUDES(mutex_);

  const ServingIndexSource source_;
  const std::string path_;  ///< of the file; empty when there is none
  // Who holds the rows: a segment that could be opened, or arrays of our own. Sharers: its index.
  std::shared_ptr<const index::MappedSegment> opened_;
  std::vector<storage::Ordinal> own_ordinals_;
  std::vector<std::uint64_t> own_text_hashes_;
  std::span<const storage::Ordinal> ordinals_;
  std::span<const std::uint64_t> text_hashes_;

  mutable Mutex fall_back_mutex_;  // Serialises fall-backs; taken before mutex_.
  mutable Mutex mutex_;
  mutable IndexPtr current_ DASHI_GUARDED_BY(mutex_);
  /// What it searches where it lies; null: nothing. Sharers: current_.
  mutable std::shared_ptr<const index::MappedSegment> segment_ DASHI_GUARDED_BY(mutex_);
  mutable std::unique_ptr<storage::MemoryLease> memory_ DASHI_GUARDED_BY(mutex_);
  mutable std::string damage_ DASHI_GUARDED_BY(mutex_);  ///< empty: the file is sound, or none
  mutable bool rebuilding_ DASHI_GUARDED_BY(mutex_) = false;
  mutable bool relinking_ DASHI_GUARDED_BY(mutex_) = false;
  mutable bool relink_failed_ DASHI_GUARDED_BY(mutex_) = false;
};

}  // namespace dashi::query
