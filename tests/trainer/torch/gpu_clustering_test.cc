// Balanced clustering on the GPU against the processor's.

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <vector>

#include <c10/cuda/CUDAException.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "base/thread_pool.h"
#include "index/vector_kernels.h"
#include "tests/trainer/torch/gpu_random.h"
#include "trainer/balanced_clustering.h"
#include "trainer/torch/cuda/device_clustering.h"
#include "trainer/torch/device_level_splitter.h"

namespace dashi::trainer {
namespace {

const at::Device kGpu(at::kCUDA, 0);

// Unit vectors around `num_groups` random directions; row i belongs to group i % num_groups.
std::vector<std::uint16_t> GroupedVectors(std::size_t num_rows, std::size_t dim,
                                          std::size_t num_groups, double noise,
                                          std::uint64_t seed) {
  Random random(seed);
  std::vector<float> centers(num_groups * dim);
  for (float& value : centers) {
    value = static_cast<float>(random.Normal());
  }
  std::vector<std::uint16_t> rows(num_rows * dim);
  std::vector<float> row(dim);
  for (std::size_t i = 0; i < num_rows; ++i) {
    for (std::size_t j = 0; j < dim; ++j) {
      row[j] = centers[i % num_groups * dim + j] + static_cast<float>(noise * random.Normal());
    }
    index::NormalizeInPlace(row.data(), dim);
    index::ToHalf(row.data(), rows.data() + i * dim, dim);
  }
  return rows;
}

BalancedClusters OnGpu(const std::vector<std::uint16_t>& vectors, std::size_t dim,
                       std::uint32_t cluster_size, std::uint64_t seed) {
  const std::size_t num_rows = vectors.size() / dim;
  auto splitter = MakeDeviceLevelSplitter(vectors.data(), num_rows, dim, kGpu);
  EXPECT_TRUE(splitter.ok()) << splitter.status().ToString();
  auto clusters = ClusterBalanced(num_rows, cluster_size, seed, **splitter);
  EXPECT_TRUE(clusters.ok()) << clusters.status().ToString();
  return std::move(clusters).value();
}

BalancedClusters OnProcessor(const std::vector<std::uint16_t>& vectors, std::size_t dim,
                             std::uint32_t cluster_size, std::uint64_t seed) {
  ThreadPool pool(2);
  return ClusterBalanced({vectors.data(), vectors.size() / dim, dim}, cluster_size, seed, pool);
}

// Mean similarity of rows to the directions of their leaves.
double Similarity(const std::vector<std::uint16_t>& vectors, std::size_t dim,
                  const BalancedClusters& clusters) {
  double total = 0;
  for (std::size_t leaf = 0; leaf + 1 < clusters.offsets.size(); ++leaf) {
    std::vector<float> sum(dim, 0.0F);
    for (std::uint32_t i = clusters.offsets[leaf]; i < clusters.offsets[leaf + 1]; ++i) {
      index::AddScaledHalf(1.0F, vectors.data() + clusters.rows[i] * dim, sum.data(), dim);
    }
    total += std::sqrt(index::Dot(sum.data(), sum.data(), dim));
  }
  return total / static_cast<double>(clusters.rows.size());
}

// A level whose scores are given: what selection and partition make of it.
struct Halves {
  std::vector<std::uint8_t> sides;
  std::vector<std::uint32_t> rows;
};

Halves SelectOnGpu(const std::vector<float>& scores, const std::vector<std::uint32_t>& offsets) {
  const auto upload = [](const auto& values, at::ScalarType type) {
    at::Tensor host = at::empty({static_cast<std::int64_t>(values.size())}, type);
    std::copy(
        values.begin(), values.end(),
        static_cast<typename std::decay_t<decltype(values)>::value_type*>(host.mutable_data_ptr()));
    return host.to(kGpu);
  };
  std::vector<std::uint32_t> rows(scores.size());
  std::iota(rows.begin(), rows.end(), 1000U);
  const std::vector<std::uint8_t> active(offsets.size() - 1, 1);
  const at::Tensor gpu_scores = upload(scores, at::kFloat);
  const at::Tensor gpu_offsets = upload(offsets, at::kInt);
  const at::Tensor gpu_rows = upload(rows, at::kInt);
  const at::Tensor gpu_active = upload(active, at::kByte);
  const at::Tensor gpu_sides = upload(std::vector<std::uint8_t>(scores.size(), 7), at::kByte);
  const at::Tensor gpu_out = upload(std::vector<std::uint32_t>(scores.size(), 0), at::kInt);
  DeviceLevel level;
  level.num_rows = scores.size();
  level.num_nodes = offsets.size() - 1;
  for (std::size_t node = 0; node < level.num_nodes; ++node) {
    level.node_rows_max =
        std::max<std::size_t>(level.node_rows_max, offsets[node + 1] - offsets[node]);
  }
  level.scores = static_cast<float*>(gpu_scores.mutable_data_ptr());
  level.offsets = static_cast<const std::uint32_t*>(gpu_offsets.const_data_ptr());
  level.rows = static_cast<const std::uint32_t*>(gpu_rows.const_data_ptr());
  level.active = static_cast<std::uint8_t*>(gpu_active.mutable_data_ptr());
  level.sides = static_cast<std::uint8_t*>(gpu_sides.mutable_data_ptr());
  C10_CUDA_CHECK(DeviceSelectHalves(level, nullptr));
  C10_CUDA_CHECK(
      DevicePartition(level, static_cast<std::uint32_t*>(gpu_out.mutable_data_ptr()), nullptr));
  const at::Tensor sides = gpu_sides.to(at::kCPU);
  const at::Tensor out = gpu_out.to(at::kCPU);
  const auto* side = sides.const_data_ptr<std::uint8_t>();
  const auto* row = static_cast<const std::uint32_t*>(out.const_data_ptr());
  return {{side, side + scores.size()}, {row, row + scores.size()}};
}

// By sorting.
Halves NaiveSelect(const std::vector<float>& scores, const std::vector<std::uint32_t>& offsets) {
  Halves halves{std::vector<std::uint8_t>(scores.size(), 1), {}};
  for (std::size_t node = 0; node + 1 < offsets.size(); ++node) {
    std::vector<std::uint32_t> order(offsets[node + 1] - offsets[node]);
    std::iota(order.begin(), order.end(), offsets[node]);
    std::stable_sort(order.begin(), order.end(),
                     [&](std::uint32_t a, std::uint32_t b) { return scores[a] < scores[b]; });
    for (std::size_t i = 0; i < (order.size() + 1) / 2; ++i) {
      halves.sides[order[i]] = 0;
    }
    for (const std::uint8_t side : {0, 1}) {
      for (std::uint32_t i = offsets[node]; i < offsets[node + 1]; ++i) {
        if (halves.sides[i] == side) {
          halves.rows.push_back(1000 + i);
        }
      }
    }
  }
  return halves;
}

TEST(GpuSelectHalvesTest, EqualsSorting) {
  Random random(1);
  const std::vector<std::vector<std::uint32_t>> sizes{{2},
                                                      {3},
                                                      {31},
                                                      {32},
                                                      {33},
                                                      {257},
                                                      {5000},
                                                      {100003},
                                                      {2, 3, 2, 3, 64, 65, 2, 1000, 7},
                                                      std::vector<std::uint32_t>(3000, 4)};
  for (const auto& nodes : sizes) {
    SCOPED_TRACE(nodes.size() == 1 ? nodes[0] : nodes.size());
    std::vector<std::uint32_t> offsets{0};
    for (const std::uint32_t size : nodes) {
      offsets.push_back(offsets.back() + size);
    }
    // Spread; few values with both zeros; all equal; two values that differ in the last bit.
    for (int pattern = 0; pattern < 4; ++pattern) {
      SCOPED_TRACE(pattern);
      std::vector<float> scores(offsets.back());
      for (float& score : scores) {
        const auto few = static_cast<float>(static_cast<int>(random.Uniform(5)) - 2);
        const std::vector<float> choices{
            static_cast<float>(random.Normal()), few == 0 && random.Uniform(2) == 0 ? -0.0F : few,
            0.25F, random.Uniform(3) == 0 ? std::nextafter(-0.3F, 0.0F) : -0.3F};
        score = choices[static_cast<std::size_t>(pattern)];
      }
      const Halves actual = SelectOnGpu(scores, offsets);
      const Halves expected = NaiveSelect(scores, offsets);
      ASSERT_EQ(actual.sides, expected.sides);
      ASSERT_EQ(actual.rows, expected.rows);
    }
  }
}

// Two groups far apart: no row is near the median, so both sides must cut alike.
TEST(GpuClusteringTest, ClearHalvesEqualTheProcessors) {
  for (const std::size_t dim : {1U, 16U, 20U, 256U, 300U}) {
    for (const std::size_t num_rows : {2U, 10U, 512U, 3000U}) {
      SCOPED_TRACE(::testing::Message() << num_rows << " rows, dim " << dim);
      auto vectors = GroupedVectors(num_rows, dim, 2, 0.05, 7);
      if (dim == 1) {
        for (std::size_t i = 0; i < num_rows; ++i) {
          vectors[i] = i % 2 == 0 ? 0x3C00 : 0xBC00;  // one and minus one
        }
      }
      const auto half = static_cast<std::uint32_t>(num_rows / 2);
      const BalancedClusters gpu = OnGpu(vectors, dim, half, 5);
      const BalancedClusters processor = OnProcessor(vectors, dim, half, 5);
      EXPECT_EQ(gpu.rows, processor.rows);
      EXPECT_EQ(gpu.offsets, processor.offsets);
    }
  }
}

TEST(GpuClusteringTest, EqualVectorsAreCutByRow) {
  std::vector<std::uint16_t> vectors(999 * 256, 0x2C00);  // a sixteenth in every place
  const BalancedClusters gpu = OnGpu(vectors, 256, 3, 5);
  const BalancedClusters processor = OnProcessor(vectors, 256, 3, 5);
  EXPECT_EQ(gpu.rows, processor.rows);
  EXPECT_EQ(gpu.offsets, processor.offsets);
}

TEST(GpuClusteringTest, LeavesAreBalancedAndAsTightAsTheProcessors) {
  for (const std::size_t num_rows : {1U, 2U, 3U, 7U, 1025U, 40000U}) {
    for (const std::uint32_t cluster_size : {1U, 2U, 5U, 64U}) {
      SCOPED_TRACE(::testing::Message() << num_rows << " rows, size " << cluster_size);
      constexpr std::size_t kDim = 64;
      const auto vectors = GroupedVectors(num_rows, kDim, 40, 0.5, 11);
      const BalancedClusters gpu = OnGpu(vectors, kDim, cluster_size, 3);
      const BalancedClusters processor = OnProcessor(vectors, kDim, cluster_size, 3);
      EXPECT_EQ(gpu.offsets, processor.offsets);
      std::vector<std::uint32_t> sorted = gpu.rows;
      std::sort(sorted.begin(), sorted.end());
      std::vector<std::uint32_t> all(num_rows);
      std::iota(all.begin(), all.end(), 0U);
      EXPECT_EQ(sorted, all);
      EXPECT_NEAR(Similarity(vectors, kDim, gpu), Similarity(vectors, kDim, processor), 0.02);
    }
  }
}

TEST(GpuClusteringTest, SameSeedGivesTheSameClusters) {
  const auto vectors = GroupedVectors(20000, 256, 100, 0.5, 13);
  EXPECT_EQ(OnGpu(vectors, 256, 8, 17).rows, OnGpu(vectors, 256, 8, 17).rows);
}

}  // namespace
}  // namespace dashi::trainer
