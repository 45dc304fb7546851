#include "trainer/sampled_clustering.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

#include "base/random.h"
#include "base/status.h"
#include "index/vector_kernels.h"
#include "trainer/level_splitter.h"
#include "trainer/product_tree.h"
#include "trainer/sampled_rules.h"
#include "trainer/scratch/scratch_array.h"

namespace dashi::trainer {
namespace {

// Rows of one unit of parallel work.
constexpr std::size_t kChunkRows = 2048;

// Memory for the cut of a node.  Shape: [num_rows] each.
struct CutMemory {
  CutMemory Of(std::size_t first, std::size_t size) const {
    return {before.subspan(first, size), keys.subspan(first, size), selected.subspan(first, size)};
  }
  std::span<std::uint32_t> before;
  std::span<std::uint64_t> keys;
  std::span<std::uint64_t> selected;
};

// Cuts nodes of more rows than a ProductTree has.
class SampledCut {
 public:
  SampledCut(index::HalfMatrixView vectors, ThreadPool& pool)
      : vectors_(vectors),
        pool_(pool),
        direction_(vectors.dim),
        first_(vectors.dim),
        second_(vectors.dim) {}

  // Orders rows into two halves, each in the order that they had.
  void Run(Random random, const CutMemory& memory, std::span<std::uint32_t> rows) {
    DrawSample(rows, random);
    Start(random);
    Fit(memory);
    std::copy(rows.begin(), rows.end(), memory.before.begin());
    const std::uint64_t median = Score(memory.before, memory);
    std::size_t first = 0;
    std::size_t second = (rows.size() + 1) / 2;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const bool is_second = memory.keys[i] >= median;
      rows[is_second ? second : first] = memory.before[i];
      second += is_second ? 1 : 0;
      first += is_second ? 0 : 1;
    }
  }

 private:
  const std::uint16_t* Vector(std::uint32_t row) const {
    return vectors_.data + std::size_t{row} * vectors_.dim;
  }

  // One row at random of each of as many stretches: even steps might meet a period of the rows.
  void DrawSample(std::span<const std::uint32_t> rows, Random& random) {
    sample_.resize(SampledRules::SampleSize(rows.size()));
    for (std::size_t i = 0; i < sample_.size(); ++i) {
      const std::size_t begin = i * rows.size() / sample_.size();
      const std::size_t end = (i + 1) * rows.size() / sample_.size();
      sample_[i] = rows[begin + random.Uniform(end - begin)];
    }
  }

  void Start(Random& random) {
    for (std::size_t i = 0; i < SplitRules::kStartPairs; ++i) {
      const std::uint64_t first = random.Uniform(sample_.size());
      std::uint64_t second = random.Uniform(sample_.size() - 1);
      second += second >= first ? 1 : 0;
      index::FromHalf(Vector(sample_[second]), direction_.data(), vectors_.dim);
      index::AddScaledHalf(-1.0F, Vector(sample_[first]), direction_.data(), vectors_.dim);
      if (index::Dot(direction_.data(), direction_.data(), vectors_.dim) >
          SplitRules::kDistanceMin) {
        break;
      }
    }
  }

  // Second centroid minus first, of the sample.
  void Fit(const CutMemory& memory) {
    double similarity = 0;
    for (int i = 0; i < SampledRules::kIterationsMax; ++i) {
      const std::uint64_t median = Score(sample_, memory);
      std::fill(first_.begin(), first_.end(), 0.0F);
      std::fill(second_.begin(), second_.end(), 0.0F);
      for (std::size_t row = 0; row < sample_.size(); ++row) {
        index::AddScaledHalf(1.0F, Vector(sample_[row]),
                             memory.keys[row] >= median ? second_.data() : first_.data(),
                             vectors_.dim);
      }
      const double lengths = index::NormalizeInPlace(first_.data(), vectors_.dim) +
                             index::NormalizeInPlace(second_.data(), vectors_.dim);
      std::swap(direction_, second_);
      index::AddScaled(-1.0F, first_.data(), direction_.data(), vectors_.dim);
      const double next = lengths / static_cast<double>(sample_.size());
      if (i > 0 && next - similarity < SampledRules::kGainMin) {
        break;
      }
      similarity = next;
    }
  }

  // Fills in the keys of rows, and returns that of the first row of the second half.
  std::uint64_t Score(std::span<const std::uint32_t> rows, const CutMemory& memory) {
    pool_.ParallelFor(rows.size(), kChunkRows, [&](std::size_t begin, std::size_t end) {
      std::array<float, kChunkRows> scores;
      const auto chunk = rows.subspan(begin, end - begin);
      index::ScoreHalfRowsAt(direction_.data(), vectors_.data, chunk, vectors_.dim, scores.data());
      for (std::size_t i = 0; i < chunk.size(); ++i) {
        memory.keys[begin + i] = SortKey(scores[i], chunk[i]);
      }
    });
    const auto selected = memory.selected.subspan(0, rows.size());
    std::copy_n(memory.keys.begin(), rows.size(), selected.begin());
    const auto median = selected.begin() + static_cast<std::ptrdiff_t>((rows.size() + 1) / 2);
    std::nth_element(selected.begin(), median, selected.end());
    return *median;
  }

