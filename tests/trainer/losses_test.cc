#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "trainer/bag_module.h"

namespace dashi::trainer {
namespace {

TensorBackend& Backend() {
  static TensorBackend* backend = [] {
    auto loaded = LoadTensorBackend("");
    return loaded.ok() ? *loaded : nullptr;
  }();
  EXPECT_NE(backend, nullptr) << LoadTensorBackend("").status().ToString();
  return *backend;
}

SparseRows Rows(const std::vector<std::vector<std::uint32_t>>& rows) {
  SparseRows result;
  for (const auto& row : rows) {
    result.columns.insert(result.columns.end(), row.begin(), row.end());
    result.offsets.push_back(result.columns.size());
  }
  return result;
}

// The softmax loss in double precision, straight from its definition.
double NaiveSoftmax(const std::vector<float>& scores, std::size_t num_columns,
                    const std::vector<std::vector<std::uint32_t>>& positives,
                    const std::vector<std::vector<std::uint32_t>>& masked, double temperature) {
  double sum = 0;
  int num_rows = 0;
  for (std::size_t row = 0; row < positives.size(); ++row) {
    if (positives[row].empty()) {
      continue;
    }
    ++num_rows;
    const auto score = [&](std::size_t c) { return scores[row * num_columns + c] / temperature; };
    double row_loss = 0;
    for (const std::uint32_t positive : positives[row]) {
      double total = std::exp(score(positive));
      for (std::uint32_t c = 0; c < num_columns; ++c) {
        if (std::count(positives[row].begin(), positives[row].end(), c) == 0 &&
            std::count(masked[row].begin(), masked[row].end(), c) == 0) {
          total += std::exp(score(c));
        }
      }
      row_loss += std::log(total) - score(positive);
    }
    sum += row_loss / static_cast<double>(positives[row].size());
  }
  return sum / num_rows;
}

TEST(LossesTest, TripletHasThePublishedValue) {
  LossOptions options;
  options.kind = LossKind::kTriplet;
  options.num_negatives = 2;
  options.margin = 0.3F;
  options.temperature = 0.1F;
  const std::vector<float> scores{.60F, .55F, .20F, .58F, .10F, .40F, .35F, .05F,
                                  .30F, .62F, .70F, .66F, .50F, .45F, .30F, .50F};
  const auto loss =
      Backend().EvaluateLoss(options, scores, Rows({{0}, {1}, {2}, {3}}), Rows({{}, {}, {3}, {}}));
  ASSERT_TRUE(loss.ok()) << loss.status().ToString();
  EXPECT_NEAR(loss->loss, 0.126322827, 1e-7);
  EXPECT_NEAR(loss->top1, 1.0, 1e-7);
}

TEST(LossesTest, TripletHardestHasThePublishedValue) {
  LossOptions options;
  options.kind = LossKind::kTripletHardest;
  options.num_positives = 3;
  options.num_negatives = 2;
  options.margin = 0.2F;
  const std::vector<float> scores{.60F, .55F, .20F, .58F, .10F, .10F, .40F, .35F,
                                  .05F, .39F, .30F, .62F, .70F, .66F, .20F};
  const auto loss =
      Backend().EvaluateLoss(options, scores, Rows({{0, 3}, {1}, {2, 3, 4}}), Rows({{}, {}, {}}));
  ASSERT_TRUE(loss.ok()) << loss.status().ToString();
  EXPECT_NEAR(loss->loss, 0.069765762, 1e-7);
}

TEST(LossesTest, SoftmaxEqualsItsDefinition) {
  Random random(5);
  const std::vector<std::vector<std::uint32_t>> positives{{0, 3}, {}, {2}, {1, 2, 4}};
  const std::vector<std::vector<std::uint32_t>> masked{{1}, {0}, {}, {0}};
  std::vector<float> scores(4 * 6);
  for (float& score : scores) {
    score = static_cast<float>(random.UniformReal() * 2 - 1);
  }
  LossOptions options;
  options.temperature = 0.05F;
  const auto loss = Backend().EvaluateLoss(options, scores, Rows(positives), Rows(masked));
  ASSERT_TRUE(loss.ok()) << loss.status().ToString();
  EXPECT_NEAR(loss->loss, NaiveSoftmax(scores, 6, positives, masked, 0.05), 1e-4);
}

// Gradients of every loss against central differences, at scores where no hinge or order is about
// to change.
class LossGradientTest : public ::testing::TestWithParam<LossKind> {};

TEST_P(LossGradientTest, EqualsCentralDifferences) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    constexpr std::size_t kRows = 5;
    constexpr std::size_t kColumns = 9;
    // Distinct multiples of 0.02: a step of 0.001 crosses no order and no hinge at margin 0.31.
    std::vector<float> scores(kRows * kColumns);
    for (std::size_t i = 0; i < scores.size(); ++i) {
      scores[i] = 0.02F * static_cast<float>(i) - 0.45F;
    }
    random.Shuffle(std::span<float>(scores));
    std::vector<std::vector<std::uint32_t>> positives(kRows);
    std::vector<std::vector<std::uint32_t>> masked(kRows);
    for (std::size_t row = 0; row < kRows; ++row) {
      for (std::uint32_t c = 0; c < kColumns; ++c) {
        const std::uint64_t draw = random.Uniform(5);
        if (draw == 0 || c == row) {
          positives[row].push_back(c);
        } else if (draw == 1) {
          masked[row].push_back(c);
        }
      }
    }
    LossOptions options;
    options.kind = GetParam();
    options.temperature = 0.1F;
    options.margin = 0.31F;
    options.num_negatives = 3;
    options.num_positives = 2;
    const auto evaluate = [&](const std::vector<float>& at) {
      auto loss = Backend().EvaluateLoss(options, at, Rows(positives), Rows(masked));
      EXPECT_TRUE(loss.ok());
      return *loss;
    };
    const ScoreLoss loss = evaluate(scores);
    for (std::size_t i = 0; i < scores.size(); ++i) {
      constexpr float kStep = 1e-3F;
      std::vector<float> moved = scores;
      moved[i] += kStep;
      const double up = evaluate(moved).loss;
      moved[i] -= 2 * kStep;
      const double down = evaluate(moved).loss;
      EXPECT_NEAR(loss.gradient[i], (up - down) / (2 * double{kStep}), 2e-3) << "score " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(AllKinds, LossGradientTest,
                         ::testing::Values(LossKind::kSoftmax, LossKind::kTriplet,
                                           LossKind::kTripletHardest));

TEST_P(LossGradientTest, OneColumnMoreNegativesThanColumnsAndNoNegativesAreLegal) {
  LossOptions options;
  options.kind = GetParam();
  options.num_negatives = 10;
  const auto single =
      Backend().EvaluateLoss(options, std::vector<float>{0.5F}, Rows({{0}}), Rows({{}}));
  ASSERT_TRUE(single.ok()) << single.status().ToString();
  EXPECT_EQ(single->loss, 0);
  EXPECT_EQ(single->gradient, std::vector<float>{0});
  const auto none =
      Backend().EvaluateLoss(options, std::vector<float>{0.5F, 0.1F}, Rows({{}}), Rows({{}}));
  ASSERT_TRUE(none.ok());
  EXPECT_EQ(none->loss, 0);
}

TEST(LossesTest, RejectsColumnsOutOfRange) {
  const auto loss = Backend().EvaluateLoss(LossOptions(), std::vector<float>{0.5F, 0.1F},
                                           Rows({{2}}), Rows({{}}));
  ASSERT_FALSE(loss.ok());
  EXPECT_EQ(loss.status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace dashi::trainer
