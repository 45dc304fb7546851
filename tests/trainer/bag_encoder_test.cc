#include "trainer/bag_encoder.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "index/vector_kernels.h"
#include "index/vector_kernels_naive.h"

namespace dashi::trainer {
namespace {

std::string RandomText(Random& random) {
  std::string text;
  for (std::size_t i = random.Uniform(40); i > 0; --i) {
    text += "word" + std::to_string(random.Uniform(300)) + ' ';
  }
  return text;
}

std::unique_ptr<BagTokenizer> MakeTokenizer(std::uint64_t seed) {
  Random random(seed);
  BagTokenizer::Learner learner({});
  for (int i = 0; i < 500; ++i) {
    learner.AddText(RandomText(random));
  }
  return learner.Build();
}

BagWeights RandomWeights(std::uint32_t vocabulary_size, std::uint32_t dim, std::uint32_t hidden,
                         Random& random) {
  BagWeights weights;
  weights.vocabulary_size = vocabulary_size;
  weights.dim = dim;
  weights.hidden = hidden;
  const auto fill = [&](std::vector<float>& values, std::size_t size) {
    values.resize(size);
    for (float& value : values) {
      value = static_cast<float>(random.Normal()) / std::sqrt(static_cast<float>(dim));
    }
  };
  std::vector<float> embeddings;
  fill(embeddings, std::size_t{vocabulary_size} * dim);
  weights.embeddings.resize(embeddings.size());
  index::ToHalf(embeddings.data(), weights.embeddings.data(), embeddings.size());
  fill(weights.w1, std::size_t{hidden} * dim);
  fill(weights.b, hidden);
  fill(weights.w2, std::size_t{dim} * hidden);
  return weights;
}

// The encoder's definition in double precision.
std::vector<double> NaiveEncode(const TokenBag& bag, const BagWeights& weights) {
  std::vector<double> x(weights.dim);
  for (std::size_t t = 0; t < bag.ids.size(); ++t) {
    std::vector<float> row(weights.dim);
    index::naive::FromHalf(weights.embeddings.data() + std::size_t{bag.ids[t]} * weights.dim,
                           row.data(), weights.dim);
    for (std::size_t i = 0; i < weights.dim; ++i) {
      x[i] += static_cast<double>(bag.weights[t]) * row[i];
    }
  }
  std::vector<double> h = x;
  for (std::size_t j = 0; j < weights.hidden; ++j) {
    double activation = weights.b[j];
    for (std::size_t i = 0; i < weights.dim; ++i) {
      activation += weights.w1[j * weights.dim + i] * x[i];
    }
    for (std::size_t i = 0; i < weights.dim; ++i) {
      h[i] += weights.w2[i * weights.hidden + j] * std::max(activation, 0.0);
    }
  }
  double square = 0;
  for (const double value : h) {
    square += value * value;
  }
  for (double& value : h) {
    value = square > 0 && !bag.ids.empty() ? value / std::sqrt(square) : 0.0;
  }
  return h;
}

TEST(BagEncoderTest, AgreesWithItsDefinitionInDoublePrecision) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    auto tokenizer = MakeTokenizer(seed);
    const auto reference = MakeTokenizer(seed);
    const auto dim = static_cast<std::uint32_t>(1 + random.Uniform(300));
    const auto hidden = static_cast<std::uint32_t>(seed % 3 == 0 ? 0 : random.Uniform(300));
    const BagWeights weights = RandomWeights(tokenizer->vocabulary_size(), dim, hidden, random);
    const auto encoder = MakeBagEncoder(std::move(tokenizer), weights);
    ASSERT_TRUE(encoder.ok()) << encoder.status().ToString();
    ASSERT_EQ((*encoder)->dim(), dim);
    for (int round = 0; round < 30; ++round) {
      const std::string text = RandomText(random);
      std::vector<float> got(dim, -1.0F);
      ASSERT_TRUE((*encoder)->Encode(text, got).ok());
      const std::vector<double> want = NaiveEncode(reference->Tokenize(text), weights);
      for (std::size_t i = 0; i < dim; ++i) {
        ASSERT_NEAR(got[i], want[i], 1e-5);
      }
    }
  }
}

