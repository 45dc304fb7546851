#include "trainer/balanced_clustering.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <span>
#include <utility>

#include "base/random.h"
#include "base/status.h"
#include "index/vector_kernels.h"
#include "trainer/scratch/scratch_array.h"

namespace dashi::trainer {
namespace {

// Rows of one unit of parallel work; also fixes the order of summation.
constexpr std::size_t kChunkRows = 2048;

// Nodes whose starts are drawn at once.
constexpr std::size_t kNodesAtOnce = std::size_t{1} << 16U;

// Memory for the split of a node.  Shape: [num_rows] each.
struct NodeMemory {
  std::span<std::uint32_t> ascending;
  std::span<std::uint64_t> keys;
  std::span<std::uint64_t> selected;
};

// Splits one node's rows, which ascend, in place.
class NodeSplit {
 public:
  NodeSplit(index::HalfMatrixView vectors, std::span<std::uint32_t> rows, const NodeMemory& memory,
            ThreadPool& pool)
      : vectors_(vectors),
        rows_(rows),
        half_((rows.size() + 1) / 2),
        pool_(pool),
        ascending_(memory.ascending),
        keys_(memory.keys),
        selected_(memory.selected),
        direction_(vectors.dim),
        total_(Sum(rows)) {
    std::copy(rows.begin(), rows.end(), memory.ascending.begin());
  }

  void Run(std::span<const StartPair> starts) {
    StartDirection(starts);
    double similarity = 0;
    for (int i = 0; i < SplitRules::kIterationsMax; ++i) {
      CutAtMedian();
      const double next = MoveDirection();
      if (i > 0 && next - similarity < SplitRules::kGainMin) {
        break;
      }
      similarity = next;
    }
  }

 private:
  const std::uint16_t* Vector(std::uint32_t row) const {
    return vectors_.data + static_cast<std::size_t>(row) * vectors_.dim;
  }

  std::vector<float> Sum(std::span<const std::uint32_t> rows) const {
    const std::size_t dim = vectors_.dim;
    const std::size_t num_chunks = (rows.size() + kChunkRows - 1) / kChunkRows;
    std::vector<float> partial(std::max<std::size_t>(1, num_chunks) * dim, 0.0F);
    pool_.ParallelFor(rows.size(), kChunkRows, [&](std::size_t begin, std::size_t end) {
      float* sum = partial.data() + begin / kChunkRows * dim;
      for (std::size_t i = begin; i < end; ++i) {
        index::AddScaledHalf(1.0F, Vector(rows[i]), sum, dim);
      }
    });
    for (std::size_t chunk = 1; chunk < num_chunks; ++chunk) {
      index::AddScaled(1.0F, partial.data() + chunk * dim, partial.data(), dim);
    }
    partial.resize(dim);
    return partial;
  }

  // Second centroid minus first.
  void StartDirection(std::span<const StartPair> starts) {
    for (const StartPair& pair : starts) {
      index::FromHalf(Vector(pair.second), direction_.data(), vectors_.dim);
      index::AddScaledHalf(-1.0F, Vector(pair.first), direction_.data(), vectors_.dim);
      if (index::Dot(direction_.data(), direction_.data(), vectors_.dim) >
          SplitRules::kDistanceMin) {
        break;
      }
    }
  }

  void CutAtMedian() {
    pool_.ParallelFor(ascending_.size(), kChunkRows, [&](std::size_t begin, std::size_t end) {
      std::array<float, kChunkRows> scores;
      const std::span<const std::uint32_t> rows(ascending_.data() + begin, end - begin);
      index::ScoreHalfRowsAt(direction_.data(), vectors_.data, rows, vectors_.dim, scores.data());
      for (std::size_t i = 0; i < rows.size(); ++i) {
        keys_[begin + i] = SortKey(scores[i], rows[i]);
      }
    });
    // Ties go by row, so the halves are the same sets on every machine.
    std::copy(keys_.begin(), keys_.end(), selected_.begin());
    const auto median = selected_.begin() + static_cast<std::ptrdiff_t>(half_);
    std::nth_element(selected_.begin(), median, selected_.end());
    // A pass over ascending rows keeps the halves ascending: no sort.
    std::size_t first = 0;
    std::size_t second = half_;
    for (std::size_t i = 0; i < ascending_.size(); ++i) {
      const bool is_second = keys_[i] >= *median;
      rows_[is_second ? second : first] = ascending_[i];
      second += is_second ? 1 : 0;
      first += is_second ? 0 : 1;
    }
  }

  // Makes the halves' means the centroids and returns the mean similarity of rows to them.
  double MoveDirection() {
    std::vector<float> first = Sum(rows_.subspan(0, half_));
    std::vector<float> second = total_;
    index::AddScaled(-1.0F, first.data(), second.data(), vectors_.dim);
    const double first_norm = index::NormalizeInPlace(first.data(), vectors_.dim);
    const double second_norm = index::NormalizeInPlace(second.data(), vectors_.dim);
    direction_ = std::move(second);
    index::AddScaled(-1.0F, first.data(), direction_.data(), vectors_.dim);
    return (first_norm + second_norm) / static_cast<double>(rows_.size());
  }

