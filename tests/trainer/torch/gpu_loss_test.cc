// The fused losses against the composition of LibTorch's operators on the processor.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <ostream>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "tests/trainer/torch/gpu_random.h"
#include "trainer/torch/contrastive_loss.h"
#include "trainer/torch/fused_loss.h"

namespace dashi::trainer {
namespace {

const at::Device kGpu(at::kCUDA, 0);

// Scores in [-1, 1) of which no two of a row are equal.
at::Tensor DistinctScores(std::size_t num_rows, std::size_t num_columns, Random& random) {
  at::Tensor scores = at::empty(
      {static_cast<std::int64_t>(num_rows), static_cast<std::int64_t>(num_columns)}, at::kFloat);
  auto* values = scores.mutable_data_ptr<float>();
  for (std::size_t row = 0; row < num_rows; ++row) {
    const std::span<float> own(values + row * num_columns, num_columns);
    for (std::size_t c = 0; c < num_columns; ++c) {
      own[c] = 2.0F * static_cast<float>(c) / static_cast<float>(num_columns) - 1.0F;
    }
    random.Shuffle(own);
  }
  return scores;
}

SparseRows Rows(const std::vector<std::vector<std::uint32_t>>& rows) {
  SparseRows result;
  for (const auto& row : rows) {
    result.columns.insert(result.columns.end(), row.begin(), row.end());
    result.offsets.push_back(result.columns.size());
  }
  return result;
}

struct Outcome {
  float loss;
  float top1;
  std::vector<float> gradient;
};

Outcome Read(const LossGradient& loss) {
  const std::vector<float> summary = Floats(loss.summary);
  return {summary[0], summary[1], Floats(loss.gradient)};
}

Outcome OnGpu(const LossOptions& options, const at::Tensor& scores, const SparseRows& positives,
              const SparseRows& masked) {
  const at::Tensor in = scores.to(kGpu);
  EXPECT_TRUE(HasFusedLoss(options, in));
  return Read(FusedContrastiveLoss(options, in, positives, masked));
}

Outcome OnProcessor(const LossOptions& options, const at::Tensor& scores,
                    const SparseRows& positives, const SparseRows& masked) {
  return Read(ContrastiveLoss(options, scores.clone(), positives, masked));
}

void ExpectSame(const Outcome& actual, const Outcome& expected) {
  EXPECT_NEAR(actual.loss, expected.loss, 1e-6 + 1e-4 * std::abs(expected.loss));
  EXPECT_NEAR(actual.top1, expected.top1, 1e-6);
  ExpectClose(actual.gradient, expected.gradient, 1e-4);
}

struct Shape {
  std::size_t num_rows;
  std::uint32_t num_columns;
};

void PrintTo(const Shape& shape, std::ostream* out) {
  *out << shape.num_rows << " x " << shape.num_columns;
}

class GpuLossTest : public ::testing::TestWithParam<std::tuple<LossKind, Shape>> {
 protected:
  LossKind kind() const { return std::get<0>(GetParam()); }
  Shape shape() const { return std::get<1>(GetParam()); }
};

TEST_P(GpuLossTest, EqualsTheProcessors) {
  Random random(1);
  for (const std::uint32_t num_negatives : {1U, 10U, 128U}) {
    SCOPED_TRACE(num_negatives);
    LossOptions options;
    options.kind = kind();
    options.num_negatives = num_negatives;
    options.num_positives = num_negatives == 1 ? 1 : 3;
    options.temperature = num_negatives == 128 ? 0.5F : 0.05F;
    const at::Tensor scores = DistinctScores(shape().num_rows, shape().num_columns, random);
    const SparseRows positives =
        RandomRows(shape().num_rows, shape().num_columns, 6, /*weighted=*/false, random);
    const SparseRows masked =
        RandomRows(shape().num_rows, shape().num_columns, 20, /*weighted=*/false, random);
    ExpectSame(OnGpu(options, scores, positives, masked),
               OnProcessor(options, scores, positives, masked));
  }
}

// Row by row: no negative is left; every column is a positive; all but the positive are masked;
// no positive; a positive is masked too.
TEST_P(GpuLossTest, HostileRowsEqualTheProcessors) {
  Random random(2);
  const std::uint32_t num_columns = shape().num_columns;
  std::vector<std::vector<std::uint32_t>> positives(5);
  std::vector<std::vector<std::uint32_t>> masked(5);
  for (std::uint32_t column = 0; column < num_columns; ++column) {
    (column % 2 == 0 ? positives : masked)[0].push_back(column);
    positives[1].push_back(column);
    if (column > 0) {
      masked[2].push_back(column);
    }
    masked[3].push_back(column);
  }
  positives[2] = {0};
  positives[4] = {num_columns / 2};
  masked[4] = {num_columns / 2};
  const at::Tensor scores = DistinctScores(5, num_columns, random);
  LossOptions options;
  options.kind = kind();
  options.temperature = 0.1F;
  ExpectSame(OnGpu(options, scores, Rows(positives), Rows(masked)),
             OnProcessor(options, scores, Rows(positives), Rows(masked)));
}

TEST_P(GpuLossTest, WithoutPositivesAllIsZero) {
  Random random(3);
  const at::Tensor scores = DistinctScores(shape().num_rows, shape().num_columns, random);
  SparseRows none;
  none.offsets.assign(shape().num_rows + 1, 0);
  LossOptions options;
  options.kind = kind();
  const Outcome outcome = OnGpu(options, scores, none, none);
  EXPECT_EQ(outcome.loss, 0);
  EXPECT_EQ(outcome.top1, 0);
  EXPECT_EQ(outcome.gradient, std::vector<float>(shape().num_rows * shape().num_columns, 0.0F));
}

// Which of equal scores is taken is for each side to choose; the loss and what each row's gradients
// are, in some order, is not.
TEST_P(GpuLossTest, TiesEqualTheProcessorsUpToTheirOrder) {
  Random random(4);
  at::Tensor scores = DistinctScores(shape().num_rows, shape().num_columns, random);
  auto* values = scores.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < scores.numel(); ++i) {
    values[i] = std::round(4.0F * values[i]) / 4.0F;
  }
  const SparseRows positives =
      RandomRows(shape().num_rows, shape().num_columns, 4, /*weighted=*/false, random);
  const SparseRows masked =
      RandomRows(shape().num_rows, shape().num_columns, 4, /*weighted=*/false, random);
  LossOptions options;
  options.kind = kind();
  const auto sorted = [&](Outcome outcome) {
    for (std::size_t row = 0; row < shape().num_rows; ++row) {
      const auto begin =
          outcome.gradient.begin() + static_cast<std::ptrdiff_t>(row * shape().num_columns);
      std::sort(begin, begin + shape().num_columns);
    }
    return outcome;
  };
  ExpectSame(sorted(OnGpu(options, scores, positives, masked)),
             sorted(OnProcessor(options, scores, positives, masked)));
}

TEST_P(GpuLossTest, SameScoresGiveTheSameBits) {
  Random random(5);
  const at::Tensor scores = DistinctScores(shape().num_rows, shape().num_columns, random);
  const SparseRows positives =
      RandomRows(shape().num_rows, shape().num_columns, 8, /*weighted=*/false, random);
  LossOptions options;
  options.kind = kind();
  const Outcome first = OnGpu(options, scores, positives, positives);
  const Outcome second = OnGpu(options, scores, positives, positives);
  EXPECT_EQ(std::memcmp(&first.loss, &second.loss, sizeof(float)), 0);
  EXPECT_EQ(std::memcmp(first.gradient.data(), second.gradient.data(),
                        first.gradient.size() * sizeof(float)),
            0);
}

// Training stops at a loss that is not finite, so the kernels must not lose one.
TEST_P(GpuLossTest, ScoresThatAreNoNumbersMakeALossThatIsNone) {
  Random random(6);
  at::Tensor scores = DistinctScores(shape().num_rows, shape().num_columns, random);
  std::vector<std::vector<std::uint32_t>> positives(shape().num_rows);
  positives[0] = {0};
  auto* values = scores.mutable_data_ptr<float>();
  values[shape().num_columns > 1 ? shape().num_columns - 1 : 0] =
      std::numeric_limits<float>::quiet_NaN();
  SparseRows none;
  none.offsets.assign(shape().num_rows + 1, 0);
  LossOptions options;
  options.kind = kind();
  EXPECT_EQ(std::isfinite(OnGpu(options, scores, Rows(positives), none).loss),
            std::isfinite(OnProcessor(options, scores, Rows(positives), none).loss));
  if (shape().num_columns > 1) {
    EXPECT_FALSE(std::isfinite(OnGpu(options, scores, Rows(positives), none).loss));
  }
}

INSTANTIATE_TEST_SUITE_P(
    KindsAndShapes, GpuLossTest,
    ::testing::Combine(
        ::testing::Values(LossKind::kSoftmax, LossKind::kTriplet, LossKind::kTripletHardest),
        ::testing::Values(Shape{1, 1}, Shape{1, 2}, Shape{3, 31}, Shape{6, 33}, Shape{17, 100},
                          Shape{64, 257}, Shape{300, 1600}, Shape{40, 10241}, Shape{1024, 4500})));

TEST(GpuLossTiesTest, LowestColumnsOfEqualScoresAreTaken) {
  const at::Tensor scores = at::empty({1, 600}, at::kFloat).fill_(0.5F);
  LossOptions options;
  options.kind = LossKind::kTriplet;
  options.num_negatives = 3;
  const Outcome outcome = OnGpu(options, scores, Rows({{1}}), Rows({{3}}));
  EXPECT_LT(outcome.gradient[1], 0);
  for (const std::size_t column : {0U, 2U, 4U}) {
    EXPECT_GT(outcome.gradient[column], 0) << column;
  }
  EXPECT_EQ(std::count(outcome.gradient.begin(), outcome.gradient.end(), 0.0F), 596);
}

TEST(GpuLossTiesTest, MoreNegativesThanTheKernelsKeepAreRefused) {
  const at::Tensor scores = at::empty({1, 600}, at::kFloat).fill_(0.5F).to(kGpu);
  LossOptions options;
  options.kind = LossKind::kTriplet;
  options.num_negatives = 129;
  EXPECT_FALSE(HasFusedLoss(options, scores));
  options.kind = LossKind::kSoftmax;
  EXPECT_TRUE(HasFusedLoss(options, scores));
}

}  // namespace
}  // namespace dashi::trainer