TEST(BagEncoderTest, ATextWithoutAKnownWordIsTheZeroVector) {
  auto tokenizer = MakeTokenizer(1);
  Random random(1);
  BagWeights weights = RandomWeights(tokenizer->vocabulary_size(), 8, 4, random);
  const auto encoder = MakeBagEncoder(std::move(tokenizer), std::move(weights));
  ASSERT_TRUE(encoder.ok());
  for (const char* text : {"", "unheard of", "\xFF\xFE"}) {
    std::vector<float> out(8, 1.0F);
    ASSERT_TRUE((*encoder)->Encode(text, out).ok());
    EXPECT_THAT(out, ::testing::Each(0.0F));
  }
}

TEST(BagEncoderTest, ABatchEqualsSingleTextsBitByBit) {
  auto tokenizer = MakeTokenizer(2);
  Random random(2);
  const std::size_t dim = 48;
  BagWeights weights = RandomWeights(tokenizer->vocabulary_size(), dim, 33, random);
  const auto encoder = MakeBagEncoder(std::move(tokenizer), std::move(weights));
  ASSERT_TRUE(encoder.ok());
  std::vector<std::string> texts;
  for (int i = 0; i < 333; ++i) {
    texts.push_back(RandomText(random));
  }
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  std::vector<float> batch(texts.size() * dim);
  ThreadPool pool(2);
  ASSERT_TRUE((*encoder)->EncodeBatch(views, batch, pool).ok());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    std::vector<float> single(dim);
    ASSERT_TRUE((*encoder)->Encode(texts[i], single).ok());
    ASSERT_TRUE(std::equal(single.begin(), single.end(),
                           batch.begin() + static_cast<std::ptrdiff_t>(i * dim)));
  }
  EXPECT_EQ((*encoder)->EncodeBatch(views, std::span(batch).first(dim), pool).code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ((*encoder)->Encode("x", batch).code(), StatusCode::kInvalidArgument);
}

TEST(BagEncoderTest, RefusesWeightsThatDoNotFit) {
  const std::uint32_t vocabulary_size = MakeTokenizer(3)->vocabulary_size();
  Random random(3);
  const BagWeights good = RandomWeights(vocabulary_size, 8, 4, random);
  const auto code = [](BagWeights weights) {
    return MakeBagEncoder(MakeTokenizer(3), std::move(weights)).status().code();
  };
  EXPECT_EQ(code(good), StatusCode::kOk);
  const std::vector<void (*)(BagWeights&)> damages = {
      [](BagWeights& weights) { weights.dim = 0; },
      [](BagWeights& weights) { weights.dim = 9; },
      [](BagWeights& weights) { weights.hidden = 3; },
      [](BagWeights& weights) { weights.vocabulary_size -= 1; },
      [](BagWeights& weights) { weights.embeddings.pop_back(); },
      [](BagWeights& weights) { weights.w1.clear(); },
      [](BagWeights& weights) { weights.b.push_back(0); },
      [](BagWeights& weights) { weights.w2.pop_back(); },
      [](BagWeights& weights) { weights.embeddings[5] = 0x7E00; },
      [](BagWeights& weights) { weights.embeddings[5] = 0xFC00; },
      [](BagWeights& weights) { weights.w1[5] = std::numeric_limits<float>::quiet_NaN(); },
      [](BagWeights& weights) { weights.b[1] = std::numeric_limits<float>::infinity(); },
      [](BagWeights& weights) { weights.w2[5] = std::numeric_limits<float>::quiet_NaN(); },
  };
  for (std::size_t i = 0; i < damages.size(); ++i) {
    BagWeights weights = good;
    damages[i](weights);
    EXPECT_EQ(code(std::move(weights)), StatusCode::kInvalidArgument) << "damage " << i;
  }
}

}  // namespace
}  // namespace dashi::trainer
