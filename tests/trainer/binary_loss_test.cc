// The loss over all labels (LossKind::kBinary) against sums in double.

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "trainer/bag_module.h"

namespace dashi::trainer {
namespace {

constexpr std::uint32_t kVocabulary = 30;
constexpr std::uint32_t kDim = 16;
constexpr std::uint32_t kRows = 12;
constexpr std::uint32_t kLabels = 5000;  // three chunks of the processor's pass

struct ModuleChoice {
  std::string precision = "float32";
  int num_threads = 1;
};

std::unique_ptr<BagModule> NewModule(const ModuleChoice& choice) {
  auto backend = LoadTensorBackend("");
  EXPECT_TRUE(backend.ok()) << backend.status().ToString();
  BagModuleOptions options;
  options.vocabulary_size = kVocabulary;
  options.dim = kDim;
  options.hidden = 0;
  options.seed = 3;
  options.device = "cpu";
  options.precision = choice.precision;
  options.num_threads = choice.num_threads;
  auto module = (*backend)->NewBagModule(options);
  EXPECT_TRUE(module.ok()) << module.status().ToString();
  return std::move(module).value();
}

std::vector<float> RandomVectors(std::size_t size, Random& random) {
  std::vector<float> values(size);
  for (float& value : values) {
    value = static_cast<float>(random.Normal());
  }
  return values;
}

void MakeUnit(float* row) {
  double square = 0;
  for (std::uint32_t i = 0; i < kDim; ++i) {
    square += double{row[i]} * row[i];
  }
  for (std::uint32_t i = 0; i < kDim; ++i) {
    row[i] = static_cast<float>(row[i] / std::sqrt(square));
  }
}

/// Rows with none to three positives anywhere among the labels, some with a masked label.
ClassifierBatch RandomBatch(Random& random) {
  ClassifierBatch batch;
  batch.embeddings = RandomVectors(std::size_t{kRows} * kDim, random);
  for (std::uint32_t row = 0; row < kRows; ++row) {
    MakeUnit(batch.embeddings.data() + std::size_t{row} * kDim);
    const auto first = static_cast<std::uint32_t>(random.Uniform(kLabels / 4));
    for (std::uint32_t i = 0; i < row % 4; ++i) {
      batch.positives.columns.push_back(first + i * (kLabels / 4));
    }
    batch.positives.offsets.push_back(batch.positives.columns.size());
    if (row % 3 == 1) {
      batch.masked.columns.push_back(first + 1);
    }
    batch.masked.offsets.push_back(batch.masked.columns.size());
  }
  batch.dropout = 0;
  batch.loss.kind = LossKind::kBinary;
  batch.loss.temperature = 0.25F;
  batch.loss.bias = -3;
  return batch;
}

bool Holds(const SparseRows& matrix, std::uint32_t row, std::uint32_t column) {
  const auto begin = matrix.columns.begin() + static_cast<std::ptrdiff_t>(matrix.offsets[row]);
  const auto end = matrix.columns.begin() + static_cast<std::ptrdiff_t>(matrix.offsets[row + 1]);
  return std::find(begin, end, column) != end;
}

struct NaiveStep {
  double loss = 0;
  double top1 = 0;
  std::vector<float> labels;
};

NaiveStep StepNaively(const ClassifierBatch& batch, const std::vector<float>& vectors,
                      double rate) {
  NaiveStep step;
  step.labels = vectors;
  std::vector<double> best(kRows, -1e300);
  std::vector<double> best_positive(kRows, -1e300);
  for (std::uint32_t label = 0; label < kLabels; ++label) {
    const float* vector = vectors.data() + std::size_t{label} * kDim;
    double square = 0;
    for (std::uint32_t i = 0; i < kDim; ++i) {
      square += double{vector[i]} * vector[i];
    }
    const double norm = std::sqrt(square);
    std::vector<double> by_unit(kDim, 0.0);
    for (std::uint32_t row = 0; row < kRows; ++row) {
      if (Holds(batch.masked, row, label)) {
        continue;
      }
      const float* embedding = batch.embeddings.data() + std::size_t{row} * kDim;
      double cosine = 0;
      for (std::uint32_t i = 0; i < kDim; ++i) {
        cosine += embedding[i] * vector[i] / norm;
      }
      const double logit = cosine / double{batch.loss.temperature} + double{batch.loss.bias};
      const double weight = batch.row_weights.empty() ? 1 : double{batch.row_weights[row]};
      const bool positive = Holds(batch.positives, row, label);
      step.loss += (std::log1p(std::exp(logit)) - (positive ? logit : 0)) / kRows;
      best[row] = std::max(best[row], logit);
      best_positive[row] = positive ? std::max(best_positive[row], logit) : best_positive[row];
      const double slope =
          (1 / (1 + std::exp(-logit)) - (positive ? 1 : 0)) / double{batch.loss.temperature};
      for (std::uint32_t i = 0; i < kDim; ++i) {
        by_unit[i] += weight * slope * embedding[i];
      }
    }
    double along = 0;
    for (std::uint32_t i = 0; i < kDim; ++i) {
      along += by_unit[i] * vector[i] / norm;
    }
    for (std::uint32_t i = 0; i < kDim; ++i) {
      const double slope = (by_unit[i] - along * vector[i] / norm) / norm;
      step.labels[std::size_t{label} * kDim + i] -= static_cast<float>(rate * slope);
    }
  }
  double num_positive_rows = 0;
  for (std::uint32_t row = 0; row < kRows; ++row) {
    if (batch.positives.offsets[row] < batch.positives.offsets[row + 1]) {
      num_positive_rows += 1;
      step.top1 += best_positive[row] >= best[row] ? 1 : 0;
    }
  }
  step.top1 /= num_positive_rows;
  return step;
}

double LargestDifference(const std::vector<float>& a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  double largest = 0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    largest = std::max(largest, std::abs(double{a[i]} - b[i]));
  }
  return largest;
}

TEST(BinaryLossTest, AStepEqualsTheNaiveOne) {
  Random random(7);
  ClassifierBatch batch = RandomBatch(random);
  for (std::uint32_t row = 0; row < kRows; ++row) {
    batch.row_weights.push_back(0.25F * static_cast<float>(row));
  }
  const std::vector<float> vectors = RandomVectors(std::size_t{kLabels} * kDim, random);
  constexpr float kRate = 0.05F;
  const NaiveStep expected = StepNaively(batch, vectors, double{kRate});
  const double moved = LargestDifference(vectors, expected.labels);
  ASSERT_GT(moved, 0.02);
  for (const auto& [choice, tolerance] :
       {std::pair{ModuleChoice{"float32", 1}, 1e-5}, std::pair{ModuleChoice{"float32", 3}, 1e-5},
        std::pair{ModuleChoice{"bfloat16", 2}, 0.02}}) {
    SCOPED_TRACE(choice.precision);
    const auto module = NewModule(choice);
    ASSERT_TRUE(module->SetClassifier(vectors, kLabels).ok());
    const auto result = module->ClassifierStep(batch, {0, 0, kRate});
    ASSERT_TRUE(result.ok()) << result.status().ToString();
    EXPECT_NEAR(result->loss, expected.loss, tolerance * expected.loss + 1e-3);
    EXPECT_NEAR(result->top1, expected.top1, 1e-6);
    EXPECT_LT(LargestDifference(module->ExportClassifier(), expected.labels), tolerance * moved);
  }
}

TEST(BinaryLossTest, ARowsBestLabelCountsForTop1) {
  Random random(8);
  ClassifierBatch batch = RandomBatch(random);
  std::vector<float> vectors = RandomVectors(std::size_t{kLabels} * kDim, random);
  // The last positive of every row stands where the row stands.
  for (std::uint32_t row = 0; row < kRows; ++row) {
    if (batch.positives.offsets[row] < batch.positives.offsets[row + 1]) {
      const std::uint32_t label = batch.positives.columns[batch.positives.offsets[row + 1] - 1];
      std::copy_n(batch.embeddings.begin() + static_cast<std::ptrdiff_t>(row * kDim), kDim,
                  vectors.begin() + static_cast<std::ptrdiff_t>(std::size_t{label} * kDim));
    }
  }
  const auto module = NewModule({});
  ASSERT_TRUE(module->SetClassifier(vectors, kLabels).ok());
  const auto result = module->ClassifierStep(batch, {0, 0, 1e-3F});
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_EQ(result->top1, 1.0F);
}

TEST(BinaryLossTest, TheEncodersDerivativePointsDownhill) {
  Random random(9);
  ClassifierBatch batch = RandomBatch(random);
  batch.embeddings.clear();
  for (std::uint32_t row = 0; row < kRows; ++row) {
    for (std::uint32_t token = row; token < kVocabulary; token += kRows) {
      batch.texts.columns.push_back(token);
      batch.texts.values.push_back(1.0F);
    }
    batch.texts.offsets.push_back(batch.texts.columns.size());
  }
  const std::vector<float> vectors = RandomVectors(std::size_t{kLabels} * kDim, random);
  // A small step of the encoder lowers the loss; Adam's first step is the rate times the
  // derivative's sign, so the loss falls by about the rate times the sum of its absolute values.
  double last = 1e300;
  const auto module = NewModule({});
  ASSERT_TRUE(module->SetClassifier(vectors, kLabels).ok());
  for (int step = 0; step < 5; ++step) {
    const auto result = module->ClassifierStep(batch, {1e-3F, 0, 0});
    ASSERT_TRUE(result.ok()) << result.status().ToString();
    EXPECT_LT(result->loss, last);
    last = double{result->loss};
  }
  EXPECT_EQ(module->ExportClassifier(), vectors);  // rate 0
}

TEST(BinaryLossTest, AnyNumberOfThreadsGivesTheSameBits) {
  Random random(10);
  const ClassifierBatch batch = RandomBatch(random);
  const std::vector<float> vectors = RandomVectors(std::size_t{kLabels} * kDim, random);
  std::vector<std::vector<float>> after;
  for (const int num_threads : {1, 4}) {
    const auto module = NewModule({"float32", num_threads});
    ASSERT_TRUE(module->SetClassifier(vectors, kLabels).ok());
    for (int step = 0; step < 3; ++step) {
      ASSERT_TRUE(module->ClassifierStep(batch, {0, 0, 0.01F}).ok());
    }
    after.push_back(module->ExportClassifier());
  }
  EXPECT_EQ(after[0], after[1]);
}

TEST(BinaryLossTest, BadInputIsRefused) {
  Random random(11);
  ClassifierBatch batch = RandomBatch(random);
  const auto module = NewModule({});
  ASSERT_TRUE(
      module->SetClassifier(RandomVectors(std::size_t{kLabels} * kDim, random), kLabels).ok());
  batch.positives.columns.own()[batch.positives.columns.size() - 1] = kLabels;
  const auto beyond = module->ClassifierStep(batch, {0, 0, 0.01F});
  EXPECT_EQ(beyond.status().code(), StatusCode::kInvalidArgument);
  EncoderBatch encoder;
  encoder.terms.resize(1);
  encoder.terms[0].loss.kind = LossKind::kBinary;
  encoder.terms[0].positives.offsets = {0};
  encoder.terms[0].masked.offsets = {0};
  const auto step = module->EncoderStep(encoder, {1e-3F, 0, 0});
  EXPECT_EQ(step.status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace dashi::trainer
