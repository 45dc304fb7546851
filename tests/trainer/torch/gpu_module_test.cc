// Training steps on the GPU against the processor's.

#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "tests/trainer/torch/gpu_random.h"
#include "trainer/bag_module.h"
#include "trainer/torch/torch_bag_module.h"

namespace dashi::trainer {
namespace {

constexpr std::uint32_t kVocabulary = 4000;
constexpr std::uint32_t kLabels = 700;

struct ModuleChoice {
  std::string device = "cuda";
  std::string precision = "float32";
  bool portable = false;
  std::uint32_t dim = 64;
  std::uint32_t hidden = 48;
};

std::unique_ptr<BagModule> NewModule(const ModuleChoice& choice) {
  BagModuleOptions options;
  options.vocabulary_size = kVocabulary;
  options.dim = choice.dim;
  options.hidden = choice.hidden;
  options.seed = 3;
  options.num_threads = 2;
  options.device = choice.device;
  options.precision = choice.precision;
  options.portable_kernels = choice.portable;
  auto module = MakeTorchBagModule(options);
  EXPECT_TRUE(module.ok()) << module.status().ToString();
  return std::move(module).value();
}

// Half of the texts are rows, half columns; a second term goes the other way. Some rows stand in a
// term twice, some have no positive, some texts no token.
EncoderBatch RandomBatch(std::uint32_t num_rows, LossKind kind, Random& random) {
  EncoderBatch batch;
  batch.texts = RandomRows(2 * num_rows, kVocabulary, 30, /*weighted=*/true, random);
  for (int direction = 0; direction < 2; ++direction) {
    ContrastiveTerm term;
    term.loss.kind = kind;
    term.loss.temperature = 0.2F;
    term.weight = direction == 0 ? 1.0F : 0.3F;
    for (std::uint32_t i = 0; i < num_rows; ++i) {
      const std::uint32_t row = i % 10 == 9 ? i - 1 : i;
      term.rows.push_back(direction == 0 ? row : num_rows + row);
      term.columns.push_back(direction == 0 ? num_rows + i : i);
      if (i % 7 != 3) {
        term.positives.columns.push_back(i);
      }
      term.positives.offsets.push_back(term.positives.columns.size());
      if (i % 3 == 0) {
        term.masked.columns.push_back((i + 1) % num_rows);
      }
      term.masked.offsets.push_back(term.masked.columns.size());
    }
    batch.terms.push_back(std::move(term));
  }
  return batch;
}

ClassifierBatch RandomClassifierBatch(std::uint32_t num_rows, LossKind kind, Random& random) {
  ClassifierBatch batch;
  batch.loss.kind = kind;
  batch.loss.temperature = 0.2F;
  batch.texts = RandomRows(num_rows, kVocabulary, 30, /*weighted=*/true, random);
  for (std::uint32_t label = 0; label < kLabels; label += 2) {
    batch.columns.push_back(label);
  }
  batch.positives = RandomRows(num_rows, kLabels / 2, 4, /*weighted=*/false, random);
  batch.masked.offsets.assign(num_rows + 1, 0);
  batch.dropout_seed = random.Next();
  return batch;
}

struct Parameters {
  std::vector<float> embeddings;  // of some texts
  std::vector<float> classifier;
  BagWeights encoder;
  std::vector<float> losses;
};

Parameters Train(BagModule& module, LossKind kind, std::uint32_t dim, int num_steps) {
  Random random(17);
  Parameters result;
  for (int step = 0; step < num_steps; ++step) {
    const auto outcome = module.EncoderStep(RandomBatch(300, kind, random), {1e-2F, 1e-3F, 0});
    EXPECT_TRUE(outcome.ok()) << outcome.status().ToString();
    EXPECT_EQ(outcome->row_embeddings.size(), std::size_t{300} * dim);
    result.losses.push_back(outcome->loss);
    result.losses.push_back(outcome->top1);
  }
  EXPECT_TRUE(module.SetClassifier(Floats(NormalMatrix(kLabels, dim, random)), kLabels).ok());
  for (int step = 0; step < num_steps; ++step) {
    const auto outcome =
        module.ClassifierStep(RandomClassifierBatch(200, kind, random), {3e-3F, 1e-3F, 1e-2F});
    EXPECT_TRUE(outcome.ok()) << outcome.status().ToString();
    result.losses.push_back(outcome->loss);
  }
  // A frozen encoder: the rows are given.
  ClassifierBatch frozen = RandomClassifierBatch(50, kind, random);
  frozen.embeddings = Floats(NormalMatrix(50, dim, random));
  frozen.texts = SparseRows();
  EXPECT_TRUE(module.ClassifierStep(frozen, {0, 0, 1e-2F}).ok());

  const SparseRows texts = RandomRows(5000, kVocabulary, 40, /*weighted=*/true, random);
  result.embeddings.resize(texts.num_rows() * dim);
  EXPECT_TRUE(module.Encode(texts, result.embeddings.data()).ok());
  result.classifier = module.ExportClassifier();
  result.encoder = module.ExportEncoder();
  return result;
}

class GpuModuleTest : public ::testing::TestWithParam<LossKind> {};

TEST_P(GpuModuleTest, GradientsEqualTheProcessors) {
  Random random(11);
  const EncoderBatch batch = RandomBatch(300, GetParam(), random);
  const auto gpu = NewModule({});
  const auto processor = NewModule({.device = "cpu"});
  BagWeights weights = processor->ExportEncoder();  // of which w2 is zero at the start
  for (float& value : weights.w2) {
    value = 0.1F * static_cast<float>(random.Normal());
  }
  ASSERT_TRUE(gpu->ImportEncoder(weights).ok());
  ASSERT_TRUE(processor->ImportEncoder(weights).ok());
  const auto actual = gpu->ComputeGradients(batch);
  const auto expected = processor->ComputeGradients(batch);
  ASSERT_TRUE(actual.ok()) << actual.status().ToString();
  ASSERT_TRUE(expected.ok());
  EXPECT_NEAR(actual->loss, expected->loss, 1e-4 * std::abs(expected->loss));
  EXPECT_LT(RelativeDistance(actual->embeddings, expected->embeddings), 1e-3);
  EXPECT_LT(RelativeDistance(actual->w1, expected->w1), 1e-3);
  EXPECT_LT(RelativeDistance(actual->b, expected->b), 1e-3);
  EXPECT_LT(RelativeDistance(actual->w2, expected->w2), 1e-3);
}

// Adam divides a gradient by its own size: where it is rounding noise an entry may move either way
// by a whole step. So what the steps lead to is compared as a whole.
TEST_P(GpuModuleTest, StepsLeadWhereTheProcessorsLead) {
  const auto gpu = NewModule({});
  const auto processor = NewModule({.device = "cpu"});
  const Parameters actual = Train(*gpu, GetParam(), 64, 6);
  const Parameters expected = Train(*processor, GetParam(), 64, 6);
  EXPECT_LT(RelativeDistance(actual.losses, expected.losses), 2e-3);
  EXPECT_LT(RelativeDistance(actual.embeddings, expected.embeddings), 5e-3);
  EXPECT_LT(RelativeDistance(actual.classifier, expected.classifier), 5e-3);
}

TEST_P(GpuModuleTest, OwnKernelsLeadWhereTheTensorLibrarysLead) {
  const Parameters actual = Train(*NewModule({}), GetParam(), 64, 6);
  const Parameters expected = Train(*NewModule({.portable = true}), GetParam(), 64, 6);
  EXPECT_LT(RelativeDistance(actual.embeddings, expected.embeddings), 5e-3);
  EXPECT_LT(RelativeDistance(actual.classifier, expected.classifier), 5e-3);
}

TEST_P(GpuModuleTest, Bfloat16StaysNearFloat32) {
  const ModuleChoice wide{.dim = 256, .hidden = 256};
  const Parameters expected = Train(*NewModule(wide), GetParam(), 256, 3);
  ModuleChoice narrow = wide;
  narrow.precision = "bfloat16";
  const Parameters actual = Train(*NewModule(narrow), GetParam(), 256, 3);
  EXPECT_LT(RelativeDistance(actual.losses, expected.losses), 0.1);
  EXPECT_LT(RelativeDistance(actual.embeddings, expected.embeddings), 0.2);
}

TEST_P(GpuModuleTest, SameSeedGivesTheSameBits) {
  for (const char* precision : {"float32", "bfloat16"}) {
    SCOPED_TRACE(precision);
    std::vector<Parameters> runs;
    for (int run = 0; run < 2; ++run) {
      const auto module = NewModule({.precision = precision, .dim = 256, .hidden = 256});
      runs.push_back(Train(*module, GetParam(), 256, 5));
    }
    EXPECT_EQ(runs[0].losses, runs[1].losses);
    EXPECT_EQ(runs[0].embeddings, runs[1].embeddings);
    EXPECT_EQ(runs[0].classifier, runs[1].classifier);
    EXPECT_EQ(runs[0].encoder.embeddings, runs[1].encoder.embeddings);
    EXPECT_EQ(runs[0].encoder.w1, runs[1].encoder.w1);
  }
}

INSTANTIATE_TEST_SUITE_P(Losses, GpuModuleTest,
                         ::testing::Values(LossKind::kSoftmax, LossKind::kTriplet,
                                           LossKind::kTripletHardest));

TEST(GpuModuleWithoutBlockTest, StepsLeadWhereTheProcessorsLead) {
  const Parameters actual = Train(*NewModule({.dim = 33, .hidden = 0}), LossKind::kSoftmax, 33, 5);
  const Parameters expected =
      Train(*NewModule({.device = "cpu", .dim = 33, .hidden = 0}), LossKind::kSoftmax, 33, 5);
  EXPECT_LT(RelativeDistance(actual.embeddings, expected.embeddings), 5e-3);
  EXPECT_LT(RelativeDistance(actual.classifier, expected.classifier), 5e-3);
}

TEST(GpuModuleErrorsTest, DivergenceIsReportedAndNothingMoves) {
  Random random(23);
  const auto module = NewModule({});
  const EncoderBatch batch = RandomBatch(40, LossKind::kSoftmax, random);
  BagWeights weights = module->ExportEncoder();
  weights.w2.assign(weights.w2.size(), std::numeric_limits<float>::quiet_NaN());
  ASSERT_TRUE(module->ImportEncoder(weights).ok());
  const auto outcome = module->EncoderStep(batch, {1e-2F, 1e-3F, 0});
  ASSERT_FALSE(outcome.ok());
  EXPECT_NE(outcome.status().ToString().find("diverged"), std::string::npos)
      << outcome.status().ToString();
  EXPECT_EQ(module->ExportEncoder().embeddings, weights.embeddings);
}

TEST(GpuModuleErrorsTest, TokensOutOfRangeAreRefused) {
  Random random(29);
  const auto module = NewModule({});
  EncoderBatch batch = RandomBatch(40, LossKind::kSoftmax, random);
  batch.texts.columns.own()[batch.texts.columns.size() - 1] = kVocabulary;
  const auto outcome = module->EncoderStep(batch, {1e-2F, 1e-3F, 0});
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.status().code(), StatusCode::kInvalidArgument);
}

TEST(GpuModuleErrorsTest, MoreThanTheDevicesMemoryIsAnErrorAndNoCrash) {
  BagModuleOptions options;
  options.vocabulary_size = 1000;
  options.dim = 8;
  options.device = "cuda";
  auto module = MakeTorchBagModule(options);
  ASSERT_TRUE(module.ok());
  // The copy is refused before a byte of the source is read.
  const std::vector<std::uint16_t> vector(8);
  const auto splitter =
      (*module)->NewLevelSplitter(vector.data(), std::size_t{1} << 40U, /*dim=*/8);
  EXPECT_FALSE(splitter.ok());
  Random random(31);
  const SparseRows texts = RandomRows(10, 1000, 5, /*weighted=*/false, random);
  std::vector<float> out(80);
  EXPECT_TRUE((*module)->Encode(texts, out.data()).ok());
}

TEST(GpuModuleDeviceTest, SplittersAreTheDevices) {
  const std::vector<std::uint16_t> vectors(80, 0x2C00);
  const auto gpu = NewModule({})->NewLevelSplitter(vectors.data(), 10, 8);
  ASSERT_TRUE(gpu.ok());
  EXPECT_NE(*gpu, nullptr);
  const auto processor = NewModule({.device = "cpu"})->NewLevelSplitter(vectors.data(), 10, 8);
  ASSERT_TRUE(processor.ok());
  EXPECT_EQ(*processor, nullptr);
}

// The way that programs go: through libdashi_torch.so.
TEST(GpuModuleDeviceTest, TheLoadedModuleFindsTheDevice) {
  auto backend = LoadTensorBackend("");
  ASSERT_TRUE(backend.ok()) << backend.status().ToString();
  BagModuleOptions options;
  options.vocabulary_size = 100;
  options.dim = 8;
  for (const char* device : {"cuda", "auto"}) {
    options.device = device;
    const auto module = (*backend)->NewBagModule(options);
    ASSERT_TRUE(module.ok()) << module.status().ToString();
    EXPECT_EQ((*module)->device().substr(0, 7), "cuda:0 ");
  }
  options.device = "cpu";
  const auto module = (*backend)->NewBagModule(options);
  ASSERT_TRUE(module.ok());
  EXPECT_EQ((*module)->device(), "cpu");
}

}  // namespace
}  // namespace dashi::trainer
