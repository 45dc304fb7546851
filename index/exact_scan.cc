#include "index/exact_scan.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <numeric>
#include <optional>

#include "base/status.h"
#include "index/best_candidates.h"
#include "index/position_set.h"
#include "index/vector_kernels.h"

namespace dashi::index {

namespace {

constexpr std::size_t kScanRows = 512;
constexpr std::size_t kPackedRows = 512;
constexpr std::size_t kQueryTile = 8;
/// Candidates kept beyond m in a batch, because a matrix product rounds otherwise than a scan.
constexpr std::size_t kSlack = 8;

Status Cancelled() { return Status::Cancelled("search cancelled"); }

bool StopRequested(const SearchOptions& options) {
  return options.should_stop && options.should_stop();
}

/// Lists the rows that a search may find, ascending, a span at a time.
class PassingRows {
 public:
  PassingRows(const SearchOptions& options, std::size_t num_rows)
      : options_(options), num_rows_(num_rows) {}

  static bool AreAll(const SearchOptions& options) {
    return options.passing == nullptr && !options.filter;
  }
  bool at_end() const { return at_end_; }
  /// Returns how many were written, which may be none before the end.
  std::size_t Next(std::span<Position> out) {
    std::size_t size = 0;
    if (options_.passing != nullptr) {
      size = options_.passing->List(&next_, out);
      at_end_ = size < out.size();
    } else {
      size = std::min(out.size(), num_rows_ - next_);
      std::iota(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(size), next_);
      next_ += static_cast<Position>(size);
      at_end_ = next_ == num_rows_;
    }
    if (options_.filter) {
      const auto end =
          std::remove_if(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(size),
                         [this](Position position) { return !options_.filter(position); });
      size = static_cast<std::size_t>(end - out.begin());
    }
    return size;
  }

 private:
  const SearchOptions& options_;
  const std::size_t num_rows_;
  Position next_ = 0;
  bool at_end_ = false;
};

/// What a batch shares: the rows to scan, all or those that pass the filter.
struct RowSelection {
  HalfMatrixView vectors;
  std::optional<std::vector<Position>> passing;

  std::size_t size() const { return passing ? passing->size() : vectors.rows; }
  Position At(std::size_t i) const { return passing ? (*passing)[i] : static_cast<Position>(i); }
};

/// Scans the selection for the queries [begin, end) of a batch.
class BatchScan {
 public:
  BatchScan(const RowSelection& rows, FloatMatrixView queries, std::size_t m)
      : rows_(rows),
        dim_(rows.vectors.dim),
        queries_(queries),
        m_(std::min(m, rows.size())),
        best_(queries.rows, BestCandidates(std::min(m_ + kSlack, rows.size()))),
        panels_(PackedPanelSize(kPackedRows, dim_)),
        scores_(kQueryTile * kPackedRows) {}

  void ScanRows(std::size_t first, std::size_t size) {
    PackPanels(GatherRows(first, size), size, dim_, panels_.data());
    for (std::size_t q = 0; q < queries_.rows; q += kQueryTile) {
      const std::size_t tile = std::min(kQueryTile, queries_.rows - q);
      ScorePanels(queries_.data + q * dim_, tile, panels_.data(), size, dim_, kPackedRows,
                  scores_.data());
      for (std::size_t i = 0; i < tile; ++i) {
        const float* scores = scores_.data() + i * kPackedRows;
        if (rows_.passing) {
          best_[q + i].OfferAt(rows_.passing->data() + first, scores, size);
        } else {
          best_[q + i].OfferRange(static_cast<Position>(first), scores, size);
        }
      }
    }
  }

  /// Scores the survivors as a single scan does, so that both report the same numbers.
  Shortlist Take(std::size_t query) {
    Shortlist kept = best_[query].TakeSorted();
    positions_.clear();
    for (const Candidate& candidate : kept) {
      positions_.push_back(candidate.position);
    }
    rescored_.resize(kept.size());
    ScoreHalfRowsAt(queries_.data + query * dim_, rows_.vectors.data, positions_, dim_,
                    rescored_.data());
    BestCandidates best(m_);
    for (std::size_t i = 0; i < kept.size(); ++i) {
      best.Offer(positions_[i], rescored_[i]);
    }
    return best.TakeSorted();
  }

 private:
  const std::uint16_t* GatherRows(std::size_t first, std::size_t size) {
    if (!rows_.passing) {
      return rows_.vectors.data + first * dim_;
    }
    gathered_.resize(size * dim_);
    for (std::size_t i = 0; i < size; ++i) {
      const std::size_t row = rows_.At(first + i);
      std::memcpy(gathered_.data() + i * dim_, rows_.vectors.data + row * dim_,
                  dim_ * sizeof(std::uint16_t));
    }
    return gathered_.data();
  }