  const index::HalfMatrixView vectors_;
  ThreadPool& pool_;
  std::vector<std::uint32_t> sample_;
  std::vector<float> direction_;  // [dim], as the other two
  std::vector<float> first_;
  std::vector<float> second_;
};

// A node whose vectors are copied together, and all below it.
class GatheredTree {
 public:
  GatheredTree(std::size_t dim, std::uint64_t seed, std::size_t rows_max, ThreadPool& pool)
      : seed_(seed),
        halves_(rows_max * dim),
        places_(rows_max),
        before_(rows_max),
        keys_(rows_max),
        selected_(rows_max),
        cut_({halves_.data(), rows_max, dim}, pool),
        products_(dim) {}

  void Cluster(index::HalfMatrixView vectors, std::uint64_t number, std::size_t num_levels,
               std::span<std::uint32_t> rows) {
    const std::size_t dim = vectors.dim;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      std::copy_n(vectors.data + std::size_t{rows[i]} * dim, dim, halves_.data() + i * dim);
    }
    const auto places = std::span<std::uint32_t>(places_).subspan(0, rows.size());
    std::iota(places.begin(), places.end(), 0U);
    Split({halves_.data(), rows.size(), dim}, number, num_levels, places);
    std::copy(rows.begin(), rows.end(), before_.begin());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      rows[i] = before_[places[i]];
    }
  }

 private:
  void Split(index::HalfMatrixView vectors, std::uint64_t number, std::size_t num_levels,
             std::span<std::uint32_t> places) {
    if (num_levels == 0 || places.size() < 2) {
      return;
    }
    if (places.size() <= ProductTree::kRowsMax) {
      products_.Cluster(vectors, number, num_levels, seed_, places);
      return;
    }
    const CutMemory memory{before_, keys_, selected_};
    cut_.Run(Random(SampledRules::NodeSeed(seed_, number)), memory.Of(0, places.size()), places);
    const std::size_t half = (places.size() + 1) / 2;
    Split(vectors, 2 * number, num_levels - 1, places.subspan(0, half));
    Split(vectors, 2 * number + 1, num_levels - 1, places.subspan(half));
  }

  const std::uint64_t seed_;
  std::vector<std::uint16_t> halves_;  // [rows_max, dim]
  std::vector<std::uint32_t> places_;  // [rows_max], as the other three
  std::vector<std::uint32_t> before_;
  std::vector<std::uint64_t> keys_;
  std::vector<std::uint64_t> selected_;
  SampledCut cut_;
  ProductTree products_;
};

std::size_t NumLevels(std::size_t num_rows, std::size_t cluster_size) {
  std::size_t num_levels = 0;
  while ((cluster_size << num_levels) < num_rows) {
    ++num_levels;
  }
  return num_levels;
}

}  // namespace

Result<std::vector<std::uint32_t>> ClusterBySamples(index::HalfMatrixView vectors,
                                                    std::uint32_t cluster_size, std::uint64_t seed,
                                                    ThreadPool& pool, ScratchSpace* scratch,
                                                    std::span<std::uint32_t> rows) {
  DASHI_CHECK(rows.size() == vectors.rows);
  DASHI_ASSIGN_OR_RETURN(auto before, ScratchArray<std::uint32_t>::Make(scratch, rows.size()));
  DASHI_ASSIGN_OR_RETURN(auto keys, ScratchArray<std::uint64_t>::Make(scratch, rows.size()));
  DASHI_ASSIGN_OR_RETURN(auto selected, ScratchArray<std::uint64_t>::Make(scratch, rows.size()));
  const CutMemory memory{before.all(), keys.all(), selected.all()};
  std::iota(rows.begin(), rows.end(), 0U);
  std::size_t num_levels = NumLevels(rows.size(), std::max(1U, cluster_size));
  std::vector<std::uint32_t> level{0, static_cast<std::uint32_t>(rows.size())};
  const auto node_rows = [&](std::size_t node) {
    return rows.subspan(level[node], level[node + 1] - level[node]);
  };
  // The first node of a level is as large as any of it.
  for (; num_levels > 0 && level[1] > SampledRules::kGatheredRowsMax; --num_levels) {
    const std::size_t num_nodes = level.size() - 1;
    pool.ParallelFor(num_nodes, 1, [&](std::size_t begin, std::size_t end) {
      for (std::size_t node = begin; node < end; ++node) {
        const Random random(SampledRules::NodeSeed(seed, num_nodes + node));
        SampledCut(vectors, pool)
            .Run(random, memory.Of(level[node], node_rows(node).size()), node_rows(node));
      }
    });
    level = HalveNodes(level);
  }
  const std::size_t num_nodes = level.size() - 1;
  constexpr std::size_t kTreesAtOnce = 8;
  pool.ParallelFor(num_levels > 0 ? num_nodes : 0, kTreesAtOnce,
                   [&](std::size_t begin, std::size_t end) {
                     GatheredTree tree(vectors.dim, seed, level[1], pool);
                     for (std::size_t node = begin; node < end; ++node) {
                       tree.Cluster(vectors, num_nodes + node, num_levels, node_rows(node));
                     }
                   });
  for (; num_levels > 0; --num_levels) {
    level = HalveNodes(level);
  }
  return level;
}

BalancedClusters ClusterBySamples(index::HalfMatrixView vectors, std::uint32_t cluster_size,
                                  std::uint64_t seed, ThreadPool& pool) {
  BalancedClusters clusters;
  clusters.rows.resize(vectors.rows);
  Result<std::vector<std::uint32_t>> offsets =
      ClusterBySamples(vectors, cluster_size, seed, pool, /*scratch=*/nullptr, clusters.rows);
  DASHI_CHECK(offsets.ok());
  clusters.offsets = std::move(offsets).value();
  return clusters;
}

}  // namespace dashi::trainer
