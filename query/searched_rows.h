#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "dashi/status.h"
#include "index/position_set.h"
#include "index/row_set.h"
#include "index/vector_index.h"
#include "query/delta_picture.h"

namespace dashi::query {

/// The rows that a statement searches: those of an index, and those that came after it. Positions
/// below num_base() are the index's, the sealed rows of the delta follow, then those of its blocks.
///
/// Errors:  as VectorIndex.
/// Threads: const methods may be called at once.
/// Cost:    two searches of indexes at most, and one pass over the vectors of the delta's blocks.
class SearchedRows {
 public:
  /// `base` and `ordinals`, which ascend, are borrowed. A row of the delta scores `delta_scale`
  /// times the inner product: the sum of the weights that the index has folded.
  SearchedRows(const index::VectorIndex& base, std::span<const storage::Ordinal> ordinals,
               std::shared_ptr<const DeltaPicture> delta, float delta_scale,
               std::size_t num_left_out = 0);

  std::size_t num_base() const { return ordinals_.size(); }
  /// How many rows there are, deleted and replaced ones included.
  std::size_t num_rows() const { return base_.num_vectors() + delta_->num_rows(); }
  /// How many of them a search without Restrict can find.
  std::size_t num_searched() const { return num_live_base() + delta_->num_rows(); }
  /// Changes that are left to whoever embeds them: DeltaResources::num_left_out.
  std::size_t num_left_out() const { return num_left_out_; }
  storage::Ordinal OrdinalAt(index::Position position) const;
  const index::VectorIndex& base() const { return base_; }
  /// Lets only the rows of a set be found from now on.
  ///
  /// Cost: that of the set or of the index's rows, whichever is less; nothing for each search.
  void Restrict(std::shared_ptr<const index::RowSet> only);
  /// How many rows a search can find: those of the set that are there, or all.
  std::size_t num_passing() const { return num_passing_; }
  bool is_restricted() const { return only_ != nullptr; }
  /// Whether a row of the index may be found: it was not replaced or deleted and is in the set.
  bool IsSearched(index::Position position) const {
    return passing_ == nullptr || passing_->Contains(position);
  }

  Result<index::Shortlist> Search(std::span<const float> query, const index::SearchOptions& options,
                                  index::SearchStatistics* statistics) const;
  /// Sets `statistics` to what Search would tell of each.  Shape: queries [n, dim]; result and
  /// `statistics` [n].
  Result<std::vector<index::Shortlist>> SearchBatch(
      index::FloatMatrixView queries, const index::SearchOptions& options, ThreadPool& pool,
      std::vector<index::SearchStatistics>* statistics) const;

 private:
  std::size_t num_live_base() const {
    return delta_->live_base == nullptr ? num_base() : delta_->live_base->size();
  }
  index::SearchOptions IndexOptions(const index::SearchOptions& options,
                                    const index::PositionSet* passing, std::size_t num_live) const;
  index::SearchOptions BaseOptions(const index::SearchOptions& options) const;
  index::SearchOptions SealedOptions(const index::SearchOptions& options) const;
  index::SearchOptions BlockOptions(const index::SearchOptions& options, std::size_t block) const;
  /// The position of the first row of blocks.
  std::size_t first_block_row() const { return num_base() + delta_->num_sealed(); }
  /// Adds what was found in a part of the delta whose first row has that position.
  void Append(const index::Shortlist& found, std::size_t first, index::Shortlist* all) const;
  index::HalfMatrixView BlockView(std::size_t block) const;

  const index::VectorIndex& base_;
  std::span<const storage::Ordinal> ordinals_;
  std::shared_ptr<const DeltaPicture> delta_;  // Sharers: other statements.
  float delta_scale_;
  std::size_t num_left_out_;
  std::shared_ptr<const index::RowSet> only_;  // Null: all. Sharers: the statement.
  // Null: all. Sharers of both: copies.
  std::shared_ptr<const index::PositionSet> passing_;         // Of the index.
  std::shared_ptr<const index::PositionSet> passing_sealed_;  // Of the sealed rows.
  std::size_t num_passing_;
};

}  // namespace dashi::query
