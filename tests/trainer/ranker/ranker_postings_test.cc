#include "trainer/ranker/ranker_postings.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "index/vector_kernels.h"
#include "trainer/ranker/ranker_rows.h"

namespace dashi::trainer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Whole numbers, whose sums are exact in any order.
float SmallNumber(Random& random) { return static_cast<float>(random.Uniform(9)) - 4.0F; }

SparseRankerWeights RandomRows(std::size_t num_labels, std::uint32_t num_features, Random& random) {
  SparseRankerWeights weights;
  for (std::size_t label = 0; label < num_labels; ++label) {
    std::set<std::uint32_t> features;
    for (std::uint64_t i = random.Uniform(20); i > 0; --i) {
      features.insert(static_cast<std::uint32_t>(random.Uniform(num_features)));
    }
    for (const std::uint32_t feature : features) {
      const float value = SmallNumber(random);
      weights.features.push_back(feature);
      weights.weights.push_back(0);
      index::ToHalf(&value, &weights.weights.back(), 1);
    }
    weights.offsets.push_back(weights.features.size());
    weights.biases.push_back(SmallNumber(random));
  }
  return weights;
}

TokenBag RandomText(std::uint32_t num_features, Random& random) {
  std::set<std::uint32_t> ids;
  for (std::uint64_t i = random.Uniform(30); i > 0; --i) {
    ids.insert(static_cast<std::uint32_t>(random.Uniform(num_features)));
  }
  TokenBag text;
  text.ids.assign(ids.begin(), ids.end());
  for (std::size_t i = 0; i < text.ids.size(); ++i) {
    text.weights.push_back(static_cast<float>(random.Uniform(4) + 1));
  }
  return text;
}

TEST(RankerPostingsTest, FindWhatTheNaiveTwinFinds) {
  const auto seed = static_cast<std::uint64_t>(::testing::UnitTest::GetInstance()->random_seed());
  SCOPED_TRACE(seed);
  Random random(seed);
  for (const std::uint32_t num_features : {40U, 3000U}) {
    // The second ranker has fewer labels: what the first left behind in the thread is not seen.
    for (const std::size_t num_labels : {500U, 60U}) {
      const SparseRankerWeights weights = RandomRows(num_labels, num_features, random);
      const RankerPostings postings(weights);
      for (int text = 0; text < 20; ++text) {
        const TokenBag bag = RandomText(num_features + 10, random);
        for (const std::size_t m : {1U, 10U, 1000U}) {
          EXPECT_EQ(postings.Find(bag, m), RankerPostings::FindNaive(weights, bag, m));
        }
      }
    }
  }
}

TEST(RankerPostingsTest, AreEmptyWithoutWeights) {
  const RankerPostings none{SparseRankerWeights()};
  EXPECT_THAT(none.Find({{1, 2}, {1, 1}}, 10), IsEmpty());
  const RankerPostings some(LabelTextRows({{0, 0, 1}, {7}, {0.5F}}));
  EXPECT_THAT(some.Find({}, 10), IsEmpty());
  EXPECT_THAT(some.Find({{7}, {1}}, 0), IsEmpty());
  EXPECT_THAT(some.Find({{7}, {1}}, 10), ElementsAre(1U));
}

TEST(RankerPostingsTest, CommonWordsAreLeftOutBeyondTheBound) {
  // Feature 0 is in every label but the last, 1 in the last alone.
  constexpr auto kLabels = static_cast<std::uint32_t>(RankerPostings::kWeightsMax + 10);
  SparseRows texts;
  texts.columns.assign(kLabels - 1, 0);
  texts.columns.push_back(1);
  texts.values.assign(kLabels, 1.0F);
  for (std::uint64_t label = 1; label <= kLabels; ++label) {
    texts.offsets.push_back(label);
  }
  const RankerPostings postings(LabelTextRows(texts));
  EXPECT_THAT(postings.Find({{0, 1}, {1.0F, 0.1F}}, 3), ElementsAre(kLabels - 1));
}

}  // namespace
}  // namespace dashi::trainer
