#include "tests/trainer/bag_batches.h"

#include <cmath>
#include <utility>

#include <gtest/gtest.h>

#include "index/vector_kernels.h"

namespace dashi::trainer {
namespace {

// Numbers that binary16 holds exactly, so that importing them loses nothing.
float Exact(Random& random) {
  return static_cast<float>(static_cast<int>(random.Uniform(129)) - 64) / 64.0F;
}

}  // namespace

std::unique_ptr<BagModule> NewModule(bool portable, const std::string& precision,
                                     std::uint32_t hidden, int num_threads) {
  auto backend = LoadTensorBackend("");
  EXPECT_TRUE(backend.ok()) << backend.status().ToString();
  BagModuleOptions options;
  options.vocabulary_size = kVocabulary;
  options.dim = kDim;
  options.hidden = hidden;
  options.seed = 3;
  options.num_threads = num_threads;
  options.device = "cpu";
  options.precision = precision;
  options.portable_kernels = portable;
  auto module = (*backend)->NewBagModule(options);
  EXPECT_TRUE(module.ok()) << module.status().ToString();
  return std::move(module).value();
}

BagWeights RandomWeights(std::uint64_t seed) {
  Random random(seed);
  BagWeights weights;
  weights.vocabulary_size = kVocabulary;
  weights.dim = kDim;
  weights.hidden = kHidden;
  std::vector<float> embeddings(kVocabulary * kDim);
  for (float& value : embeddings) {
    value = Exact(random);
  }
  weights.embeddings.resize(embeddings.size());
  index::ToHalf(embeddings.data(), weights.embeddings.data(), embeddings.size());
  for (auto* matrix : {&weights.w1, &weights.w2}) {
    matrix->resize(kHidden * kDim);
    for (float& value : *matrix) {
      value = 0.3F * Exact(random);
    }
  }
  weights.b.resize(kHidden);
  for (float& value : weights.b) {
    value = 0.3F * Exact(random);
  }
  return weights;
}

SparseRows RandomTexts(std::size_t num_texts, Random& random) {
  SparseRows texts;
  for (std::size_t text = 0; text < num_texts; ++text) {
    for (std::uint32_t token = 0; token < kVocabulary; ++token) {
      if (random.Uniform(6) == 0) {
        texts.columns.push_back(token);
        texts.values.push_back(0.2F + static_cast<float>(random.UniformReal()));
      }
    }
    texts.offsets.push_back(texts.columns.size());
  }
  return texts;
}

EncoderBatch RandomBatch(Random& random) {
  EncoderBatch batch;
  batch.texts = RandomTexts(12, random);
  ContrastiveTerm first;
  for (std::uint32_t i = 0; i < 6; ++i) {
    first.rows.push_back(i);
    first.columns.push_back(6 + i);
    first.positives.columns.push_back(i);
    first.positives.offsets.push_back(i + 1);
    if (i == 2) {
      first.masked.columns.push_back(4);
    }
    first.masked.offsets.push_back(first.masked.columns.size());
  }
  first.loss.temperature = 0.3F;
  ContrastiveTerm second;
  second.rows = {6, 7};
  second.columns = {0, 1, 2};
  second.positives.columns = {1, 2};
  second.positives.offsets = {0, 1, 2};
  second.masked.offsets = {0, 0, 0};
  second.weight = 0.5F;
  second.loss.temperature = 0.3F;
  batch.terms = {first, second};
  return batch;
}

ClassifierBatch RandomClassifierBatch(std::uint32_t num_labels, Random& random) {
  ClassifierBatch batch;
  batch.texts = RandomTexts(8, random);
  for (std::uint32_t label = 0; label < num_labels; label += 2) {
    batch.columns.push_back(label);
  }
  for (std::uint32_t row = 0; row < 8; ++row) {
    batch.positives.columns.push_back(row % batch.columns.size());
    batch.positives.offsets.push_back(row + 1);
    batch.masked.offsets.push_back(0);
  }
  batch.dropout = 0.25F;
  batch.dropout_seed = random.Next();
  return batch;
}

std::vector<float> RandomVectors(std::size_t size, Random& random) {
  std::vector<float> values(size);
  for (float& value : values) {
    value = static_cast<float>(random.Normal());
  }
  return values;
}

void ExpectNear(const std::vector<float>& actual, const std::vector<float>& expected,
                double tolerance) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    ASSERT_NEAR(actual[i], expected[i], tolerance) << "position " << i;
  }
}

}  // namespace dashi::trainer
