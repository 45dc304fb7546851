#include <algorithm>
#include <atomic>
#include <utility>

#include "base/file.h"
#include "base/mutex.h"
#include "base/status.h"
#include "index/best_candidates.h"
#include "index/exact_scan.h"
#include "index/faiss_hnsw_builder.h"
#include "index/hnsw_graph_file.h"
#include "index/hnsw_search.h"
#include "index/row_codes.h"
#include "index/vector_index.h"
#include "index/vector_kernels.h"

namespace dashi::index {

namespace {

/// Dot products a search costs for each place of its beam, measured on 20k clustered vectors.
constexpr std::size_t kVisitsPerPlace = 16;
/// A row at random costs about as much as this many rows of a scan, and as many filter calls.
constexpr std::size_t kScanRowsPerVisit = 3;
constexpr std::size_t kFilterCallsPerVisit = 30;
/// A filtered beam must hold this many candidates that pass for each one wanted, and at least the
/// minimum: the last ones of a beam are the doubtful ones.
constexpr std::size_t kPassingPerWanted = 2;
constexpr std::size_t kPassingMin = 32;
constexpr std::size_t kFilterSamples = 256;
constexpr std::size_t kQueriesPerChunk = 16;

/// Returns how many positions pass a filter, from a sample that is spread evenly.
std::size_t EstimatePassing(const SearchOptions& options, std::size_t num_vectors) {
  const std::size_t samples = std::min(kFilterSamples, num_vectors);
  std::size_t passing = 0;
  for (std::size_t i = 0; i < samples; ++i) {
    passing += options.filter(static_cast<Position>(i * num_vectors / samples)) ? 1 : 0;
  }
  return passing * num_vectors / std::max<std::size_t>(samples, 1);
}

class HnswIndex : public VectorIndex {
 public:
  HnswIndex(std::vector<std::uint16_t> vectors, std::size_t dim, StoredGraph stored)
      : vectors_(std::move(vectors)),
        dim_(dim),
        stored_(std::move(stored)),
        codes_(view()),
        searcher_(stored_.graph, view(), &codes_) {}

  std::size_t num_vectors() const override { return vectors_.size() / dim_; }
  std::size_t dim() const override { return dim_; }
  std::string_view kind() const override { return "hnsw"; }
  std::uint64_t memory_bytes() const override {
    return vectors_.capacity() * sizeof(std::uint16_t) + codes_.memory_bytes() +
           stored_.graph.memory_bytes();
  }

  Result<Shortlist> Search(std::span<const float> query, const SearchOptions& options,
                           SearchStatistics* statistics) const override {
    DASHI_RETURN_IF_ERROR(CheckQueries({query.data(), 1, query.size()}, dim_));
    SearchStatistics counted;
    Result<Shortlist> found = SearchChecked(query, options, &counted);
    if (statistics != nullptr) {
      *statistics = counted;
    }
    return found;
  }

  Result<std::vector<Shortlist>> SearchBatch(FloatMatrixView queries, const SearchOptions& options,
                                             ThreadPool& pool) const override;

  void Reconstruct(Position position, float* out) const override {
    DASHI_CHECK(position < num_vectors());
    FromHalf(vectors_.data() + static_cast<std::size_t>(position) * dim_, out, dim_);
  }

  Status Save(const std::string& path, FileGate& gate) const override {
    return ReplaceFile(path, SerializeGraph(stored_, view()), gate);
  }

 private:
  HalfMatrixView view() const { return {vectors_.data(), num_vectors(), dim_}; }

  /// Whether a beam of this width costs as much as scanning everything that can pass.
  bool ScanIsCheaper(std::size_t ef, std::size_t num_passing, bool filtered) const {
    const std::size_t scan_cost = filtered ? num_passing + num_vectors() / kFilterCallsPerVisit
                                           : num_vectors() / kScanRowsPerVisit;
    return kVisitsPerPlace * ef >= scan_cost;
  }

  Shortlist Answers(const Shortlist& found, const SearchOptions& options, std::size_t wanted) const;
  Result<Shortlist> SearchChecked(std::span<const float> query, const SearchOptions& options,
                                  SearchStatistics* counted) const;
  Result<Shortlist> Scan(std::span<const float> query, const SearchOptions& options,
                         SearchStatistics* counted) const;