  const index::HalfMatrixView vectors_;
  const std::span<std::uint32_t> rows_;
  const std::size_t half_;
  ThreadPool& pool_;
  const std::span<const std::uint32_t> ascending_;  // [num_rows]
  const std::span<std::uint64_t> keys_;             // [num_rows] of ascending_
  const std::span<std::uint64_t> selected_;         // [num_rows]
  std::vector<float> direction_;                    // [dim]
  const std::vector<float> total_;                  // [dim]
};

class ProcessorSplitter final : public LevelSplitter {
 public:
  static Result<std::unique_ptr<LevelSplitter>> Make(index::HalfMatrixView vectors,
                                                     ThreadPool& pool, ScratchSpace* scratch) {
    auto splitter = std::unique_ptr<ProcessorSplitter>(new ProcessorSplitter(vectors, pool));
    DASHI_ASSIGN_OR_RETURN(splitter->ascending_,
                           ScratchArray<std::uint32_t>::Make(scratch, vectors.rows));
    DASHI_ASSIGN_OR_RETURN(splitter->keys_,
                           ScratchArray<std::uint64_t>::Make(scratch, vectors.rows));
    DASHI_ASSIGN_OR_RETURN(splitter->selected_,
                           ScratchArray<std::uint64_t>::Make(scratch, vectors.rows));
    return std::unique_ptr<LevelSplitter>(std::move(splitter));
  }

  Status Split(std::span<const std::uint32_t> offsets, std::span<const StartPair> starts,
               std::span<std::uint32_t> rows) override {
    pool_.ParallelFor(offsets.size() - 1, 1, [&](std::size_t begin, std::size_t end) {
      for (std::size_t node = begin; node < end; ++node) {
        const std::size_t size = offsets[node + 1] - offsets[node];
        if (size > 1) {
          const NodeMemory memory{ascending_.all().subspan(offsets[node], size),
                                  keys_.all().subspan(offsets[node], size),
                                  selected_.all().subspan(offsets[node], size)};
          NodeSplit(vectors_, rows.subspan(offsets[node], size), memory, pool_)
              .Run(starts.subspan(node * SplitRules::kStartPairs, SplitRules::kStartPairs));
        }
      }
    });
    return Status();
  }

 private:
  ProcessorSplitter(index::HalfMatrixView vectors, ThreadPool& pool)
      : vectors_(vectors), pool_(pool) {}

  const index::HalfMatrixView vectors_;
  ThreadPool& pool_;
  ScratchArray<std::uint32_t> ascending_;  // [num_rows], as the other two
  ScratchArray<std::uint64_t> keys_;
  ScratchArray<std::uint64_t> selected_;
};

// Pairs of two distinct rows of a node, or of the same row twice when there is no other.
void DrawStarts(std::span<const std::uint32_t> rows, Random random,
                std::vector<StartPair>* starts) {
  for (std::size_t i = 0; i < SplitRules::kStartPairs; ++i) {
    if (rows.size() < 2) {
      starts->push_back({rows[0], rows[0]});
      continue;
    }
    const std::uint64_t first = random.Uniform(rows.size());
    std::uint64_t second = random.Uniform(rows.size() - 1);
    second += second >= first ? 1 : 0;
    starts->push_back({rows[first], rows[second]});
  }
}

}  // namespace

Result<std::unique_ptr<LevelSplitter>> MakeProcessorSplitter(index::HalfMatrixView vectors,
                                                             ThreadPool& pool,
                                                             ScratchSpace* scratch) {
  return ProcessorSplitter::Make(vectors, pool, scratch);
}

Result<std::vector<std::uint32_t>> ClusterBalanced(std::span<std::uint32_t> rows,
                                                   std::uint32_t cluster_size, std::uint64_t seed,
                                                   LevelSplitter& splitter) {
  std::iota(rows.begin(), rows.end(), 0U);
  std::vector<std::uint32_t> level{0, static_cast<std::uint32_t>(rows.size())};
  const std::size_t size = std::max(1U, cluster_size);
  std::vector<StartPair> starts;
  std::vector<std::uint32_t> offsets;  // of the nodes that are split at once, from the first one's
  while ((level.size() - 1) * size < rows.size()) {
    const std::size_t num_nodes = level.size() - 1;
    for (std::size_t first = 0; first < num_nodes; first += kNodesAtOnce) {
      const std::size_t last = std::min(num_nodes, first + kNodesAtOnce);
      const std::uint32_t base = level[first];
      starts.clear();
      offsets.assign(1, 0);
      for (std::size_t node = first; node < last; ++node) {
        offsets.push_back(level[node + 1] - base);
        DrawStarts(rows.subspan(level[node], level[node + 1] - level[node]),
                   Random(Random(seed ^ (num_nodes + node)).Next()), &starts);
      }
      DASHI_RETURN_IF_ERROR(splitter.Split(offsets, starts, rows.subspan(base, offsets.back())));
    }
    level = HalveNodes(level);
  }
  return level;
}

Result<BalancedClusters> ClusterBalanced(std::size_t num_rows, std::uint32_t cluster_size,
                                         std::uint64_t seed, LevelSplitter& splitter) {
  BalancedClusters clusters;
  clusters.rows.resize(num_rows);
  DASHI_ASSIGN_OR_RETURN(clusters.offsets,
                         ClusterBalanced(clusters.rows, cluster_size, seed, splitter));
  return clusters;
}

BalancedClusters ClusterBalanced(index::HalfMatrixView vectors, std::uint32_t cluster_size,
                                 std::uint64_t seed, ThreadPool& pool) {
  const auto splitter = MakeProcessorSplitter(vectors, pool, /*scratch=*/nullptr);
  DASHI_CHECK(splitter.ok());
  Result<BalancedClusters> clusters = ClusterBalanced(vectors.rows, cluster_size, seed, **splitter);
  DASHI_CHECK(clusters.ok());
  return std::move(clusters).value();
}

}  // namespace dashi::trainer
