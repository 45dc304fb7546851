#include "index/exact_scan.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <optional>

#include "base/status.h"
#include "index/best_candidates.h"
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

Result<Shortlist> ScanExactly(HalfMatrixView vectors, std::span<const float> query,
                              const SearchOptions& options, SearchStatistics* statistics) {
  SearchStatistics counted;
  Shortlist shortlist;
  const std::size_t m = std::min(options.m, vectors.rows);
  if (m > 0) {
    BestCandidates best(m);
    float scores[kScanRows];
    std::vector<Position> passing;
    for (std::size_t first = 0; first < vectors.rows; first += kScanRows) {
      if (StopRequested(options)) {
        return Cancelled();
      }
      const std::size_t size = std::min(kScanRows, vectors.rows - first);
      const auto first_position = static_cast<Position>(first);
      if (!options.filter) {
        ScoreHalfRows(query.data(), vectors.data + first * vectors.dim, size, vectors.dim, scores);
        best.OfferRange(first_position, scores, size);
        counted.num_visited += size;
        continue;
      }
      passing.clear();
      for (Position i = 0; i < size; ++i) {
        if (options.filter(first_position + i)) {
          passing.push_back(first_position + i);
        }
      }
      ScoreHalfRowsAt(query.data(), vectors.data, passing, vectors.dim, scores);
      best.OfferAt(passing.data(), scores, passing.size());
      counted.num_visited += passing.size();
    }
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
  if (options.filter) {
    rows.passing.emplace();
    for (std::size_t i = 0; i < vectors.rows; ++i) {
      if (options.filter(static_cast<Position>(i))) {
        rows.passing->push_back(static_cast<Position>(i));
      }
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
