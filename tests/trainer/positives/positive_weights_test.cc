#include "trainer/positives/positive_weights.h"

#include <cmath>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

namespace dashi::trainer {
namespace {

TEST(PositiveWeightsTest, AreInversePropensitiesWithMeanOneOverAllPairs) {
  // 100 documents: all have label 0, ten have label 1 too, one has label 2; none has label 3.
  SparseRows relevance;
  for (std::uint32_t document = 0; document < 100; ++document) {
    relevance.columns.push_back(0);
    if (document % 10 == 0) {
      relevance.columns.push_back(1);
    }
    if (document == 50) {
      relevance.columns.push_back(2);
    }
    relevance.offsets.push_back(relevance.columns.size());
  }
  const std::vector<float> weights = PropensityWeights(relevance, 4);
  ASSERT_EQ(weights.size(), 4U);
  const auto inverse = [](double n) {
    return 1 + (std::log(100.0) - 1) * std::pow(2.5, 0.55) * std::pow(n + 1.5, -0.55);
  };
  const double mean = (100 * inverse(100) + 10 * inverse(10) + inverse(1)) / 111;
  EXPECT_NEAR(weights[0], inverse(100) / mean, 1e-5);
  EXPECT_NEAR(weights[1], inverse(10) / mean, 1e-5);
  EXPECT_NEAR(weights[2], inverse(1) / mean, 1e-5);
  EXPECT_NEAR(weights[3], inverse(0) / mean, 1e-5);
}

TEST(PositiveWeightsTest, NothingIsWeighedToo) {
  EXPECT_TRUE(PropensityWeights(SparseRows(), 0).empty());
  for (const float weight : PropensityWeights(SparseRows(), 2)) {
    EXPECT_GT(weight, 0);
  }
}

}  // namespace
}  // namespace dashi::trainer
