// Transformers on the GPU against the processor's.

#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "tests/trainer/torch/gpu_random.h"
#include "trainer/bag_module.h"
#include "trainer/torch/torch_transformer_module.h"

namespace dashi::trainer {
namespace {

constexpr std::uint32_t kVocabulary = 500;
constexpr std::uint32_t kDim = 96;
constexpr std::uint32_t kLabels = 300;

TransformerModuleOptions Options(const std::string& device, const std::string& precision) {
  TransformerModuleOptions options;
  options.config.vocabulary_size = kVocabulary;
  options.config.dim = kDim;
  options.config.hidden = 200;
  options.config.num_layers = 3;
  options.config.num_heads = 4;
  options.config.num_positions = 64;
  options.config.num_token_types = 2;
  options.config.dropout = 0;
  options.config.attention_dropout = 0;
  options.seed = 9;
  options.num_threads = 2;
  options.device = device;
  options.precision = precision;
  return options;
}

std::unique_ptr<TransformerModule> NewModule(const TransformerModuleOptions& options) {
  auto module = MakeTorchTransformerModule(options, {});
  EXPECT_TRUE(module.ok()) << module.status().ToString();
  return std::move(module).value();
}

SparseRows RandomTexts(std::size_t num_texts, Random& random) {
  SparseRows texts;
  for (std::size_t text = 0; text < num_texts; ++text) {
    for (std::uint64_t size = 1 + random.Uniform(40); size > 0; --size) {
      texts.columns.push_back(static_cast<std::uint32_t>(random.Uniform(kVocabulary)));
    }
    texts.offsets.push_back(texts.columns.size());
  }
  return texts;
}

EncoderBatch RandomBatch(std::uint32_t num_rows, Random& random) {
  EncoderBatch batch;
  batch.texts = RandomTexts(std::size_t{2} * num_rows, random);
  ContrastiveTerm term;
  term.loss.temperature = 0.2F;
  for (std::uint32_t i = 0; i < num_rows; ++i) {
    term.rows.push_back(i);
    term.columns.push_back(num_rows + i);
    term.positives.columns.push_back(i);
    term.positives.offsets.push_back(i + 1);
    if (i % 3 == 0) {
      term.masked.columns.push_back((i + 1) % num_rows);
    }
    term.masked.offsets.push_back(term.masked.columns.size());
  }
  batch.terms = {term};
  return batch;
}

std::vector<float> Concatenated(const TransformerGradients& gradients) {
  std::vector<float> all;
  for (const std::vector<float>& parameter : gradients.parameters) {
    all.insert(all.end(), parameter.begin(), parameter.end());
  }
  return all;
}

std::vector<float> Encoded(TransformerModule& module, const SparseRows& texts) {
  std::vector<float> rows(texts.num_rows() * kDim);
  const Status status = module.Encode(texts, rows.data());
  EXPECT_TRUE(status.ok()) << status.ToString();
  return rows;
}

TEST(GpuTransformerTest, GradientsEqualTheProcessors) {
  Random random(1);
  const EncoderBatch batch = RandomBatch(60, random);
  const auto on_processor = NewModule(Options("cpu", "float32"))->ComputeGradients(batch);
  ASSERT_TRUE(on_processor.ok()) << on_processor.status().ToString();
  const std::vector<float> expected = Concatenated(*on_processor);
  for (const auto& [precision, tolerance] :
       {std::pair{"float32", 1e-4}, std::pair{"bfloat16", 0.05}}) {
    SCOPED_TRACE(precision);
    for (const std::uint64_t activation_bytes_max : {std::uint64_t{0}, std::uint64_t{1} << 22U}) {
      TransformerModuleOptions options = Options("cuda", precision);
      options.activation_bytes_max = activation_bytes_max;
      const auto on_gpu = NewModule(options)->ComputeGradients(batch);
      ASSERT_TRUE(on_gpu.ok()) << on_gpu.status().ToString();
      EXPECT_NEAR(on_gpu->loss, on_processor->loss, tolerance * on_processor->loss);
      EXPECT_LT(RelativeDistance(Concatenated(*on_gpu), expected), tolerance);
    }
  }
}

TEST(GpuTransformerTest, EmbeddingsEqualTheProcessors) {
  Random random(2);
  const SparseRows texts = RandomTexts(300, random);
  const std::vector<float> expected = Encoded(*NewModule(Options("cpu", "float32")), texts);
  TransformerModuleOptions options = Options("cuda", "float32");
  EXPECT_LT(RelativeDistance(Encoded(*NewModule(options), texts), expected), 1e-5);
  options.encode_precision = "bfloat16";
  EXPECT_LT(RelativeDistance(Encoded(*NewModule(options), texts), expected), 0.02);
}

/// Steps of both stages, the encoder's in the second one too, then the embeddings of the texts.
struct Training {
  std::vector<float> losses;
  std::vector<float> embeddings;
  std::vector<float> classifier;
};

Training Train(const TransformerModuleOptions& options) {
  Random random(3);
  const auto module = NewModule(options);
  Training training;
  StepRates rates;
  rates.dense = 1e-3F;
  rates.classifier = 1e-2F;
  const EncoderBatch batch = RandomBatch(40, random);
  for (int step = 0; step < 6; ++step) {
    const auto result = module->EncoderStep(batch, rates);
    EXPECT_TRUE(result.ok()) << result.status().ToString();
    training.losses.push_back(result->loss);
  }
  std::vector<float> labels(std::size_t{kLabels} * kDim);
  for (float& value : labels) {
    value = static_cast<float>(random.Normal());
  }
  EXPECT_TRUE(module->SetClassifier(labels, kLabels).ok());
  ClassifierBatch classifier;
  classifier.loss.temperature = 0.2F;
  classifier.dropout = options.config.dropout;
  classifier.texts = RandomTexts(40, random);
  for (std::uint32_t label = 0; label < kLabels; label += 3) {
    classifier.columns.push_back(label);
  }
  for (std::uint32_t row = 0; row < 40; ++row) {
    classifier.positives.columns.push_back(row);
    classifier.positives.offsets.push_back(row + 1);
    classifier.masked.offsets.push_back(0);
  }
  for (int step = 0; step < 4; ++step) {
    classifier.dropout_seed = static_cast<std::uint64_t>(step);
    const auto result = module->ClassifierStep(classifier, rates);
    EXPECT_TRUE(result.ok()) << result.status().ToString();
    training.losses.push_back(result->loss);
  }
  training.embeddings = Encoded(*module, batch.texts);
  training.classifier = module->ExportClassifier();
  return training;
}

TEST(GpuTransformerTest, TrainingFollowsTheProcessors) {
  const Training expected = Train(Options("cpu", "float32"));
  const Training on_gpu = Train(Options("cuda", "float32"));
  ExpectClose(on_gpu.losses, expected.losses, 1e-3);
  EXPECT_LT(RelativeDistance(on_gpu.embeddings, expected.embeddings), 1e-2);
  EXPECT_LT(RelativeDistance(on_gpu.classifier, expected.classifier), 1e-2);
  EXPECT_LT(on_gpu.losses[5], 0.9 * on_gpu.losses[0]);
}

TEST(GpuTransformerTest, DropoutIsTheSameForTheSameSeedAlsoWhenChunksRunTwice) {
  TransformerModuleOptions options = Options("cuda", "float32");
  options.config.dropout = 0.1F;
  options.config.attention_dropout = 0.1F;
  const Training first = Train(options);
  const Training second = Train(options);
  EXPECT_LT(RelativeDistance(second.embeddings, first.embeddings), 1e-5);
  // So small that no chunk's activations are kept, and chunks are of other texts.
  options.activation_bytes_max = std::uint64_t{1} << 22U;
  const Training chunked = Train(options);
  const Training chunked_again = Train(options);
  EXPECT_LT(RelativeDistance(chunked_again.embeddings, chunked.embeddings), 1e-5);
  EXPECT_LT(chunked.losses[5], first.losses[0]);
  options.seed = 10;
  options.config.dropout = 0;
  options.config.attention_dropout = 0;
  EXPECT_GT(RelativeDistance(Train(options).embeddings, first.embeddings), 1e-3);
}

TEST(GpuTransformerTest, DropoutScalesWhatItKeeps) {
  // One text often: with dropout the loss of a step differs, its mean does not by much.
  TransformerModuleOptions options = Options("cuda", "float32");
  options.config.dropout = 0.2F;
  options.config.attention_dropout = 0.2F;
  Random random(5);
  const EncoderBatch batch = RandomBatch(50, random);
  const auto without = NewModule(Options("cuda", "float32"))->ComputeGradients(batch);
  ASSERT_TRUE(without.ok());
  const auto module = NewModule(options);
  StepRates rates;
  rates.dense = 0;
  double sum = 0;
  float least = 1e30F;
  float most = 0;
  for (int step = 0; step < 20; ++step) {
    const auto result = module->EncoderStep(batch, rates);
    ASSERT_TRUE(result.ok());
    sum += result->loss;
    least = std::min(least, result->loss);
    most = std::max(most, result->loss);
  }
  EXPECT_GT(most, least);
  EXPECT_NEAR(sum / 20, without->loss, 0.15 * without->loss);
}

}  // namespace
}  // namespace dashi::trainer
