#include "index/graph_index.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "base/mutex.h"
#include "base/status.h"
#include "index/best_candidates.h"
#include "index/exact_scan.h"
#include "index/position_set.h"
#include "index/segment/verified_blocks.h"
#include "index/vector_kernels.h"

namespace dashi::index {

namespace {

constexpr std::size_t kQueriesPerChunk = 16;
/// Rows that are verified between two looks at should_stop.
constexpr std::size_t kRowsPerLook = 512;

}  // namespace

/// What a search looks for: options whose filter has become a part of `passing`, and which of the
/// rows that pass the graph leaves out.
class GraphIndex::Asked {
 public:
  Asked(const SearchOptions& options, const PositionSet& unlinked, std::size_t num_vectors)
      : options_(options), num_passing_(num_vectors) {
    if (options.filter) {
      passing_ = PositionSet::Where(num_vectors, [&options](Position position) {
        return (options.passing == nullptr || options.passing->Contains(position)) &&
               options.filter(position);
      });
      options_.passing = &passing_;
      options_.filter = nullptr;
    }
    if (options_.passing == nullptr) {
      num_apart_ = unlinked.size();
      apart_ = options_;
      apart_.passing = &unlinked;
      return;
    }
    num_passing_ = options_.passing->size();
    if (unlinked.size() > 0) {
      num_apart_ = PositionSet::CountCommon(*options_.passing, unlinked);
    }
    if (num_apart_ > 0) {
      passing_apart_ = PositionSet::Common(*options_.passing, unlinked);
      apart_ = options_;
      apart_.passing = &passing_apart_;
    }
  }
  Asked(const Asked&) = delete;
  Asked& operator=(const Asked&) = delete;

  const SearchOptions& options() const { return options_; }
  std::size_t num_passing() const { return num_passing_; }
  /// The rows among them that have no links.
  std::size_t num_apart() const { return num_apart_; }
  /// What scans these.
  const SearchOptions& apart() const { return apart_; }

