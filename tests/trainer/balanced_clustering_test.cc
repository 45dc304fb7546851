#include "trainer/balanced_clustering.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "base/thread_pool.h"
#include "index/vector_kernels.h"
#include "tests/trainer/grouped_vectors.h"

namespace dashi::trainer {
namespace {

constexpr std::size_t kDim = 16;

TEST(BalancedClusteringTest, LeavesAreBalancedAndHoldEveryRowOnce) {
  ThreadPool pool(2);
  for (const std::size_t num_rows : {1U, 2U, 3U, 7U, 64U, 1000U, 1025U}) {
    for (const std::uint32_t cluster_size : {0U, 1U, 2U, 5U, 64U}) {
      SCOPED_TRACE(::testing::Message() << num_rows << " rows, size " << cluster_size);
      const auto vectors = GroupedVectors(num_rows, kDim, 4, 0.5, 7);
      const BalancedClusters clusters =
          ClusterBalanced({vectors.data(), num_rows, kDim}, cluster_size, 3, pool);
      std::vector<std::uint32_t> sorted = clusters.rows;
      std::sort(sorted.begin(), sorted.end());
      std::vector<std::uint32_t> all(num_rows);
      std::iota(all.begin(), all.end(), 0U);
      EXPECT_EQ(sorted, all);
      const std::size_t num_leaves = clusters.offsets.size() - 1;
      EXPECT_EQ(num_leaves & (num_leaves - 1), 0U);
      EXPECT_GE(num_leaves * std::max(1U, cluster_size), num_rows);
      EXPECT_EQ(clusters.offsets.back(), num_rows);
      std::uint32_t smallest = 0xFFFFFFFF;
      std::uint32_t largest = 0;
      for (std::size_t leaf = 0; leaf < num_leaves; ++leaf) {
        const std::uint32_t size = clusters.offsets[leaf + 1] - clusters.offsets[leaf];
        smallest = std::min(smallest, size);
        largest = std::max(largest, size);
      }
      EXPECT_LE(largest - smallest, 1U);
    }
  }
}

TEST(BalancedClusteringTest, EqualGroupsBecomeLeaves) {
  ThreadPool pool(1);
  constexpr std::size_t kGroups = 8;
  constexpr std::size_t kRows = 512;
  const auto vectors = GroupedVectors(kRows, kDim, kGroups, 0.02, 11);
  const BalancedClusters clusters =
      ClusterBalanced({vectors.data(), kRows, kDim}, kRows / kGroups, 5, pool);
  ASSERT_EQ(clusters.offsets.size(), kGroups + 1);
  std::size_t num_pure = 0;
  for (std::size_t leaf = 0; leaf < kGroups; ++leaf) {
    std::set<std::uint32_t> groups;
    for (std::uint32_t i = clusters.offsets[leaf]; i < clusters.offsets[leaf + 1]; ++i) {
      groups.insert(clusters.rows[i] % kGroups);
    }
    num_pure += groups.size() == 1 ? 1 : 0;
  }
  EXPECT_GE(num_pure, kGroups - 2);
}

TEST(BalancedClusteringTest, SameSeedGivesTheSameClustersWithAnyNumberOfThreads) {
  constexpr std::size_t kRows = 5000;
  const auto vectors = GroupedVectors(kRows, kDim, 40, 0.5, 13);
  ThreadPool one(1);
  ThreadPool three(3);
  const BalancedClusters a = ClusterBalanced({vectors.data(), kRows, kDim}, 8, 17, one);
  const BalancedClusters b = ClusterBalanced({vectors.data(), kRows, kDim}, 8, 17, three);
  const BalancedClusters c = ClusterBalanced({vectors.data(), kRows, kDim}, 8, 18, one);
  EXPECT_EQ(a.rows, b.rows);
  EXPECT_EQ(a.offsets, b.offsets);
  EXPECT_NE(a.rows, c.rows);
}

// One node by the rules of LevelSplitter, with full sorts; at most 2,048 rows, which are one sum.
std::vector<std::uint32_t> SplitBySorting(const std::vector<std::uint16_t>& vectors,
                                          std::vector<std::uint32_t> rows, const StartPair& start) {
  const std::size_t half = (rows.size() + 1) / 2;
  const auto vector = [&](std::uint32_t row) { return vectors.data() + row * kDim; };
  const auto sum = [&](std::size_t begin, std::size_t end) {
    std::vector<float> total(kDim, 0.0F);
    for (std::size_t i = begin; i < end; ++i) {
      index::AddScaledHalf(1.0F, vector(rows[i]), total.data(), kDim);
    }
    return total;
  };
  const std::vector<float> total = sum(0, rows.size());
  std::vector<float> direction(kDim);
  index::FromHalf(vector(start.second), direction.data(), kDim);
  index::AddScaledHalf(-1.0F, vector(start.first), direction.data(), kDim);
  double similarity = 0;
  for (int i = 0; i < SplitRules::kIterationsMax; ++i) {
    std::sort(rows.begin(), rows.end(), [&](std::uint32_t a, std::uint32_t b) {
      const float score_a = index::DotHalf(direction.data(), vector(a), kDim);
      const float score_b = index::DotHalf(direction.data(), vector(b), kDim);
      return score_a != score_b ? score_a < score_b : a < b;
    });
    std::sort(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(half));
    std::sort(rows.begin() + static_cast<std::ptrdiff_t>(half), rows.end());
    std::vector<float> first = sum(0, half);
    std::vector<float> second = total;
    index::AddScaled(-1.0F, first.data(), second.data(), kDim);
    const double lengths =
        index::NormalizeInPlace(first.data(), kDim) + index::NormalizeInPlace(second.data(), kDim);
    direction = second;
    index::AddScaled(-1.0F, first.data(), direction.data(), kDim);
    const double next = lengths / static_cast<double>(rows.size());
    if (i > 0 && next - similarity < SplitRules::kGainMin) {
      break;
    }
    similarity = next;
  }
  return rows;
}

TEST(BalancedClusteringTest, SplitsAsSortingDoesWithTiesToo) {
  ThreadPool pool(2);
  for (const std::size_t num_rows : {2U, 3U, 65U, 2001U}) {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
      SCOPED_TRACE(::testing::Message() << num_rows << " rows, seed " << seed);
      auto vectors = GroupedVectors(num_rows, kDim, 5, 0.4, seed);
      // Every third row repeats row 0, and some have no direction, so that scores tie.
      for (std::size_t row = 3; row < num_rows; row += 3) {
        std::copy_n(vectors.begin(), kDim,
                    vectors.begin() + static_cast<std::ptrdiff_t>(row * kDim));
      }
      for (std::size_t row = 4; row < num_rows; row += 7) {
        std::fill_n(vectors.begin() + static_cast<std::ptrdiff_t>(row * kDim), kDim, 0);
      }
      std::vector<std::uint32_t> rows(num_rows);
      std::iota(rows.begin(), rows.end(), 0U);
      const StartPair start{0, 1};
      const auto expected = SplitBySorting(vectors, rows, start);
      const std::vector<StartPair> starts(SplitRules::kStartPairs, start);
      const std::vector<std::uint32_t> offsets{0, static_cast<std::uint32_t>(num_rows)};
      const auto splitter =
          MakeProcessorSplitter({vectors.data(), num_rows, kDim}, pool, /*scratch=*/nullptr);
      ASSERT_TRUE(splitter.ok()) << splitter.status().ToString();
      ASSERT_TRUE(splitter.value()->Split(offsets, starts, rows).ok());
      EXPECT_EQ(rows, expected);
    }
  }
}

// The published procedure by full sorts: the mean similarity within its halves is the bar.
double NaiveSplitSimilarity(const std::vector<float>& rows, std::size_t num_rows,
                            std::uint64_t seed) {
  Random random(seed);
  const std::size_t half = (num_rows + 1) / 2;
  std::vector<std::size_t> order(num_rows);
  std::iota(order.begin(), order.end(), 0U);
  const auto dot = [&](const std::vector<float>& a, std::size_t row) {
    return std::inner_product(a.begin(), a.end(), rows.begin() + row * kDim, 0.0);
  };
  const auto row_vector = [&](std::size_t row) {
    return std::vector<float>(rows.begin() + row * kDim, rows.begin() + (row + 1) * kDim);
  };
  std::vector<float> first = row_vector(random.Uniform(num_rows));
  std::vector<float> second = row_vector(random.Uniform(num_rows));
  double similarity = -1;
  for (;;) {
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return dot(second, a) - dot(first, a) < dot(second, b) - dot(first, b);
    });
    double next = 0;
    for (int side = 0; side < 2; ++side) {
      std::vector<float>& centroid = side == 0 ? first : second;
      std::fill(centroid.begin(), centroid.end(), 0.0F);
      const std::size_t begin = side == 0 ? 0 : half;
      const std::size_t end = side == 0 ? half : num_rows;
      for (std::size_t i = begin; i < end; ++i) {
        for (std::size_t j = 0; j < kDim; ++j) {
          centroid[j] += rows[order[i] * kDim + j];
        }
      }
      index::NormalizeInPlace(centroid.data(), kDim);
      for (std::size_t i = begin; i < end; ++i) {
        next += dot(centroid, order[i]) / static_cast<double>(num_rows);
      }
    }
    if (next - similarity < 1e-4) {
      return std::max(next, similarity);
    }
    similarity = next;
  }
}

TEST(BalancedClusteringTest, HalvesAreAsTightAsThePublishedProcedures) {
  constexpr std::size_t kRows = 600;
  ThreadPool pool(1);
  double ours = 0;
  double naive = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const auto vectors = GroupedVectors(kRows, kDim, 5, 0.4, seed);
    std::vector<float> rows(vectors.size());
    index::FromHalf(vectors.data(), rows.data(), rows.size());
    const BalancedClusters clusters =
        ClusterBalanced({vectors.data(), kRows, kDim}, kRows / 2, seed, pool);
    ASSERT_EQ(clusters.offsets.size(), 3U);
    ours += MeanSimilarity(vectors, kDim, clusters);
    naive += NaiveSplitSimilarity(rows, kRows, seed);
  }
  EXPECT_NEAR(ours / 10, naive / 10, 0.02);
}

}  // namespace
}  // namespace dashi::trainer
