// Losses and gradients of the bag module against central differences and naive sums.

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "index/vector_kernels.h"
#include "tests/trainer/bag_batches.h"

namespace dashi::trainer {
namespace {

// Compares the gradients of a batch's loss with central differences.
void CheckGradients(const EncoderBatch& batch) {
  const BagWeights weights = RandomWeights(12);
  const auto module = NewModule(/*portable=*/false);
  const auto loss_at = [&](const BagWeights& at) {
    EXPECT_TRUE(module->ImportEncoder(at).ok());
    auto gradients = module->ComputeGradients(batch);
    EXPECT_TRUE(gradients.ok()) << gradients.status().ToString();
    return std::move(gradients).value();
  };
  const EncoderGradients gradients = loss_at(weights);
  constexpr float kStep = 1.0F / 128.0F;  // exact in binary16 around values of 1/64
  const auto check = [&](const char* what, std::size_t i, const BagWeights& up,
                         const BagWeights& down, float gradient) {
    const double slope = (double{loss_at(up).loss} - loss_at(down).loss) / (2 * kStep);
    EXPECT_NEAR(gradient, slope, 3e-3 + 0.02 * std::abs(slope)) << what << " " << i;
  };
  for (std::size_t i = 0; i < weights.embeddings.size(); i += 7) {
    BagWeights up = weights;
    BagWeights down = weights;
    float value = 0;
    index::FromHalf(&weights.embeddings[i], &value, 1);
    const float high = value + kStep;
    const float low = value - kStep;
    index::ToHalf(&high, &up.embeddings[i], 1);
    index::ToHalf(&low, &down.embeddings[i], 1);
    check("embedding", i, up, down, gradients.embeddings[i]);
  }
  for (std::size_t i = 0; i < weights.w1.size(); i += 11) {
    BagWeights up = weights;
    BagWeights down = weights;
    up.w1[i] += kStep;
    down.w1[i] -= kStep;
    check("w1", i, up, down, gradients.w1[i]);
    up = weights;
    down = weights;
    up.w2[i] += kStep;
    down.w2[i] -= kStep;
    check("w2", i, up, down, gradients.w2[i]);
  }
  for (std::size_t i = 0; i < weights.b.size(); ++i) {
    BagWeights up = weights;
    BagWeights down = weights;
    up.b[i] += kStep;
    down.b[i] -= kStep;
    check("b", i, up, down, gradients.b[i]);
  }
}

TEST(BagGradientsTest, GradientsEqualCentralDifferences) {
  Random random(11);
  CheckGradients(RandomBatch(random));
}

// As with graphs: terms with other rows, columns and losses over the same texts. A margin of 2 and
// all columns as negatives leave no hinge and no order that could change on the way, and with this
// seed no hidden unit is about to change its sign.
TEST(BagGradientsTest, GradientsOfTripletTermsOverTheSameTextsEqualCentralDifferences) {
  Random random(14);
  EncoderBatch batch = RandomBatch(random);
  for (const std::uint32_t first : {0U, 5U}) {
    ContrastiveTerm term;
    term.rows = {first, first + 1, first + 3, first + 6};
    term.columns = {first + 2, first + 4, first + 5};
    term.positives.columns = {0, 1, 2, 0};
    term.positives.offsets = {0, 1, 2, 3, 4};
    term.masked.columns = {2, 0};
    term.masked.offsets = {0, 1, 2, 2, 2};
    term.weight = 0.7F;
    term.loss.kind = LossKind::kTriplet;
    term.loss.margin = 2.0F;
    term.loss.temperature = 0.3F;
    batch.terms.push_back(term);
  }
  CheckGradients(batch);
}

// Steps cut their rows into blocks of 256; the loss over all rows at once is the bar.
TEST(BagGradientsTest, BlocksOfRowsAddUpToTheWholeLossAndGradient) {
  constexpr std::uint32_t kRows = 600;
  constexpr std::uint32_t kColumns = 70;
  auto backend = LoadTensorBackend("");
  ASSERT_TRUE(backend.ok());
  for (const LossKind kind : {LossKind::kSoftmax, LossKind::kTriplet, LossKind::kTripletHardest}) {
    SCOPED_TRACE(static_cast<int>(kind));
    Random random(111);
    EncoderBatch batch;
    batch.texts = RandomTexts(kRows + kColumns, random);
    ContrastiveTerm term;
    term.loss.kind = kind;
    term.loss.temperature = 0.3F;
    for (std::uint32_t column = 0; column < kColumns; ++column) {
      term.columns.push_back(kRows + column);
    }
    for (std::uint32_t row = 0; row < kRows; ++row) {
      term.rows.push_back(row);
      if (row % 7 != 0 && row < 500) {  // blocks differ in their number of positives
        term.positives.columns.push_back(row % kColumns);
      }
      term.positives.offsets.push_back(term.positives.columns.size());
      term.masked.columns.push_back((row + 1) % kColumns);
      term.masked.offsets.push_back(row + 1);
    }
    batch.terms.push_back(term);

    const auto module = NewModule(/*portable=*/false, "float32", kHidden, /*num_threads=*/2);
    BagWeights weights = RandomWeights(112);
    ASSERT_TRUE(module->ImportEncoder(weights).ok());
    std::vector<float> unit((kRows + kColumns) * kDim);
    ASSERT_TRUE(module->Encode(batch.texts, unit.data()).ok());
    std::vector<float> scores(kRows * kColumns);
    for (std::size_t row = 0; row < kRows; ++row) {
      for (std::size_t column = 0; column < kColumns; ++column) {
        scores[row * kColumns + column] =
            index::Dot(&unit[row * kDim], &unit[(kRows + column) * kDim], kDim);
      }
    }
    const auto whole = (*backend)->EvaluateLoss(term.loss, scores, term.positives, term.masked);
    const auto gradients = module->ComputeGradients(batch);
    ASSERT_TRUE(whole.ok() && gradients.ok());
    EXPECT_NEAR(gradients->loss, whole->loss, 1e-4 * std::abs(whole->loss));

    // Along the gradient of w2 the loss rises by the gradient's squared length.
    double squared_length = 0;
    for (const float slope : gradients->w2) {
      squared_length += double{slope} * slope;
    }
    const double step = 1e-2 / std::sqrt(squared_length);
    const auto loss_at = [&](double distance) {
      BagWeights moved = weights;
      for (std::size_t i = 0; i < moved.w2.size(); ++i) {
        moved.w2[i] += static_cast<float>(distance * gradients->w2[i]);
      }
      EXPECT_TRUE(module->ImportEncoder(moved).ok());
      return double{module->ComputeGradients(batch)->loss};
    };
    const double rise = (loss_at(step) - loss_at(-step)) / (2 * step);
    EXPECT_NEAR(rise, squared_length, 0.03 * squared_length);
  }
}

// A row's weight is that of a term of its own, over more than one block of rows.
TEST(BagGradientsTest, RowWeightsAreThoseOfTermsOfOneRow) {
  constexpr std::uint32_t kRows = 300;
  constexpr std::uint32_t kColumns = 9;
  for (const LossKind kind : {LossKind::kSoftmax, LossKind::kTriplet, LossKind::kTripletHardest}) {
    SCOPED_TRACE(static_cast<int>(kind));
    Random random(121);
    EncoderBatch whole;
    whole.texts = RandomTexts(kRows + kColumns, random);
    EncoderBatch split;
    split.texts = whole.texts;
    ContrastiveTerm term;
    term.loss.kind = kind;
    term.loss.temperature = 0.3F;
    for (std::uint32_t column = 0; column < kColumns; ++column) {
      term.columns.push_back(kRows + column);
    }
    ContrastiveTerm one = term;
    one.masked.offsets = {0, 0};
    for (std::uint32_t row = 0; row < kRows; ++row) {
      const auto weight = static_cast<float>(random.UniformReal());
      term.rows.push_back(row);
      term.positives.columns.push_back(row % kColumns);
      term.positives.offsets.push_back(row + 1);
      term.masked.offsets.push_back(0);
      term.row_weights.push_back(weight);
      one.rows = {row};
      one.positives = {{0, 1}, {row % kColumns}, {}};
      one.weight = weight / static_cast<float>(kRows);
      split.terms.push_back(one);
    }
    whole.terms.push_back(term);
    const auto module = NewModule(/*portable=*/false);
    ASSERT_TRUE(module->ImportEncoder(RandomWeights(122)).ok());
    const auto got = module->ComputeGradients(whole);
    const auto expected = module->ComputeGradients(split);
    ASSERT_TRUE(got.ok()) << got.status().ToString();
    ASSERT_TRUE(expected.ok()) << expected.status().ToString();
    ExpectNear(got->embeddings, expected->embeddings, 1e-5);
    ExpectNear(got->w1, expected->w1, 1e-5);
    ExpectNear(got->w2, expected->w2, 1e-5);
    ExpectNear(got->b, expected->b, 1e-5);
  }
}

TEST(BagGradientsTest, RowsOfAClassifierStepWithWeightZeroTeachNothing) {
  constexpr std::uint32_t kLabels = 12;
  Random random(123);
  const std::vector<float> vectors = RandomVectors(kLabels * kDim, random);
  const ClassifierBatch batch = RandomClassifierBatch(kLabels, random);
  const auto step = [&](std::vector<float> row_weights) {
    const auto module = NewModule(/*portable=*/false);
    EXPECT_TRUE(module->SetClassifier(vectors, kLabels).ok());
    ClassifierBatch weighed = batch;
    weighed.row_weights = std::move(row_weights);
    const auto result = module->ClassifierStep(weighed, {0.01F, 0.01F, 0.01F});
    EXPECT_TRUE(result.ok()) << result.status().ToString();
    return module->ExportClassifier();
  };
  EXPECT_EQ(step(std::vector<float>(8, 1.0F)), step({}));
  EXPECT_EQ(step(std::vector<float>(8, 0.0F)), vectors);
  EXPECT_NE(step({1, 0, 0, 0, 0, 0, 0, 0}), step({}));
}

}  // namespace
}  // namespace dashi::trainer
