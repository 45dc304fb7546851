#include "trainer/sampled_clustering.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "base/thread_pool.h"
#include "index/vector_kernels.h"
#include "tests/trainer/grouped_vectors.h"
#include "trainer/balanced_clustering.h"
#include "trainer/level_splitter.h"
#include "trainer/product_tree.h"
#include "trainer/sampled_rules.h"

namespace dashi::trainer {
namespace {

TEST(SampledClusteringTest, LeavesAreThoseOfTheExactTreeAndHoldEveryRowOnce) {
  constexpr std::size_t kDim = 20;
  ThreadPool pool(2);
  for (const std::size_t num_rows : {1U, 2U, 3U, 7U, 32U, 33U, 512U, 513U, 1025U, 5000U}) {
    const auto vectors = GroupedVectors(num_rows, kDim, 4, 0.5, 7);
    for (const std::uint32_t cluster_size : {0U, 1U, 2U, 5U, 64U, 600U}) {
      SCOPED_TRACE(::testing::Message() << num_rows << " rows, size " << cluster_size);
      const index::HalfMatrixView view{vectors.data(), num_rows, kDim};
      const BalancedClusters clusters = ClusterBySamples(view, cluster_size, 3, pool);
      EXPECT_EQ(clusters.offsets, ClusterBalanced(view, cluster_size, 3, pool).offsets);
      std::vector<std::uint32_t> sorted = clusters.rows;
      std::sort(sorted.begin(), sorted.end());
      std::vector<std::uint32_t> all(num_rows);
      std::iota(all.begin(), all.end(), 0U);
      EXPECT_EQ(sorted, all);
    }
  }
}

TEST(SampledClusteringTest, LeavesAreAlmostAsTightAsTheExactTrees) {
  constexpr std::size_t kRows = 20000;
  constexpr std::size_t kDim = 64;
  ThreadPool pool(2);
  // Groups repeat with a period. Where they are far more than a sample has rows, and no group is
  // nearer to one than to another, a sample tells least.
  for (const auto& [num_groups, share] :
       {std::pair(16U, 0.98), std::pair(300U, 0.93), std::pair(5000U, 0.87)}) {
    const auto vectors = GroupedVectors(kRows, kDim, num_groups, 0.4, 11);
    for (const std::uint32_t cluster_size : {2U, 16U, 64U}) {
      SCOPED_TRACE(::testing::Message() << num_groups << " groups, size " << cluster_size);
      const index::HalfMatrixView view{vectors.data(), kRows, kDim};
      const double exact =
          MeanSimilarity(vectors, kDim, ClusterBalanced(view, cluster_size, 3, pool));
      const double sampled =
          MeanSimilarity(vectors, kDim, ClusterBySamples(view, cluster_size, 3, pool));
      EXPECT_GT(sampled, share * exact);
    }
  }
}

TEST(SampledClusteringTest, SameSeedGivesTheSameClustersWithAnyNumberOfThreads) {
  constexpr std::size_t kRows = 9000;
  constexpr std::size_t kDim = 16;
  const auto vectors = GroupedVectors(kRows, kDim, 40, 0.5, 13);
  const index::HalfMatrixView view{vectors.data(), kRows, kDim};
  ThreadPool one(1);
  ThreadPool three(3);
  const BalancedClusters a = ClusterBySamples(view, 8, 17, one);
  EXPECT_EQ(a.rows, ClusterBySamples(view, 8, 17, three).rows);
  EXPECT_NE(a.rows, ClusterBySamples(view, 8, 18, one).rows);
}

TEST(SampledClusteringTest, EqualVectorsAreCutByRow) {
  constexpr std::size_t kDim = 256;
  ThreadPool pool(1);
  std::vector<std::uint32_t> all(1999);
  std::iota(all.begin(), all.end(), 0U);
  for (const std::uint16_t value : {0x2C00, 0}) {  // a sixteenth in every place, or no direction
    const std::vector<std::uint16_t> vectors(all.size() * kDim, value);
    EXPECT_EQ(ClusterBySamples({vectors.data(), all.size(), kDim}, 3, 5, pool).rows, all);
  }
}

// What ProductTree does with a node, by sums of vectors instead of products.
void SplitByVectors(index::HalfMatrixView vectors, std::uint64_t number, std::size_t num_levels,
                    std::uint64_t seed, std::span<std::uint32_t> rows) {
  const std::size_t dim = vectors.dim;
  const std::size_t half = (rows.size() + 1) / 2;
  const auto vector = [&](std::uint32_t row) { return vectors.data + row * dim; };
  if (num_levels == 0 || rows.size() < 2) {
    return;
  }
  if (rows.size() > 2) {
    Random random(SampledRules::NodeSeed(seed, number));
    std::vector<float> direction(dim);
    for (std::size_t i = 0; i < SplitRules::kStartPairs; ++i) {
      const std::uint64_t first = random.Uniform(rows.size());
      std::uint64_t second = random.Uniform(rows.size() - 1);
      second += second >= first ? 1 : 0;
      index::FromHalf(vector(rows[second]), direction.data(), dim);
      index::AddScaledHalf(-1.0F, vector(rows[first]), direction.data(), dim);
      if (index::Dot(direction.data(), direction.data(), dim) > SplitRules::kDistanceMin) {
        break;
      }
    }
    const std::vector<std::uint32_t> before(rows.begin(), rows.end());
    double similarity = 0;
    for (int i = 0; i < SampledRules::kIterationsMax; ++i) {
      std::vector<std::size_t> order(before.size());
      std::iota(order.begin(), order.end(), 0U);
      const auto score = [&](std::size_t place) {
        return index::DotHalf(direction.data(), vector(before[place]), dim);
      };
      std::stable_sort(order.begin(), order.end(),
                       [&](std::size_t a, std::size_t b) { return score(a) < score(b); });
      std::sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(half));
      std::sort(order.begin() + static_cast<std::ptrdiff_t>(half), order.end());
      std::array<std::vector<float>, 2> sums{std::vector<float>(dim), std::vector<float>(dim)};
      for (std::size_t place = 0; place < order.size(); ++place) {
        rows[place] = before[order[place]];
        index::AddScaledHalf(1.0F, vector(rows[place]), sums[place < half ? 0 : 1].data(), dim);
      }
      const double next = (index::NormalizeInPlace(sums[0].data(), dim) +
                           index::NormalizeInPlace(sums[1].data(), dim)) /
                          static_cast<double>(rows.size());
      if (i > 0 && next - similarity < SampledRules::kGainMin) {
        break;
      }
      similarity = next;
      direction = sums[1];
      index::AddScaled(-1.0F, sums[0].data(), direction.data(), dim);
    }
  }
  SplitByVectors(vectors, 2 * number, num_levels - 1, seed, rows.subspan(0, half));
  SplitByVectors(vectors, 2 * number + 1, num_levels - 1, seed, rows.subspan(half));
}

TEST(ProductTreeTest, SplitsAsVectorsDo) {
  for (const std::size_t dim : {5U, 64U, 300U}) {
    ProductTree tree(dim);
    for (const std::size_t num_rows : {1U, 2U, 3U, 17U, 31U, 32U}) {
      for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        SCOPED_TRACE(::testing::Message() << num_rows << " rows, dim " << dim << ", seed " << seed);
        const auto vectors = GroupedVectors(2 * num_rows, dim, 5, 0.4, seed);
        const index::HalfMatrixView view{vectors.data(), 2 * num_rows, dim};
        std::vector<std::uint32_t> rows(num_rows);
        for (std::size_t i = 0; i < num_rows; ++i) {
          rows[i] = static_cast<std::uint32_t>(2 * i + i % 2);
        }
        std::vector<std::uint32_t> expected = rows;
        tree.Cluster(view, 1, /*num_levels=*/4, seed, rows);
        SplitByVectors(view, 1, 4, seed, expected);
        EXPECT_EQ(rows, expected);
      }
    }
  }
}

}  // namespace
}  // namespace dashi::trainer
