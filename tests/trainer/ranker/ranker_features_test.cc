#include "trainer/ranker/ranker_features.h"

#include <cmath>
#include <map>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace dashi::trainer {
namespace {

std::unique_ptr<RankerFeatures> Learn(const std::vector<std::string>& texts) {
  BagTokenizer::Learner words({});
  RankerFeatures::Learner pairs;
  for (const std::string& text : texts) {
    words.AddText(text);
    pairs.AddText(text);
  }
  return std::make_unique<RankerFeatures>(words.Build(), pairs.BucketIdf());
}

const std::vector<std::string>& Texts() {
  static const std::vector<std::string> texts{"red wine glass", "red wine bottle",
                                              "wine red",       "glass bottle red wine",
                                              "green tea",      "green tea"};
  return texts;
}

TEST(RankerFeaturesTest, WeighsWordsAndPairsTogether) {
  const auto features = Learn(Texts());
  const TokenBag bag = features->Extract("red wine red wine");
  // Words red, wine; pairs red-wine (twice) and wine-red, which only one text has.
  ASSERT_EQ(bag.ids.size(), 3U);
  const double word = (1 + std::log(2.0)) * std::log(6.0 / 4.0);
  const double pair = (1 + std::log(2.0)) * std::log(6.0 / 3.0);
  const double norm = std::sqrt(2 * word * word + pair * pair);
  EXPECT_NEAR(bag.weights[0], word / norm, 1e-6);
  EXPECT_NEAR(bag.weights[1], word / norm, 1e-6);
  EXPECT_NEAR(bag.weights[2], pair / norm, 1e-6);
  EXPECT_LT(bag.ids[1], features->words().vocabulary_size());
  EXPECT_GE(bag.ids[2], features->words().vocabulary_size());
  EXPECT_LT(bag.ids[2], features->num_features());
}

TEST(RankerFeaturesTest, TheOrderOfWordsMatters) {
  const auto features = Learn(Texts());
  const TokenBag forward = features->Extract("green tea");
  const TokenBag backward = features->Extract("tea green");
  EXPECT_EQ(forward.ids.size(), 3U);
  EXPECT_EQ(backward.ids.size(), 2U);
}

TEST(RankerFeaturesTest, UnknownTextsAreEmpty) {
  const auto features = Learn(Texts());
  for (const char* text : {"", "   ", "unheard of", "\xFF\xFE", "!!!"}) {
    EXPECT_TRUE(features->Extract(text).ids.empty()) << text;
  }
}

TEST(RankerFeaturesTest, BagsHaveUnitLengthAndAscendingIds) {
  const auto features = Learn(Texts());
  for (const std::string& text : Texts()) {
    const TokenBag bag = features->Extract(text);
    ASSERT_FALSE(bag.ids.empty());
    EXPECT_TRUE(std::is_sorted(bag.ids.begin(), bag.ids.end()));
    EXPECT_NEAR(
        std::inner_product(bag.weights.begin(), bag.weights.end(), bag.weights.begin(), 0.0), 1.0,
        1e-6);
  }
}

}  // namespace
}  // namespace dashi::trainer
