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
#include "tests/trainer/bag_batches.h"
#include "trainer/bag_encoder.h"
#include "trainer/bag_tokenizer.h"

namespace dashi::trainer {
namespace {

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