  const std::vector<std::uint16_t> vectors_;
  const std::size_t dim_;
  const StoredGraph stored_;
  const RowCodes codes_;
  const HnswSearcher searcher_;
};

Result<Shortlist> HnswIndex::Scan(std::span<const float> query, const SearchOptions& options,
                                  SearchStatistics* counted) const {
  SearchStatistics scanned;
  Result<Shortlist> found = ScanExactly(view(), query, options, &scanned);
  counted->num_visited += scanned.num_visited;
  counted->exact = true;
  return found;
}

/// Adds the duplicates of what was found and drops what fails the filter, until `wanted` and all of
/// equal score are there.
Shortlist HnswIndex::Answers(const Shortlist& found, const SearchOptions& options,
                             std::size_t wanted) const {
  Shortlist answers;
  const auto add = [&](Position position, float score) {
    if (!options.filter || options.filter(position)) {
      answers.push_back({position, score});
    }
  };
  for (const Candidate& candidate : found) {
    if (answers.size() >= wanted && candidate.score < answers.back().score) {
      break;
    }
    add(candidate.position, candidate.score);
    for (const DuplicateRow& row : stored_.duplicates.Of(candidate.position)) {
      add(row.duplicate, candidate.score);
    }
  }
  std::sort(answers.begin(), answers.end(), IsBetter);
  return answers;
}

/// Widens the beam until it holds enough candidates that pass, or until a scan costs no more.
Result<Shortlist> HnswIndex::SearchChecked(std::span<const float> query,
                                           const SearchOptions& options,
                                           SearchStatistics* counted) const {
  const std::size_t m = std::min(options.m, num_vectors());
  if (options.exact || m == 0) {
    return Scan(query, options, counted);
  }
  const bool filtered = static_cast<bool>(options.filter);
  std::size_t ef = std::max(options.ef == 0 ? stored_.ef_search : options.ef, m);
  std::size_t num_passing = num_vectors();
  std::size_t wanted = m;
  if (filtered) {
    num_passing = EstimatePassing(options, num_vectors());
    wanted = std::max(kPassingPerWanted * m, kPassingMin);
    ef = std::max(ef, wanted * num_vectors() / std::max<std::size_t>(num_passing, 1));
  }
  ef = std::min(ef, num_vectors());
  for (; !ScanIsCheaper(ef, num_passing, filtered); ef *= 4, ++counted->num_refills) {
    const Result<Shortlist> found =
        searcher_.Search(query, ef, filtered ? ef : m, options, &counted->num_visited);
    if (!found.ok()) {
      return found.status();
    }
    Shortlist answers = Answers(*found, options, wanted);
    if (answers.size() >= wanted) {
      answers.resize(m);
      counted->exact = false;
      return answers;
    }
  }
  return Scan(query, options, counted);
}

Result<std::vector<Shortlist>> HnswIndex::SearchBatch(FloatMatrixView queries,
                                                      const SearchOptions& options,
                                                      ThreadPool& pool) const {
  DASHI_RETURN_IF_ERROR(CheckQueries(queries, dim_));
  if (options.exact) {
    return ScanBatchExactly(view(), queries, options, pool);
  }
  SearchOptions each = options;
  std::vector<bool> passing;
  if (options.filter && queries.rows > 1) {
    passing.resize(num_vectors());
    for (std::size_t i = 0; i < passing.size(); ++i) {
      passing[i] = options.filter(static_cast<Position>(i));
    }
    each.filter = [&passing](Position position) { return passing[position]; };
  }
  std::vector<Shortlist> results(queries.rows);
  Mutex mutex;
  Status first_error;
  std::atomic<bool> failed{false};
  pool.ParallelFor(queries.rows, kQueriesPerChunk, [&](std::size_t begin, std::size_t end) {
    for (std::size_t q = begin; q < end && !failed.load(std::memory_order_relaxed); ++q) {
      SearchStatistics counted;
      Result<Shortlist> found = SearchChecked({queries.data + q * dim_, dim_}, each, &counted);
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

}  // namespace

Result<std::unique_ptr<VectorIndex>> BuildHnswIndex(std::vector<std::uint16_t> vectors,
                                                    std::size_t dim, const HnswOptions& options,
                                                    const BuildProgress& progress) {
  DASHI_CHECK(dim > 0 && vectors.size() % dim == 0);
  const HalfMatrixView view{vectors.data(), vectors.size() / dim, dim};
  StoredGraph stored;
  stored.ef_search = options.ef_search;
  stored.duplicates = DuplicateRows::Find(view);
  DASHI_ASSIGN_OR_RETURN(stored.graph, BuildHnswGraph(view, stored.duplicates.FirstRows(view.rows),
                                                      options, progress));
  return std::unique_ptr<VectorIndex>(
      std::make_unique<HnswIndex>(std::move(vectors), dim, std::move(stored)));
}

Result<std::unique_ptr<VectorIndex>> LoadHnswIndex(const std::string& path,
                                                   std::vector<std::uint16_t> vectors,
                                                   std::size_t dim) {
  DASHI_CHECK(dim > 0 && vectors.size() % dim == 0);
  DASHI_ASSIGN_OR_RETURN(const std::string bytes, ReadWholeFile(path));
  Result<StoredGraph> stored = ParseGraph(bytes, {vectors.data(), vectors.size() / dim, dim});
  if (!stored.ok()) {
    return std::move(stored).status().WithContext(path);
  }
  return std::unique_ptr<VectorIndex>(
      std::make_unique<HnswIndex>(std::move(vectors), dim, std::move(stored).value()));
}

}  // namespace dashi::index
