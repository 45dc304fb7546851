#include "query/searched_rows.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <utility>

#include "base/mutex.h"
#include "base/status.h"
#include "index/exact_scan.h"
#include "index/search_plan.h"

namespace dashi::query {
namespace {

using index::Candidate;
using index::Position;
using index::SearchOptions;
using index::SearchStatistics;
using index::Shortlist;

constexpr std::size_t kQueriesPerChunk = 16;

bool Better(const Candidate& a, const Candidate& b) {
  return a.score != b.score ? a.score > b.score : a.position < b.position;
}

void KeepBest(std::size_t m, Shortlist* found) {
  std::sort(found->begin(), found->end(), Better);
  found->resize(std::min(m, found->size()));
}

/// The first of ascending ordinals that is not below another, looked for near `begin` first.
std::span<const storage::Ordinal>::iterator FirstNotBelow(
    std::span<const storage::Ordinal>::iterator begin,
    std::span<const storage::Ordinal>::iterator end, storage::Ordinal ordinal) {
  std::ptrdiff_t step = 1;
  while (step < end - begin && begin[step] < ordinal) {
    begin += step;
    step *= 2;
  }
  return std::lower_bound(begin, begin + std::min(step + 1, end - begin), ordinal);
}

/// The positions of ascending ordinals that are in a set of rows, and live.  `live` null: all are.
index::PositionSet PositionsIn(const index::RowSet& only,
                               std::span<const storage::Ordinal> ordinals,
                               const index::PositionSet* live) {
  std::vector<Position> positions;
  positions.reserve(std::min(only.size(), ordinals.size()));
  const auto begin = ordinals.begin();
  auto next = begin;
  for (index::RowSet::Reader rows(only); !rows.at_end() && next != ordinals.end();) {
    next = FirstNotBelow(next, ordinals.end(), storage::Ordinal{rows.row()});
    if (next == ordinals.end()) {
      break;
    }
    if (storage::ToInteger(*next) != rows.row()) {
      rows.Seek(storage::ToInteger(*next));
      continue;
    }
    const auto position = static_cast<Position>(next - begin);
    if (live == nullptr || live->Contains(position)) {
      positions.push_back(position);
    }
    rows.Next();
    ++next;
  }
  return {std::move(positions), ordinals.size()};
}

/// Adds what the search of one part took to that of those before it, whose path counts.
void AddPart(const SearchStatistics& part, SearchStatistics* all) {
  all->num_visited += part.num_visited;
  all->num_refills += part.num_refills;
  all->exact = all->exact && part.exact;
}

/// Searches an index for many queries. A scan of all of them at once visits the same rows for each;
/// a graph is walked for one after the other.
Result<std::vector<Shortlist>> SearchEach(const index::VectorIndex& index,
                                          index::FloatMatrixView queries,
                                          const SearchOptions& options, ThreadPool& pool,
                                          std::vector<SearchStatistics>* statistics) {
  statistics->assign(queries.rows, SearchStatistics());
  if (options.exact || index.kind() == "exact") {
    SearchStatistics scan;
    if (options.passing != nullptr) {
      scan.path = index::SearchPath::kSubsetScan;
    }
    scan.num_visited = options.passing == nullptr ? index.num_vectors() : options.passing->size();
    statistics->assign(queries.rows, scan);
    return index.SearchBatch(queries, options, pool);
  }
  std::vector<Shortlist> results(queries.rows);
  Mutex mutex;
  Status first_error;
  std::atomic<bool> failed{false};
  pool.ParallelFor(queries.rows, kQueriesPerChunk, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end && !failed.load(std::memory_order_relaxed); ++i) {
      Result<Shortlist> found =
          index.Search({queries.data + i * queries.dim, queries.dim}, options, &(*statistics)[i]);
      if (found.ok()) {
        results[i] = std::move(found).value();
        continue;
      }
      const MutexLock lock(mutex);
      first_error = std::move(found).status();
      failed.store(true, std::memory_order_relaxed);
    }
  });
  DASHI_RETURN_IF_ERROR(first_error);
  return results;
}

}  // namespace