 private:
  SearchOptions options_;
  SearchOptions apart_;
  std::size_t num_passing_;
  std::size_t num_apart_ = 0;
  PositionSet passing_;
  PositionSet passing_apart_;
};

GraphParts PartsOf(const StoredGraph& stored, HalfMatrixView vectors) {
  GraphParts parts;
  parts.graph = stored.graph.view();
  parts.vectors = vectors;
  parts.duplicates = stored.duplicates.view();
  parts.unlinked = stored.unlinked;
  parts.ef_search = stored.ef_search;
  parts.entry_percent = stored.entry_percent;
  return parts;
}

GraphIndex::GraphIndex(std::shared_ptr<const GraphKeeper> keeper)
    : keeper_(std::move(keeper)),
      parts_(keeper_->parts()),
      searcher_(parts_),
      unlinked_({parts_.unlinked.begin(), parts_.unlinked.end()}, num_vectors()) {
  if (!parts_.duplicates.all.empty()) {
    repeated_.resize(num_vectors());
  }
  for (const DuplicateRow& row : parts_.duplicates.all) {
    repeated_[row.first] = true;
  }
}

Result<Shortlist> GraphIndex::Search(std::span<const float> query, const SearchOptions& options,
                                     SearchStatistics* statistics) const {
  DASHI_RETURN_IF_ERROR(CheckQueries({query.data(), 1, query.size()}, dim()));
  SearchStatistics counted;
  const Asked asked(options, unlinked_, num_vectors());
  Result<Shortlist> found = SearchChecked(query, asked, &counted);
  if (statistics != nullptr) {
    *statistics = counted;
  }
  return found;
}

Status GraphIndex::Reconstruct(Position position, float* out) const {
  DASHI_CHECK(position < num_vectors());
  const std::uint16_t* row = parts_.vectors.data + std::size_t{position} * dim();
  if (parts_.blocks != nullptr && !parts_.blocks->Touch(row, dim() * sizeof(*row))) {
    return parts_.blocks->damage();
  }
  FromHalf(row, out, dim());
  return Status::Ok();
}

/// Makes sure of the vectors that a scan reads, where they stand in a file.
Status GraphIndex::VerifyVectors(const SearchOptions& options) const {
  const VerifiedBlocks* blocks = parts_.blocks;
  if (blocks == nullptr || blocks->complete()) {
    return Status::Ok();
  }
  if (options.passing == nullptr) {
    return blocks->VerifySection(SegmentSection::kVectors, options.should_stop);
  }
  Position listed[kRowsPerLook];
  Position next = 0;
  while (const std::size_t size = options.passing->List(&next, listed)) {
    if (options.should_stop && options.should_stop()) {
      return Status::Cancelled("search cancelled");
    }
    for (const Position position : std::span(listed, size)) {
      const std::uint16_t* row = parts_.vectors.data + std::size_t{position} * dim();
      if (!blocks->Touch(row, dim() * sizeof(*row))) {
        return blocks->damage();
      }
    }
  }
  return Status::Ok();
}

Result<Shortlist> GraphIndex::Scan(std::span<const float> query, const SearchOptions& options,
                                   SearchStatistics* counted) const {
  const std::size_t num_rows = options.passing == nullptr ? num_vectors() : options.passing->size();
  DASHI_RETURN_IF_ERROR(CheckScanSize(num_rows, dim(), options));
  DASHI_RETURN_IF_ERROR(VerifyVectors(options));
  SearchStatistics scanned;
  Result<Shortlist> found = ScanExactly(parts_.vectors, query, options, &scanned);
  counted->path = counted->num_visited == 0 ? scanned.path : SearchPath::kGraphThenScan;
  counted->num_visited += scanned.num_visited;
  counted->exact = true;
  return found;
}

/// Adds the duplicates of what was found and drops what may not be found, until m and all of equal
/// score are there.
Shortlist GraphIndex::Answers(const Shortlist& found, const SearchOptions& options,
                              std::size_t m) const {
  Shortlist answers;
  answers.reserve(m + 1);
  const auto add = [&](Position position, float score) {
    if (options.passing == nullptr || options.passing->Contains(position)) {
      answers.push_back({position, score});
    }
  };
  for (const Candidate& candidate : found) {
    if (answers.size() >= m && candidate.score < answers.back().score) {
      break;
    }
    add(candidate.position, candidate.score);
    if (!repeated_.empty() && repeated_[candidate.position]) {
      for (const DuplicateRow& row : parts_.duplicates.Of(candidate.position)) {
        add(row.duplicate, candidate.score);
      }
    }
  }
  std::sort(answers.begin(), answers.end(), IsBetter);
  answers.resize(std::min(answers.size(), m));
  return answers;
}

Result<Shortlist> GraphIndex::SearchChecked(std::span<const float> query, const Asked& asked,
                                            SearchStatistics* counted) const {
  if (parts_.blocks != nullptr && parts_.blocks->is_damaged()) {
    return parts_.blocks->damage();
  }
  const SearchOptions& options = asked.options();
  // Of what the graph links; all that it leaves out is scanned.
  const std::size_t num_passing = asked.num_passing() - asked.num_apart();
  const std::size_t m = std::min(options.m, num_passing);
  if (options.exact || m == 0) {
    return Scan(query, options, counted);
  }
  const std::size_t ef = options.ef == 0 ? parts_.ef_search : options.ef;
  const std::size_t num_linked = num_vectors() - unlinked_.size();
  DASHI_ASSIGN_OR_RETURN(
      const std::optional<Shortlist> found,
      num_passing == num_linked
          ? WalkAll(query, m, ef, options, counted)
          : WalkPassing(query, {num_linked, dim(), num_passing, m, ef}, options, counted));
  if (found) {
    Shortlist answers = Answers(*found, options, m);
    if (answers.size() == m) {
      counted->exact = false;
      return asked.num_apart() == 0 ? answers
                                    : WithApart(query, asked, std::move(answers), counted);
    }
  }
  counted->num_refills += counted->num_visited == 0 ? 0 : 1;
  return Scan(query, options, counted);
}

/// Adds the best of the rows that have no links.
Result<Shortlist> GraphIndex::WithApart(std::span<const float> query, const Asked& asked,
                                        Shortlist answers, SearchStatistics* counted) const {
  const SearchOptions& apart = asked.apart();
  DASHI_RETURN_IF_ERROR(CheckScanSize(asked.num_apart(), dim(), apart));
  DASHI_RETURN_IF_ERROR(VerifyVectors(apart));
  SearchStatistics scanned;
  DASHI_ASSIGN_OR_RETURN(const Shortlist more, ScanExactly(parts_.vectors, query, apart, &scanned));
  counted->num_visited += scanned.num_visited;
  answers.insert(answers.end(), more.begin(), more.end());
  std::sort(answers.begin(), answers.end(), IsBetter);
  answers.resize(std::min(answers.size(), apart.m));
  return answers;
}

/// Gives nullopt when a scan costs less.
Result<std::optional<Shortlist>> GraphIndex::WalkAll(std::span<const float> query, std::size_t m,
                                                     std::size_t ef, const SearchOptions& options,
                                                     SearchStatistics* counted) const {
  const std::size_t num_linked = num_vectors() - unlinked_.size();
  ef = std::min(std::max(ef, m), num_linked);
  // A node has half as many links on level 1.
  if (ScanIsCheaper(num_linked, ef + ef * parts_.entry_percent / 200)) {
    return std::optional<Shortlist>();
  }
  Result<Shortlist> found = searcher_.Search(query, ef, m, options, &counted->num_visited);
  counted->path = SearchPath::kGraph;
  if (!found.ok()) {
    return std::move(found).status();
  }
  return std::optional<Shortlist>(std::move(found).value());
}

Result<std::optional<Shortlist>> GraphIndex::WalkPassing(std::span<const float> query,
                                                         const FilteredTask& task,
                                                         const SearchOptions& options,
                                                         SearchStatistics* counted) const {
  const FilteredPlan plan(task);
  if (!plan.walks()) {
    return std::optional<Shortlist>();
  }
  WalkProgress progress;
  auto found = searcher_.SearchPassing(
      query, plan.beam(), task.m,
      {*options.passing, parts_.duplicates, repeated_, task.num_passing, task.num_vectors},
      [&plan](const WalkProgress& now) { return plan.GoesOn(now); }, options, &progress);
  counted->num_visited += progress.num_visited;
  counted->path = progress.num_widened > 0 ? SearchPath::kWidenedGraph : SearchPath::kGraph;
  return found;
}

Result<std::vector<Shortlist>> GraphIndex::SearchBatch(FloatMatrixView queries,
                                                       const SearchOptions& options,
                                                       ThreadPool& pool) const {
  DASHI_RETURN_IF_ERROR(CheckQueries(queries, dim()));
  const Asked asked(options, unlinked_, num_vectors());
  if (options.exact) {
    DASHI_RETURN_IF_ERROR(VerifyVectors(asked.options()));
    return ScanBatchExactly(parts_.vectors, queries, asked.options(), pool);
  }
  std::vector<Shortlist> results(queries.rows);
  Mutex mutex;
  Status first_error;
  std::atomic<bool> failed{false};
  pool.ParallelFor(queries.rows, kQueriesPerChunk, [&](std::size_t begin, std::size_t end) {
    for (std::size_t q = begin; q < end && !failed.load(std::memory_order_relaxed); ++q) {
      SearchStatistics counted;
      Result<Shortlist> found = SearchChecked({queries.data + q * dim(), dim()}, asked, &counted);
      if (found.ok()) {
        results[q] = std::move(found).value();
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

}  // namespace dashi::index
