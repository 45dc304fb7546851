#include "trainer/bag_module.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "base/thread_pool.h"
#include "index/vector_kernels.h"
#include "trainer/bag_encoder.h"
#include "trainer/bag_tokenizer.h"

namespace dashi::trainer {
namespace {

constexpr std::uint32_t kVocabulary = 40;
constexpr std::uint32_t kDim = 24;
constexpr std::uint32_t kHidden = 20;

std::unique_ptr<BagModule> NewModule(bool portable, const std::string& precision = "float32",
                                     std::uint32_t hidden = kHidden, int num_threads = 1) {
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

// Numbers that binary16 holds exactly, so that importing them loses nothing.
float Exact(Random& random) {
  return static_cast<float>(static_cast<int>(random.Uniform(129)) - 64) / 64.0F;
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

// Two terms over 12 texts: rows 0..5 against columns 6..11, and rows 6, 7 against columns 0..2.
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

TEST(BagModuleTest, GradientsEqualCentralDifferences) {
  Random random(11);
  CheckGradients(RandomBatch(random));
}

// As with graphs: terms with other rows, columns and losses over the same texts. A margin of 2 and
// all columns as negatives leave no hinge and no order that could change on the way, and with this
// seed no hidden unit is about to change its sign.
TEST(BagModuleTest, GradientsOfTripletTermsOverTheSameTextsEqualCentralDifferences) {
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
TEST(BagModuleTest, BlocksOfRowsAddUpToTheWholeLossAndGradient) {
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

// Returns |a - b| / |b|.
double RelativeDistance(const std::vector<float>& a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  double squared_distance = 0;
  double squared_length = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    squared_distance += (double{a[i]} - b[i]) * (double{a[i]} - b[i]);
    squared_length += double{b[i]} * b[i];
  }
  return std::sqrt(squared_distance / squared_length);
}

// Adam divides a gradient by its own size: where the gradient is rounding noise, which differs from
// processor to processor, one entry may move either way by a whole step. So the gradients are
// compared entry by entry, and what the steps lead to as a whole.
// A row's weight is that of a term of its own, over more than one block of rows.
TEST(BagModuleTest, RowWeightsAreThoseOfTermsOfOneRow) {
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

TEST(BagModuleTest, RowsOfAClassifierStepWithWeightZeroTeachNothing) {
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

TEST(BagModuleTest, OwnKernelsEqualTheTensorLibrarys) {
  Random random(21);
  const auto fast = NewModule(/*portable=*/false);
  const auto portable = NewModule(/*portable=*/true);
  constexpr std::uint32_t kLabels = 10;
  const std::vector<float> vectors = RandomVectors(kLabels * kDim, random);
  std::vector<EncoderBatch> batches;
  std::vector<ClassifierBatch> classifier_batches;
  for (int i = 0; i < 4; ++i) {
    batches.push_back(RandomBatch(random));
    classifier_batches.push_back(RandomClassifierBatch(kLabels, random));
  }
  const auto gradients = fast->ComputeGradients(batches[0]);
  const auto expected_gradients = portable->ComputeGradients(batches[0]);
  ASSERT_TRUE(gradients.ok() && expected_gradients.ok());
  ExpectNear(gradients->embeddings, expected_gradients->embeddings, 1e-5);
  ExpectNear(gradients->w1, expected_gradients->w1, 1e-5);
  ExpectNear(gradients->w2, expected_gradients->w2, 1e-5);
  for (const auto& module : {fast.get(), portable.get()}) {
    for (const EncoderBatch& batch : batches) {
      ASSERT_TRUE(module->EncoderStep(batch, {1e-2F, 1e-3F, 0}).ok());
    }
    ASSERT_TRUE(module->SetClassifier(vectors, kLabels).ok());
    for (const ClassifierBatch& batch : classifier_batches) {
      ASSERT_TRUE(module->ClassifierStep(batch, {3e-3F, 1e-3F, 1e-2F}).ok());
    }
  }
  const SparseRows texts = RandomTexts(20, random);
  std::vector<float> fast_embeddings(20 * kDim);
  std::vector<float> portable_embeddings(20 * kDim);
  ASSERT_TRUE(fast->Encode(texts, fast_embeddings.data()).ok());
  ASSERT_TRUE(portable->Encode(texts, portable_embeddings.data()).ok());
  EXPECT_LT(RelativeDistance(fast_embeddings, portable_embeddings), 2e-3);
  EXPECT_LT(RelativeDistance(fast->ExportClassifier(), portable->ExportClassifier()), 2e-3);
}

TEST(BagModuleTest, FirstStepOfLazyAdamMovesTouchedRowsByTheRate) {
  Random random(31);
  const EncoderBatch batch = RandomBatch(random);
  const auto module = NewModule(/*portable=*/false);
  ASSERT_TRUE(module->ImportEncoder(RandomWeights(32)).ok());
  const auto gradients = module->ComputeGradients(batch);
  ASSERT_TRUE(gradients.ok());
  const BagWeights before = module->ExportEncoder();
  constexpr float kRate = 0.125F;
  ASSERT_TRUE(module->EncoderStep(batch, {kRate, 0, 0}).ok());
  const BagWeights after = module->ExportEncoder();
  std::size_t num_moved = 0;
  for (std::size_t i = 0; i < before.embeddings.size(); ++i) {
    float old_value = 0;
    float new_value = 0;
    index::FromHalf(&before.embeddings[i], &old_value, 1);
    index::FromHalf(&after.embeddings[i], &new_value, 1);
    const float gradient = gradients->embeddings[i];
    if (gradient == 0) {
      EXPECT_EQ(new_value, old_value);
    } else if (std::abs(gradient) > 1e-4F) {
      // m / sqrt(v) is the gradient's sign after the corrections of the first step.
      EXPECT_NEAR(new_value - old_value, gradient > 0 ? -kRate : kRate, 2e-3);
      ++num_moved;
    }
  }
  EXPECT_GT(num_moved, 100U);
}

TEST(BagModuleTest, StepsReduceTheLossInBothPrecisions) {
  for (const char* precision : {"float32", "bfloat16"}) {
    SCOPED_TRACE(precision);
    Random random(41);
    const EncoderBatch batch = RandomBatch(random);
    const auto module = NewModule(/*portable=*/false, precision);
    const auto first = module->EncoderStep(batch, {1e-2F, 1e-3F, 0});
    ASSERT_TRUE(first.ok());
    for (int i = 0; i < 60; ++i) {
      ASSERT_TRUE(module->EncoderStep(batch, {1e-2F, 1e-3F, 0}).ok());
    }
    const auto last = module->EncoderStep(batch, {1e-2F, 1e-3F, 0});
    ASSERT_TRUE(last.ok());
    EXPECT_LT(last->loss, 0.5F * first->loss);
    EXPECT_EQ(last->top1, 1.0F);
    EXPECT_EQ(last->row_embeddings.size(), 6U * kDim);
  }
}

TEST(BagModuleTest, SameSeedGivesTheSameBitsWithAnyNumberOfThreadsInOwnKernels) {
  std::vector<std::vector<std::uint16_t>> runs;
  for (const int num_threads : {1, 1, 3}) {
    Random random(51);
    const auto module = NewModule(/*portable=*/false, "float32", kHidden, num_threads);
    for (int i = 0; i < 5; ++i) {
      ASSERT_TRUE(module->EncoderStep(RandomBatch(random), {1e-2F, 1e-3F, 0}).ok());
    }
    runs.push_back(module->ExportEncoder().embeddings);
  }
  EXPECT_EQ(runs[0], runs[1]);
  EXPECT_EQ(runs[0], runs[2]);
}

TEST(BagModuleTest, FrozenEncoderStepsOnlyTouchTheirLabels) {
  Random random(61);
  constexpr std::uint32_t kLabels = 10;
  const auto module = NewModule(/*portable=*/false);
  const std::vector<float> vectors = RandomVectors(kLabels * kDim, random);
  ASSERT_TRUE(module->SetClassifier(vectors, kLabels).ok());
  ClassifierBatch batch = RandomClassifierBatch(kLabels, random);
  batch.embeddings.resize(8 * kDim);
  ASSERT_TRUE(module->Encode(batch.texts, batch.embeddings.data()).ok());
  batch.texts = SparseRows();
  const BagWeights before = module->ExportEncoder();
  const auto result = module->ClassifierStep(batch, {0, 0, 1e-2F});
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  ExpectNear(result->row_embeddings, batch.embeddings, 0);
  EXPECT_EQ(module->ExportEncoder().embeddings, before.embeddings);
  const std::vector<float> after = module->ExportClassifier();
  for (std::size_t i = 0; i < after.size(); ++i) {
    const bool touched = i / kDim % 2 == 0;
    EXPECT_EQ(after[i] != vectors[i], touched) << "number " << i;
  }
}

TEST(BagModuleTest, ParametersComeBackToTheBit) {
  Random random(65);
  const auto module = NewModule(/*portable=*/false);
  const SparseRows texts = RandomTexts(20, random);
  ASSERT_TRUE(module->EncoderStep(RandomBatch(random), {1e-2F, 1e-3F, 0}).ok());
  const std::vector<NamedTensor> kept = module->ExportParameters();
  std::vector<float> want(20 * kDim);
  std::vector<float> got(20 * kDim);
  ASSERT_TRUE(module->Encode(texts, want.data()).ok());
  const BagWeights weights = module->ExportEncoder();
  ASSERT_TRUE(module->EncoderStep(RandomBatch(random), {1e-2F, 1e-3F, 0}).ok());
  ASSERT_TRUE(module->Encode(texts, got.data()).ok());
  EXPECT_NE(got, want);
  ASSERT_TRUE(module->ImportParameters(kept).ok());
  ASSERT_TRUE(module->Encode(texts, got.data()).ok());
  EXPECT_EQ(got, want);

  const auto rounded = ToBagWeights(kept, kDim);
  ASSERT_TRUE(rounded.ok()) << rounded.status().ToString();
  EXPECT_EQ(rounded->vocabulary_size, weights.vocabulary_size);
  EXPECT_EQ(rounded->hidden, weights.hidden);
  EXPECT_EQ(rounded->embeddings, weights.embeddings);
  EXPECT_EQ(rounded->w1, weights.w1);
  EXPECT_EQ(rounded->b, weights.b);
  EXPECT_EQ(rounded->w2, weights.w2);

  std::vector<NamedTensor> wrong = kept;
  wrong[1].values.pop_back();
  EXPECT_EQ(module->ImportParameters(wrong).code(), StatusCode::kInvalidArgument);
  wrong.pop_back();
  EXPECT_EQ(module->ImportParameters(wrong).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(ToBagWeights(wrong, kDim).status().code(), StatusCode::kInvalidArgument);
}

TEST(BagModuleTest, EqualsTheQueryTimeEncoder) {
  BagTokenizer::LearnOptions learn;
  learn.document_frequency_min = 1;
  BagTokenizer::Learner learner(learn);
  std::vector<std::string> texts;
  Random random(71);
  for (int text = 0; text < 50; ++text) {
    std::string words;
    for (std::uint64_t i = 0; i < 3 + random.Uniform(20); ++i) {
      words += "w" + std::to_string(random.Uniform(kVocabulary)) + " ";
    }
    texts.push_back(words);
    learner.AddText(words);
  }
  for (std::uint32_t token = 0; token < kVocabulary; ++token) {
    learner.AddText("w" + std::to_string(token));
  }
  auto tokenizer = learner.Build();
  ASSERT_EQ(tokenizer->vocabulary_size(), kVocabulary);
  texts.push_back("nothing known here");
  SparseRows bags;
  for (const std::string& text : texts) {
    const TokenBag bag = tokenizer->Tokenize(text);
    bags.columns.insert(bags.columns.end(), bag.ids.begin(), bag.ids.end());
    bags.values.insert(bags.values.end(), bag.weights.begin(), bag.weights.end());
    bags.offsets.push_back(bags.columns.size());
  }
  const auto module = NewModule(/*portable=*/false, "bfloat16");
  ASSERT_TRUE(module->ImportEncoder(RandomWeights(72)).ok());
  std::vector<float> trained(texts.size() * kDim);
  ASSERT_TRUE(module->Encode(bags, trained.data()).ok());
  const auto encoder = MakeBagEncoder(std::move(tokenizer), module->ExportEncoder());
  ASSERT_TRUE(encoder.ok()) << encoder.status().ToString();
  std::vector<float> served(kDim);
  for (std::size_t text = 0; text < texts.size(); ++text) {
    ASSERT_TRUE((*encoder)->Encode(texts[text], served).ok());
    for (std::size_t i = 0; i < kDim; ++i) {
      EXPECT_NEAR(served[i], trained[text * kDim + i], 1e-5) << "text " << text;
    }
  }
  EXPECT_EQ(std::count(served.begin(), served.end(), 0.0F), kDim) << "an unknown text is zero";
}

TEST(BagModuleTest, ALackOfMemoryIsToldApart) {
  auto backend = LoadTensorBackend("");
  ASSERT_TRUE(backend.ok());
  BagModuleOptions options;
  options.vocabulary_size = 0xFFFFFFFF;
  options.dim = 1U << 24U;  // 2^58 bytes: no address space holds them.
  options.hidden = 0;
  options.device = "cpu";
  const Status status = (*backend)->NewBagModule(options).status();
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted) << status.ToString();
  EXPECT_EQ(status.sqlstate(), "53200");
  EXPECT_FALSE(status.hint().empty());
}

TEST(BagModuleTest, BadInputIsRefusedByName) {
  const auto module = NewModule(/*portable=*/false);
  Random random(81);
  EncoderBatch batch = RandomBatch(random);
  batch.texts.columns.own()[batch.texts.columns.size() - 1] = kVocabulary;
  EXPECT_EQ(module->EncoderStep(batch, {}).status().code(), StatusCode::kInvalidArgument);
  batch = RandomBatch(random);
  batch.terms[0].columns[0] = 12;
  EXPECT_EQ(module->EncoderStep(batch, {}).status().code(), StatusCode::kInvalidArgument);
  batch = RandomBatch(random);
  batch.terms[0].row_weights = {1};
  EXPECT_EQ(module->EncoderStep(batch, {}).status().message(),
            "row weights shape mismatch: got 1, want 6");
  batch.terms[0].row_weights = {1, 1, 1, -1, 1, 1};
  EXPECT_EQ(module->EncoderStep(batch, {}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(module->SetClassifier(std::vector<float>(7), 1).code(), StatusCode::kInvalidArgument);
  ClassifierBatch classifier;
  classifier.columns = {0};
  EXPECT_EQ(module->ClassifierStep(classifier, {}).status().code(), StatusCode::kInvalidArgument);
  BagWeights weights = RandomWeights(1);
  weights.w1.pop_back();
  EXPECT_EQ(module->ImportEncoder(weights).code(), StatusCode::kInvalidArgument);

  auto backend = LoadTensorBackend("");
  ASSERT_TRUE(backend.ok());
  BagModuleOptions options;
  EXPECT_EQ((*backend)->NewBagModule(options).status().code(), StatusCode::kInvalidArgument);
  options.vocabulary_size = 1;
  options.device = "abacus";
  EXPECT_EQ((*backend)->NewBagModule(options).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ((*backend)->FreeDeviceBytes("abacus").status().code(), StatusCode::kInvalidArgument);
  const auto free_bytes = (*backend)->FreeDeviceBytes("cpu");
  ASSERT_TRUE(free_bytes.ok()) << free_bytes.status().ToString();
  EXPECT_EQ(free_bytes.value(), std::nullopt) << "the processor has no memory of its own";
  options.device = "cpu";
  options.precision = "float8";
  EXPECT_EQ((*backend)->NewBagModule(options).status().code(), StatusCode::kInvalidArgument);
}

TEST(BagModuleTest, DivergingLossStopsWithTheStep) {
  const auto module = NewModule(/*portable=*/false);
  Random random(91);
  const EncoderBatch batch = RandomBatch(random);
  ASSERT_TRUE(module->EncoderStep(batch, {1e30F, 1e30F, 0}).ok());
  Status status;
  for (int i = 0; i < 5 && status.ok(); ++i) {
    status = module->EncoderStep(batch, {1e30F, 1e30F, 0}).status();
  }
  EXPECT_EQ(status.code(), StatusCode::kInternal);
  EXPECT_NE(status.message().find("at step"), std::string::npos) << status.ToString();
}

TEST(BagModuleTest, MatrixProductEqualsTheNaiveLoop) {
  auto backend = LoadTensorBackend("");
  ASSERT_TRUE(backend.ok());
  Random random(101);
  const std::vector<float> a = RandomVectors(3 * 5, random);
  const std::vector<float> b = RandomVectors(4 * 5, random);
  std::vector<float> product(3 * 4);
  ASSERT_TRUE((*backend)->MultiplyTransposed(a.data(), 3, b.data(), 4, 5, 1, product.data()).ok());
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 4; ++j) {
      float sum = 0;
      for (std::size_t k = 0; k < 5; ++k) {
        sum += a[i * 5 + k] * b[j * 5 + k];
      }
      EXPECT_NEAR(product[i * 4 + j], sum, 1e-5);
    }
  }
}

TEST(TensorBackendTest, NamesItsLibrary) {
  auto backend = LoadTensorBackend("");
  ASSERT_TRUE(backend.ok());
  EXPECT_EQ((*backend)->version().substr(0, 9), "LibTorch ");
}

}  // namespace
}  // namespace dashi::trainer