  const RowSelection& rows_;
  const std::size_t dim_;
  const FloatMatrixView queries_;
  const std::size_t m_;
  std::vector<BestCandidates> best_;
  std::vector<float> panels_;
  std::vector<float> scores_;
  std::vector<std::uint16_t> gathered_;
  std::vector<Position> positions_;
  std::vector<float> rescored_;
};

/// Return how many rows were scored.
Result<std::size_t> ScanAll(HalfMatrixView vectors, std::span<const float> query,
                            const SearchOptions& options, BestCandidates* best) {
  float scores[kScanRows];
  for (std::size_t first = 0; first < vectors.rows; first += kScanRows) {
    if (StopRequested(options)) {
      return Cancelled();
    }
    const std::size_t size = std::min(kScanRows, vectors.rows - first);
    ScoreHalfRows(query.data(), vectors.data + first * vectors.dim, size, vectors.dim, scores);
    best->OfferRange(static_cast<Position>(first), scores, size);
  }
  return vectors.rows;
}

Result<std::size_t> ScanPassing(HalfMatrixView vectors, std::span<const float> query,
                                const SearchOptions& options, BestCandidates* best) {
  float scores[kScanRows];
  Position listed[kScanRows];
  std::size_t num_scored = 0;
  for (PassingRows rows(options, vectors.rows); !rows.at_end();) {
    if (StopRequested(options)) {
      return Cancelled();
    }
    const std::size_t size = rows.Next(listed);
    ScoreHalfRowsAt(query.data(), vectors.data, {listed, size}, vectors.dim, scores);
    best->OfferAt(listed, scores, size);
    num_scored += size;
  }
  return num_scored;
}

/// Large enough to share the widening of rows, small enough for a few chunks a batch.
std::size_t QueriesPerChunk(std::size_t num_queries) {
  const std::size_t quarter = (num_queries / 4 + kQueryTile - 1) / kQueryTile * kQueryTile;
  return std::clamp<std::size_t>(quarter, 4 * kQueryTile, 32 * kQueryTile);
}

}  // namespace

Status CheckQueries(FloatMatrixView queries, std::size_t dim) {
  if (queries.dim != dim) {
    return Status::InvalidArgument("query dim mismatch: got " + std::to_string(queries.dim) +
                                   ", want " + std::to_string(dim));
  }
  const float* end = queries.data + queries.rows * dim;
  if (!std::all_of(queries.data, end, [](float value) { return std::isfinite(value); })) {
    return Status::InvalidArgument("query holds a value that is not finite");
  }
  return Status::Ok();
}

Status CheckScanSize(std::size_t num_rows, std::size_t dim, const SearchOptions& options) {
  if (!options.require_index || options.exact || num_rows <= ScanRowsMax(dim)) {
    return Status::Ok();
  }
  return Status::FailedPrecondition(
             "an index is required and too many rows would be scanned: got " +
             std::to_string(num_rows) + ", at most " + std::to_string(ScanRowsMax(dim)))
      .WithSqlState("55000");
}

Result<Shortlist> ScanExactly(HalfMatrixView vectors, std::span<const float> query,
                              const SearchOptions& options, SearchStatistics* statistics) {
  SearchStatistics counted;
  counted.path = PassingRows::AreAll(options) ? SearchPath::kScan : SearchPath::kSubsetScan;
  Shortlist shortlist;
  const std::size_t m = std::min(options.m, vectors.rows);
  if (m > 0) {
    BestCandidates best(m);
    Result<std::size_t> scanned = PassingRows::AreAll(options)
                                      ? ScanAll(vectors, query, options, &best)
                                      : ScanPassing(vectors, query, options, &best);
    if (!scanned.ok()) {
      return std::move(scanned).status();
    }
    counted.num_visited = *scanned;
    shortlist = best.TakeSorted();
  }
  if (statistics != nullptr) {
    *statistics = counted;
  }
  return shortlist;
}

Result<std::vector<Shortlist>> ScanBatchExactly(HalfMatrixView vectors, FloatMatrixView queries,
                                                const SearchOptions& options, ThreadPool& pool) {
  std::vector<Shortlist> results(queries.rows);
  RowSelection rows{vectors, std::nullopt};
  if (!PassingRows::AreAll(options)) {
    rows.passing.emplace();
    Position listed[kScanRows];
    for (PassingRows all(options, vectors.rows); !all.at_end();) {
      const std::size_t size = all.Next(listed);
      rows.passing->insert(rows.passing->end(), listed, listed + size);
    }
  }
  if (options.m == 0 || rows.size() == 0) {
    return results;
  }
  std::atomic<bool> stopped{false};
  const auto scan_chunk = [&](std::size_t begin, std::size_t end) {
    const FloatMatrixView chunk{queries.data + begin * queries.dim, end - begin, queries.dim};
    BatchScan scan(rows, chunk, options.m);
    for (std::size_t first = 0; first < rows.size(); first += kPackedRows) {
      if (stopped.load(std::memory_order_relaxed) || StopRequested(options)) {
        stopped.store(true, std::memory_order_relaxed);
        return;
      }
      scan.ScanRows(first, std::min(kPackedRows, rows.size() - first));
    }
    for (std::size_t q = begin; q < end; ++q) {
      results[q] = scan.Take(q - begin);
    }
  };
  pool.ParallelFor(queries.rows, QueriesPerChunk(queries.rows), scan_chunk);
  if (stopped.load()) {
    return Cancelled();
  }
  return results;
}

}  // namespace dashi::index
