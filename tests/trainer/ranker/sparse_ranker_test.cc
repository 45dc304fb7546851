#include "trainer/ranker/sparse_ranker.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "index/vector_kernels.h"
#include "trainer/release_artifacts.h"
#include "trainer/safetensors.h"

namespace dashi::trainer {
namespace {

SparseRankerWeights RandomWeights(std::size_t num_labels, std::uint32_t num_features,
                                  Random* random) {
  SparseRankerWeights weights;
  for (std::size_t label = 0; label < num_labels; ++label) {
    const std::uint64_t size = random->Uniform(40);  // Some labels have no weights at all.
    std::vector<std::uint32_t> features;
    for (std::uint64_t i = 0; i < size; ++i) {
      features.push_back(static_cast<std::uint32_t>(random->Uniform(num_features)));
    }
    std::sort(features.begin(), features.end());
    features.erase(std::unique(features.begin(), features.end()), features.end());
    for (const std::uint32_t feature : features) {
      const auto value = static_cast<float>(random->Normal());
      weights.features.push_back(feature);
      weights.weights.push_back(0);
      index::ToHalf(&value, &weights.weights.back(), 1);
    }
    weights.offsets.push_back(weights.features.size());
    weights.biases.push_back(static_cast<float>(random->Normal()));
  }
  return weights;
}

TokenBag RandomBag(std::size_t size, std::uint32_t num_features, Random* random) {
  TokenBag bag;
  for (std::size_t i = 0; i < size; ++i) {
    bag.ids.push_back(static_cast<std::uint32_t>(random->Uniform(num_features)));
  }
  std::sort(bag.ids.begin(), bag.ids.end());
  bag.ids.erase(std::unique(bag.ids.begin(), bag.ids.end()), bag.ids.end());
  for (std::size_t i = 0; i < bag.ids.size(); ++i) {
    bag.weights.push_back(static_cast<float>(random->UniformReal()) + 0.01F);
  }
  return bag;
}

TEST(SparseRankerTest, ScoresLikeTheNaiveTwin) {
  const auto seed = static_cast<std::uint64_t>(::testing::UnitTest::GetInstance()->random_seed());
  SCOPED_TRACE(seed);
  Random random(seed);
  for (const std::uint32_t num_features : {60U, 5000U}) {
    const SparseRankerWeights weights = RandomWeights(200, num_features, &random);
    for (const std::size_t size : {0U, 1U, 30U, 400U}) {
      const TokenBag text = RandomBag(size, num_features, &random);
      std::vector<std::uint32_t> labels;
      for (int i = 0; i < 100; ++i) {
        labels.push_back(static_cast<std::uint32_t>(random.Uniform(200)));
      }
      std::vector<float> fast(labels.size());
      std::vector<float> naive(labels.size());
      ScoreSparse(weights, text, labels, fast);
      ScoreSparseNaive(weights, text, labels, naive);
      for (std::size_t i = 0; i < labels.size(); ++i) {
        EXPECT_NEAR(fast[i], naive[i], 1e-4);
      }
    }
  }
}

std::unique_ptr<RankerFeatures> Features() {
  BagTokenizer::Learner words({});
  RankerFeatures::Learner pairs;
  for (const char* text : {"red wine", "red wine bottle", "green bottle", "green"}) {
    words.AddText(text);
    pairs.AddText(text);
  }
  return std::make_unique<RankerFeatures>(words.Build(), pairs.BucketIdf());
}

TEST(SparseRankerTest, AFileGivesTheSameScores) {
  Random random(3);
  auto features = Features();
  const SparseRankerWeights weights = RandomWeights(50, features->num_features(), &random);
  const std::string bytes = SerializeRanker(*features, weights);
  const SparseRanker written(std::move(features), weights);
  const auto read = ParseRanker(bytes);
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  std::vector<std::uint32_t> labels(50);
  for (std::uint32_t label = 0; label < 50; ++label) {
    labels[label] = label;
  }
  std::vector<float> expected(50);
  std::vector<float> scores(50);
  written.Score("a red wine bottle", labels, expected);
  (*read)->Score("a red wine bottle", labels, scores);
  EXPECT_EQ(scores, expected);
  EXPECT_EQ((*read)->features().Extract("green red wine").ids,
            written.features().Extract("green red wine").ids);
}

TEST(SparseRankerTest, AFileTellsHowManyLabelsWordsAdd) {
  Random random(5);
  const auto features = Features();
  SparseRankerWeights weights = RandomWeights(3, features->num_features(), &random);
  weights.word_candidates = 70;
  const std::string bytes = SerializeRanker(*features, weights);
  EXPECT_EQ(ParseRanker(bytes).value()->weights().word_candidates, 70U);
  // A file from before it was counted.
  const auto file = Safetensors::Parse(bytes).value();
  SafetensorsWriter writer;
  for (const auto& [key, value] : file.metadata) {
    writer.AddMetadata(key, value);
  }
  for (const auto& [key, tensor] : file.tensors) {
    if (key != "word_candidates") {
      writer.Add(key, tensor.dtype, tensor.shape, tensor.bytes);
    }
  }
  EXPECT_EQ(ParseRanker(writer.Finish()).value()->weights().word_candidates, 0U);
}

/// What ParseRanker says of a file with one tensor replaced.
std::string ErrorWith(const std::string& name, const std::string& dtype, std::uint64_t length,
                      const std::string& replacement) {
  Random random(4);
  const auto features = Features();
  const std::string bytes =
      SerializeRanker(*features, RandomWeights(3, features->num_features(), &random));
  const auto file = Safetensors::Parse(bytes).value();
  SafetensorsWriter writer;
  for (const auto& [key, value] : file.metadata) {
    writer.AddMetadata(key, value);
  }
  for (const auto& [key, tensor] : file.tensors) {
    if (key == name) {
      if (length > 0) {
        writer.Add(key, dtype, {length}, replacement);
      }
    } else {
      writer.Add(key, tensor.dtype, tensor.shape, tensor.bytes);
    }
  }
  const auto parsed = ParseRanker(writer.Finish());
  EXPECT_FALSE(parsed.ok()) << name;
  return std::string(parsed.status().message());
}

TEST(SparseRankerTest, DamagedFilesAreRefusedByName) {
  const std::string zeros(1000, '\0');
  const std::string ones(1000, '\xFF');
  EXPECT_NE(ErrorWith("biases", "", 0, "").find("biases"), std::string::npos);
  EXPECT_NE(ErrorWith("vocabulary", "", 0, "").find("vocabulary"), std::string::npos);
  EXPECT_NE(ErrorWith("offsets", "U64", 4, ones.substr(0, 32)).find("offsets"), std::string::npos);
  EXPECT_NE(ErrorWith("offsets", "U64", 3, zeros.substr(0, 24)).find("offsets"), std::string::npos);
  EXPECT_NE(ErrorWith("biases", "F32", 3, ones.substr(0, 12)).find("bias"), std::string::npos);
  EXPECT_NE(ErrorWith("word_candidates", "U32", 1, ones.substr(0, 4)).find("by words"),
            std::string::npos);
  EXPECT_NE(ErrorWith("pair_buckets", "U32", 1, ones.substr(0, 4)).find("word pair 0"),
            std::string::npos);
  EXPECT_NE(ErrorWith("vocabulary", "U8", 16, zeros.substr(0, 16)).find("tokenizer"),
            std::string::npos);
}

TEST(SparseRankerTest, FeaturesOutOfRangeAreRefused) {
  const auto features = Features();
  SparseRankerWeights weights;
  weights.offsets = {0, 1};
  weights.features = {features->num_features()};
  weights.weights = {0};
  weights.biases = {0};
  const auto parsed = ParseRanker(SerializeRanker(*features, weights));
  ASSERT_FALSE(parsed.ok());
  EXPECT_NE(parsed.status().message().find("feature is out of range"), std::string::npos);
}

}  // namespace
}  // namespace dashi::trainer
