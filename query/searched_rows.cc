#include "query/searched_rows.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/status.h"
#include "index/exact_scan.h"

namespace dashi::query {
namespace {

using index::Candidate;
using index::Position;
using index::SearchOptions;
using index::SearchStatistics;
using index::Shortlist;

bool Better(const Candidate& a, const Candidate& b) {
  return a.score != b.score ? a.score > b.score : a.position < b.position;
}

void KeepBest(std::size_t m, Shortlist* found) {
  std::sort(found->begin(), found->end(), Better);
  found->resize(std::min(m, found->size()));
}

}  // namespace

SearchedRows::SearchedRows(const index::VectorIndex& base,
                           std::span<const storage::Ordinal> ordinals,
                           std::shared_ptr<const DeltaPicture> delta, float delta_scale)
    : base_(base), ordinals_(ordinals), delta_(std::move(delta)), delta_scale_(delta_scale) {
  constexpr float kRounding = 1e-6F;
  if (std::abs(delta_scale_ - 1.0F) < kRounding) {
    delta_scale_ = 1.0F;
  }
}

storage::Ordinal SearchedRows::OrdinalAt(Position position) const {
  if (position < num_base()) {
    return ordinals_[position];
  }
  if (position < first_block_row()) {
    return delta_->sealed->ordinals()[position - num_base()];
  }
  const std::size_t row = position - first_block_row();
  return delta_->blocks[row / kDeltaBlockRows]->ordinals[row % kDeltaBlockRows];
}

bool SearchedRows::IsSearched(Position position, const SearchOptions& options) const {
  return (delta_->replaced.empty() || !delta_->replaced[position]) &&
         (!options.filter || options.filter(position));
}

SearchOptions SearchedRows::BaseOptions(const SearchOptions& options) const {
  SearchOptions own = options;
  if (!delta_->replaced.empty()) {
    own.filter = [this, &options](Position position) { return IsSearched(position, options); };
  }
  return own;
}

SearchOptions SearchedRows::SealedOptions(const SearchOptions& options) const {
  SearchOptions own = options;
  own.m = std::min(options.m, delta_->num_sealed);
  own.filter = [this, &options](Position position) {
    return !delta_->sealed_dead[position] &&
           (!options.filter || options.filter(static_cast<Position>(num_base() + position)));
  };
  if (delta_->num_sealed == delta_->sealed_dead.size() && !options.filter) {
    own.filter = nullptr;
  }
  return own;
}

SearchOptions SearchedRows::BlockOptions(const SearchOptions& options, std::size_t block) const {
  SearchOptions own = options;
  const std::size_t first = block * kDeltaBlockRows;
  own.filter = [this, first, &options](Position position) {
    const std::size_t row = first + position;
    return delta_->live[row] &&
           (!options.filter || options.filter(static_cast<Position>(first_block_row() + row)));
  };
  return own;
}

index::HalfMatrixView SearchedRows::BlockView(std::size_t block) const {
  const DeltaBlock& rows = *delta_->blocks[block];
  return {rows.vectors.data(), rows.ordinals.size(), base_.dim()};
}

void SearchedRows::Append(const Shortlist& found, std::size_t first, Shortlist* all) const {
  for (const Candidate& candidate : found) {
    all->push_back(
        {static_cast<Position>(first + candidate.position), candidate.score * delta_scale_});
  }
}

Result<Shortlist> SearchedRows::Search(std::span<const float> query, const SearchOptions& options,
                                       SearchStatistics* statistics) const {
  DASHI_ASSIGN_OR_RETURN(Shortlist found, base_.Search(query, BaseOptions(options), statistics));
  if (delta_->num_rows() == 0) {
    return found;
  }
  const auto count = [statistics](const SearchStatistics& part) {
    if (statistics != nullptr) {
      statistics->num_visited += part.num_visited;
      statistics->num_refills += part.num_refills;
      statistics->exact = statistics->exact && part.exact;
    }
  };
  if (delta_->num_sealed > 0) {
    SearchStatistics of_sealed;
    DASHI_ASSIGN_OR_RETURN(const Shortlist more,
                           delta_->sealed->Search(query, SealedOptions(options), &of_sealed));
    Append(more, num_base(), &found);
    count(of_sealed);
  }
  for (std::size_t block = 0; block < delta_->blocks.size(); ++block) {
    SearchStatistics of_block;
    DASHI_ASSIGN_OR_RETURN(
        const Shortlist more,
        index::ScanExactly(BlockView(block), query, BlockOptions(options, block), &of_block));
    Append(more, first_block_row() + block * kDeltaBlockRows, &found);
    count(of_block);
  }
  KeepBest(options.m, &found);
  return found;
}

Result<std::vector<Shortlist>> SearchedRows::SearchBatch(index::FloatMatrixView queries,
                                                         const SearchOptions& options,
                                                         ThreadPool& pool) const {
  DASHI_ASSIGN_OR_RETURN(std::vector<Shortlist> found,
                         base_.SearchBatch(queries, BaseOptions(options), pool));
  if (delta_->num_rows() == 0) {
    return found;
  }
  const auto append = [&](const std::vector<Shortlist>& more, std::size_t first) {
    for (std::size_t i = 0; i < found.size(); ++i) {
      Append(more[i], first, &found[i]);
      KeepBest(options.m, &found[i]);
    }
  };
  if (delta_->num_sealed > 0) {
    DASHI_ASSIGN_OR_RETURN(const std::vector<Shortlist> more,
                           delta_->sealed->SearchBatch(queries, SealedOptions(options), pool));
    append(more, num_base());
  }
  for (std::size_t block = 0; block < delta_->blocks.size(); ++block) {
    DASHI_ASSIGN_OR_RETURN(
        const std::vector<Shortlist> more,
        index::ScanBatchExactly(BlockView(block), queries, BlockOptions(options, block), pool));
    append(more, first_block_row() + block * kDeltaBlockRows);
  }
  return found;
}

}  // namespace dashi::query