SearchedRows::SearchedRows(const index::VectorIndex& base,
                           std::span<const storage::Ordinal> ordinals,
                           std::shared_ptr<const DeltaPicture> delta, float delta_scale,
                           std::size_t num_left_out)
    : base_(base),
      ordinals_(ordinals),
      delta_(std::move(delta)),
      delta_scale_(delta_scale),
      num_left_out_(num_left_out),
      passing_(delta_->live_base),
      passing_sealed_(delta_->live_sealed),
      num_passing_(num_searched()) {
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

void SearchedRows::Restrict(std::shared_ptr<const index::RowSet> only) {
  passing_ = std::make_shared<const index::PositionSet>(
      PositionsIn(*only, ordinals_, delta_->live_base.get()));
  num_passing_ = passing_->size();
  if (delta_->sealed != nullptr) {
    passing_sealed_ = std::make_shared<const index::PositionSet>(
        PositionsIn(*only, delta_->sealed->ordinals(), delta_->live_sealed.get()));
    num_passing_ += passing_sealed_->size();
  }
  num_passing_ += static_cast<std::size_t>(std::count_if(
      delta_->entries.begin(), delta_->entries.end(), [&](const DeltaPicture::Entry& entry) {
        return only->Contains(storage::ToInteger(entry.ordinal));
      }));
  only_ = std::move(only);
}

SearchOptions SearchedRows::IndexOptions(const SearchOptions& options,
                                         const index::PositionSet* passing,
                                         std::size_t num_live) const {
  SearchOptions own = options;
  own.passing = passing;
  if (delta_->num_live_sealed() > 0) {  // Each of the two graphs has a share of the answers.
    const std::size_t ef = options.ef == 0 ? index::HnswOptions().ef_search : options.ef;
    own.ef = std::max<std::size_t>(
        1, index::BeamForShare(ef, num_live, num_live_base() + delta_->num_live_sealed()));
  }
  return own;
}

SearchOptions SearchedRows::BaseOptions(const SearchOptions& options) const {
  return IndexOptions(options, passing_.get(), num_live_base());
}

SearchOptions SearchedRows::SealedOptions(const SearchOptions& options) const {
  return IndexOptions(options, passing_sealed_.get(), delta_->num_live_sealed());
}

SearchOptions SearchedRows::BlockOptions(const SearchOptions& options, std::size_t block) const {
  SearchOptions own = options;
  own.filter = [this, block](Position position) {
    return delta_->live[block * kDeltaBlockRows + position] &&
           (only_ == nullptr ||
            only_->Contains(storage::ToInteger(delta_->blocks[block]->ordinals[position])));
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
      AddPart(part, statistics);
    }
  };
  if (delta_->num_live_sealed() > 0) {
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

Result<std::vector<Shortlist>> SearchedRows::SearchBatch(
    index::FloatMatrixView queries, const SearchOptions& options, ThreadPool& pool,
    std::vector<SearchStatistics>* statistics) const {
  DASHI_ASSIGN_OR_RETURN(std::vector<Shortlist> found,
                         SearchEach(base_, queries, BaseOptions(options), pool, statistics));
  if (delta_->num_rows() == 0) {
    return found;
  }
  const auto append = [&](const std::vector<Shortlist>& more, std::size_t first) {
    for (std::size_t i = 0; i < found.size(); ++i) {
      Append(more[i], first, &found[i]);
      KeepBest(options.m, &found[i]);
    }
  };
  if (delta_->num_live_sealed() > 0) {
    std::vector<SearchStatistics> of_sealed;
    DASHI_ASSIGN_OR_RETURN(
        const std::vector<Shortlist> more,
        SearchEach(*delta_->sealed, queries, SealedOptions(options), pool, &of_sealed));
    append(more, num_base());
    for (std::size_t i = 0; i < found.size(); ++i) {
      AddPart(of_sealed[i], &(*statistics)[i]);
    }
  }
  for (std::size_t block = 0; block < delta_->blocks.size(); ++block) {
    const SearchOptions own = BlockOptions(options, block);
    const index::HalfMatrixView rows = BlockView(block);
    DASHI_ASSIGN_OR_RETURN(const std::vector<Shortlist> more,
                           index::ScanBatchExactly(rows, queries, own, pool));
    append(more, first_block_row() + block * kDeltaBlockRows);
    SearchStatistics of_block;
    for (std::size_t row = 0; row < rows.rows; ++row) {
      of_block.num_visited += own.filter(static_cast<Position>(row)) ? 1 : 0;
    }
    for (SearchStatistics& each : *statistics) {
      AddPart(of_block, &each);
    }
  }
  return found;
}

}  // namespace dashi::query
