#include "trainer/ngame_sampler.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

#include "base/thread_pool.h"
#include "trainer/learning_rate.h"

namespace dashi::trainer {
namespace {

constexpr std::uint32_t kDim = 4;

SamplerOptions Options(std::uint32_t epochs) {
  SamplerOptions options;
  options.batch_size = 100;
  options.epochs = epochs;
  options.seed = 9;
  return options;
}

// Fills the memory bank with eight directions; row i points to direction i % 8.
void FillBank(std::uint32_t num_rows, NgameSampler* sampler) {
  std::vector<std::uint32_t> rows(num_rows);
  std::iota(rows.begin(), rows.end(), 0U);
  std::vector<float> embeddings(std::size_t{num_rows} * kDim, 0.0F);
  for (std::uint32_t row = 0; row < num_rows; ++row) {
    embeddings[std::size_t{row} * kDim + row % 4] = row % 8 < 4 ? 1.0F : -1.0F;
  }
  sampler->Remember(rows, embeddings);
}

std::vector<std::uint32_t> EpochRows(const NgameSampler& sampler) {
  std::vector<std::uint32_t> rows;
  for (std::uint32_t i = 0; i < sampler.batches_per_epoch(); ++i) {
    const auto batch = sampler.Batch(i);
    rows.insert(rows.end(), batch.begin(), batch.end());
  }
  return rows;
}

TEST(NgameSamplerTest, ClusterSizesFollowTheCurriculum) {
  const NgameSampler sampler(1000, kDim, Options(20));
  std::vector<std::uint32_t> sizes;
  for (std::uint32_t epoch = 0; epoch < 20; ++epoch) {
    sizes.push_back(sampler.ClusterSize(epoch));
  }
  const std::vector<std::uint32_t> expected{1,  1,  1,  1,  2,  2,  4,  4,  8,  16,
                                            16, 32, 32, 64, 64, 64, 64, 64, 64, 64};
  EXPECT_EQ(sizes, expected);
}

TEST(NgameSamplerTest, EveryEpochVisitsEveryRowOnceInEvenBatches) {
  ThreadPool pool(2);
  for (const std::uint32_t num_rows : {1U, 99U, 100U, 101U, 1037U}) {
    SCOPED_TRACE(num_rows);
    NgameSampler sampler(num_rows, kDim, Options(10));
    FillBank(num_rows, &sampler);
    std::vector<std::uint32_t> all(num_rows);
    std::iota(all.begin(), all.end(), 0U);
    for (std::uint32_t epoch = 0; epoch < 10; ++epoch) {
      ASSERT_TRUE(sampler.BeginEpoch(epoch, pool, /*module=*/nullptr).ok());
      std::vector<std::uint32_t> rows = EpochRows(sampler);
      std::sort(rows.begin(), rows.end());
      EXPECT_EQ(rows, all);
      for (std::uint32_t i = 0; i < sampler.batches_per_epoch(); ++i) {
        EXPECT_LE(sampler.Batch(i).size(), 100U);
        EXPECT_GE(sampler.Batch(i).size() + 1, num_rows / sampler.batches_per_epoch());
      }
    }
  }
}

// Share of neighbours in the epoch's order that point the same way.
double Agreement(const NgameSampler& sampler) {
  const std::vector<std::uint32_t> rows = EpochRows(sampler);
  std::size_t same = 0;
  for (std::size_t i = 1; i < rows.size(); ++i) {
    same += rows[i] % 8 == rows[i - 1] % 8 ? 1 : 0;
  }
  return static_cast<double>(same) / static_cast<double>(rows.size());
}

TEST(NgameSamplerTest, ClusteredEpochsPutSimilarRowsTogether) {
  ThreadPool pool(1);
  constexpr std::uint32_t kRows = 1024;
  NgameSampler sampler(kRows, kDim, Options(10));
  FillBank(kRows, &sampler);
  ASSERT_TRUE(sampler.BeginEpoch(0, pool, /*module=*/nullptr).ok());
  EXPECT_LT(Agreement(sampler), 0.25);
  ASSERT_TRUE(sampler.BeginEpoch(2, pool, /*module=*/nullptr).ok());  // clusters of 2
  ASSERT_TRUE(
      sampler.BeginEpoch(4, pool, /*module=*/nullptr).ok());  // 8, joined from the same tree
  EXPECT_GT(Agreement(sampler), 0.8);
  ASSERT_TRUE(sampler.BeginEpoch(9, pool, /*module=*/nullptr).ok());  // 64, clustered anew
  EXPECT_GT(Agreement(sampler), 0.8);
}

TEST(NgameSamplerTest, SameSeedGivesTheSameBatches) {
  ThreadPool one(1);
  ThreadPool two(2);
  NgameSampler a(500, kDim, Options(10));
  NgameSampler b(500, kDim, Options(10));
  FillBank(500, &a);
  FillBank(500, &b);
  for (std::uint32_t epoch = 0; epoch < 10; ++epoch) {
    ASSERT_TRUE(a.BeginEpoch(epoch, one, /*module=*/nullptr).ok());
    ASSERT_TRUE(b.BeginEpoch(epoch, two, /*module=*/nullptr).ok());
    EXPECT_EQ(EpochRows(a), EpochRows(b)) << "epoch " << epoch;
  }
}

TEST(NgameSamplerTest, RecallReturnsWhatRememberStored) {
  NgameSampler sampler(3, kDim, Options(2));
  const std::vector<std::uint32_t> rows{2, 0};
  const std::vector<float> embeddings{0.5F, 0.25F, -1, 0, 0, 1, 0, -0.125F};
  sampler.Remember(rows, embeddings);
  EXPECT_EQ(sampler.Recall(rows), embeddings);
}

TEST(LearningRateTest, WarmsUpAndFallsToZero) {
  EXPECT_DOUBLE_EQ(LearningRateShare(0, 100, 4), 0.2);
  EXPECT_DOUBLE_EQ(LearningRateShare(3, 100, 4), 0.8);
  EXPECT_DOUBLE_EQ(LearningRateShare(4, 100, 4), 1.0);
  EXPECT_DOUBLE_EQ(LearningRateShare(52, 100, 4), 0.5);
  EXPECT_GT(LearningRateShare(99, 100, 4), 0.0);
  EXPECT_EQ(LearningRateShare(100, 100, 4), 0.0);
}

TEST(LearningRateTest, ShortTrainingsCutTheWarmUp) {
  EXPECT_DOUBLE_EQ(LearningRateShare(0, 1, 50), 1.0);
  EXPECT_DOUBLE_EQ(LearningRateShare(1, 6, 50), 2.0 / 3.0);
  EXPECT_DOUBLE_EQ(LearningRateShare(2, 6, 50), 1.0);
}

}  // namespace
}  // namespace dashi::trainer
