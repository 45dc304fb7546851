#include "trainer/ranker/linear_svm.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"

namespace dashi::trainer {
namespace {

/// Examples that own their features.
class Problem {
 public:
  void Add(std::vector<std::uint32_t> features, std::vector<float> values, bool positive) {
    rows_.push_back({std::move(features), std::move(values), positive});
  }
  std::vector<SvmExample> examples() const {
    std::vector<SvmExample> examples;
    for (const Row& row : rows_) {
      examples.push_back({row.features, row.values, row.positive});
    }
    return examples;
  }

 private:
  struct Row {
    std::vector<std::uint32_t> features;
    std::vector<float> values;
    bool positive;
  };
  std::vector<Row> rows_;
};

Problem RandomProblem(std::size_t num_examples, std::uint32_t num_features, Random* random) {
  Problem problem;
  for (std::size_t i = 0; i < num_examples; ++i) {
    std::vector<std::uint32_t> features;
    std::vector<float> values;
    for (std::uint32_t feature = 0; feature < num_features; ++feature) {
      if (random->Uniform(4) == 0) {
        features.push_back(feature);
        values.push_back(static_cast<float>(random->Normal()));
      }
    }
    const bool positive = !values.empty() && values[0] + random->Normal() * 0.3 > 0;
    float square = 0;
    for (const float value : values) {
      square += value * value;
    }
    for (float& value : values) {
      value /= std::sqrt(square);
    }
    problem.Add(std::move(features), std::move(values), positive);
  }
  return problem;
}

double Score(const SvmModel& model, const SvmExample& example) {
  double score = model.bias;
  for (std::size_t i = 0; i < example.features.size(); ++i) {
    const auto found =
        std::lower_bound(model.features.begin(), model.features.end(), example.features[i]);
    if (found != model.features.end() && *found == example.features[i]) {
      score += example.values[i] *
               model.weights[static_cast<std::size_t>(found - model.features.begin())];
    }
  }
  return score;
}

double PrimalObjective(const SvmModel& model, const std::vector<SvmExample>& examples, double c) {
  double objective = static_cast<double>(model.bias) * model.bias;
  for (const float weight : model.weights) {
    objective += static_cast<double>(weight) * weight;
  }
  objective /= 2;
  for (const SvmExample& example : examples) {
    const double loss =
        std::max(0.0, 1.0 - (example.positive ? 1.0 : -1.0) * Score(model, example));
    objective += c * loss * loss;
  }
  return objective;
}

// The dual is a lower bound of the minimum, so a small gap proves that the minimum is near.
TEST(LinearSvmTest, PrimalAndDualMeet) {
  const auto seed = static_cast<std::uint64_t>(::testing::UnitTest::GetInstance()->random_seed());
  SCOPED_TRACE(seed);
  Random random(seed);
  LinearSvm svm(40);
  for (const double c : {0.1, 1.0, 10.0}) {
    for (const std::size_t num_examples : {1U, 2U, 30U, 400U}) {
      const Problem problem = RandomProblem(num_examples, 40, &random);
      const std::vector<SvmExample> examples = problem.examples();
      const SvmModel model = svm.Train(examples, {c, 2000, 1e-4}, 7);
      const double primal = PrimalObjective(model, examples, c);
      EXPECT_GE(primal, model.dual_objective - 1e-3 * (1 + primal));
      EXPECT_LE(primal - model.dual_objective, 2e-3 * (1 + primal))
          << num_examples << " examples, c " << c;
    }
  }
}

TEST(LinearSvmTest, FewPassesComeNearTheMinimum) {
  Random random(5);
  const Problem problem = RandomProblem(300, 60, &random);
  const std::vector<SvmExample> examples = problem.examples();
  LinearSvm svm(60);
  const double best = svm.Train(examples, {1.0, 2000, 1e-4}, 1).dual_objective;
  const double quick = PrimalObjective(svm.Train(examples, SvmOptions(), 1), examples, 1.0);
  EXPECT_LT(quick, 1.05 * best);
}

TEST(LinearSvmTest, SeparatesAndKeepsNoFeatureOfAnotherProblem) {
  LinearSvm svm(10);
  Problem first;
  first.Add({7, 9}, {1.0F, 1.0F}, true);
  first.Add({8}, {1.0F}, false);
  svm.Train(first.examples(), SvmOptions(), 1);

  Problem second;
  second.Add({1}, {1.0F}, true);
  second.Add({2}, {1.0F}, false);
  second.Add({2, 3}, {0.5F, 0.5F}, false);
  const std::vector<SvmExample> examples = second.examples();
  const SvmModel model = svm.Train(examples, SvmOptions(), 1);
  EXPECT_EQ(model.features, (std::vector<std::uint32_t>{1, 2, 3}));
  EXPECT_GT(Score(model, examples[0]), 0);
  EXPECT_LT(Score(model, examples[1]), 0);
  EXPECT_LT(Score(model, examples[2]), 0);
}

TEST(LinearSvmTest, TheSameSeedGivesTheSameBits) {
  Random random(9);
  const Problem problem = RandomProblem(200, 30, &random);
  LinearSvm svm(30);
  LinearSvm other(30);
  const SvmModel a = svm.Train(problem.examples(), SvmOptions(), 3);
  svm.Train(problem.examples(), SvmOptions(), 4);
  const SvmModel b = other.Train(problem.examples(), SvmOptions(), 3);
  EXPECT_EQ(a.features, b.features);
  EXPECT_EQ(a.weights, b.weights);
  EXPECT_EQ(a.bias, b.bias);
}

TEST(LinearSvmTest, NoExamplesOrNoFeaturesGiveAnEmptyModel) {
  LinearSvm svm(4);
  const SvmModel none = svm.Train({}, SvmOptions(), 1);
  EXPECT_TRUE(none.features.empty());
  EXPECT_EQ(none.bias, 0.0F);
  Problem empty_texts;
  empty_texts.Add({}, {}, true);
  empty_texts.Add({}, {}, true);
  const SvmModel constant = svm.Train(empty_texts.examples(), SvmOptions(), 1);
  EXPECT_TRUE(constant.features.empty());
  EXPECT_GT(constant.bias, 0.5F);
}

}  // namespace
}  // namespace dashi::trainer
