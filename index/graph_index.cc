#include "index/graph_index.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "base/mutex.h"
#include "base/status.h"
#include "index/best_candidates.h"
#include "index/exact_scan.h"
#include "index/segment/verified_blocks.h"
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

}  // namespace

GraphParts PartsOf(const StoredGraph& stored, HalfMatrixView vectors) {
  GraphParts parts;
  parts.graph = stored.graph.view();
  parts.vectors = vectors;
  parts.duplicates = stored.duplicates.view();
  parts.ef_search = stored.ef_search;
  return parts;
}

GraphIndex::GraphIndex(std::shared_ptr<const GraphKeeper> keeper)
    : keeper_(std::move(keeper)), parts_(keeper_->parts()), searcher_(parts_) {}

Result<Shortlist> GraphIndex::Search(std::span<const float> query, const SearchOptions& options,
                                     SearchStatistics* statistics) const {
  DASHI_RETURN_IF_ERROR(CheckQueries({query.data(), 1, query.size()}, dim()));
  SearchStatistics counted;
  Result<Shortlist> found = SearchChecked(query, options, &counted);
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

/// Makes sure of all vectors, where they stand in a file.
Status GraphIndex::VerifyVectors(const SearchOptions& options) const {
  return parts_.blocks == nullptr
             ? Status::Ok()
             : parts_.blocks->VerifySection(SegmentSection::kVectors, options.should_stop);
}

/// Whether a beam of this width costs as much as scanning everything that can pass.
bool GraphIndex::ScanIsCheaper(std::size_t ef, std::size_t num_passing, bool filtered) const {
  const std::size_t scan_cost = filtered ? num_passing + num_vectors() / kFilterCallsPerVisit
                                         : num_vectors() / kScanRowsPerVisit;
  return kVisitsPerPlace * ef >= scan_cost;
}

Result<Shortlist> GraphIndex::Scan(std::span<const float> query, const SearchOptions& options,
                                   SearchStatistics* counted) const {
  DASHI_RETURN_IF_ERROR(VerifyVectors(options));
  SearchStatistics scanned;
  Result<Shortlist> found = ScanExactly(parts_.vectors, query, options, &scanned);
  counted->num_visited += scanned.num_visited;
  counted->exact = true;
  return found;
}

/// Adds the duplicates of what was found and drops what fails the filter, until `wanted` and all of
/// equal score are there.
Shortlist GraphIndex::Answers(const Shortlist& found, const SearchOptions& options,
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
    for (const DuplicateRow& row : parts_.duplicates.Of(candidate.position)) {
      add(row.duplicate, candidate.score);
    }
  }
  std::sort(answers.begin(), answers.end(), IsBetter);
  return answers;
}

/// Widens the beam until it holds enough candidates that pass, or until a scan costs no more.
Result<Shortlist> GraphIndex::SearchChecked(std::span<const float> query,
                                            const SearchOptions& options,
                                            SearchStatistics* counted) const {
  if (parts_.blocks != nullptr && parts_.blocks->is_damaged()) {
    return parts_.blocks->damage();
  }
  const std::size_t m = std::min(options.m, num_vectors());
  if (options.exact || m == 0) {
    return Scan(query, options, counted);
  }
  const bool filtered = static_cast<bool>(options.filter);
  std::size_t ef = std::max(options.ef == 0 ? parts_.ef_search : options.ef, m);
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

Result<std::vector<Shortlist>> GraphIndex::SearchBatch(FloatMatrixView queries,
                                                       const SearchOptions& options,
                                                       ThreadPool& pool) const {
  DASHI_RETURN_IF_ERROR(CheckQueries(queries, dim()));
  if (options.exact) {
    DASHI_RETURN_IF_ERROR(VerifyVectors(options));
    return ScanBatchExactly(parts_.vectors, queries, options, pool);
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
      Result<Shortlist> found = SearchChecked({queries.data + q * dim(), dim()}, each, &counted);
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
