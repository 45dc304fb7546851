#include "bench/gpu_transformer_speed.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/matmul.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAException.h>
#include <cuda_runtime_api.h>
#include <fmt/format.h>

#include "base/clock.h"
#include "base/random.h"
#include "base/status.h"
#include "trainer/torch/torch_transformer_module.h"

namespace dashi::trainer {
namespace {

constexpr std::uint32_t kVocabulary = 30'522;
constexpr std::uint32_t kLength = 32;
constexpr std::uint32_t kNumRows = 1600;

TransformerModuleOptions DistilBert(float dropout) {
  TransformerModuleOptions options;
  options.config.vocabulary_size = kVocabulary;
  options.config.dim = 768;
  options.config.hidden = 3072;
  options.config.num_layers = 6;
  options.config.num_heads = 12;
  options.config.num_positions = 512;
  options.config.family = TransformerConfig::Family::kDistilBert;
  options.config.num_token_types = 0;
  options.config.dropout = dropout;
  options.config.attention_dropout = dropout;
  options.device = "cuda";
  options.precision = "bfloat16";
  return options;
}

// Floating-point operations of a text's way through the layers.
double ForwardOperations(const TransformerConfig& config, double length) {
  const double per_token =
      4.0 * config.dim * config.dim + 2.0 * config.dim * config.hidden + 2.0 * length * config.dim;
  return 2.0 * config.num_layers * length * per_token;
}

double MeasureProducts() {
  const at::TensorOptions options = at::TensorOptions(at::kBFloat16).device(at::kCUDA, 0);
  const at::Tensor a = at::empty({8192, 8192}, options).normal_();
  const at::Tensor b = at::empty({8192, 8192}, options).normal_();
  double best = 0;
  for (int repeat = 0; repeat < 4; ++repeat) {
    C10_CUDA_CHECK(cudaDeviceSynchronize());
    const Stopwatch watch;
    for (int i = 0; i < 20; ++i) {
      at::matmul(a, b);
    }
    C10_CUDA_CHECK(cudaDeviceSynchronize());
    best = std::max(best, 20 * 2.0 * 8192 * 8192 * 8192 / watch.Seconds());
  }
  return best;
}

SparseRows Texts(std::size_t num_texts, bool mixed, Random& random) {
  SparseRows texts;
  for (std::size_t text = 0; text < num_texts; ++text) {
    for (std::uint64_t size = mixed ? 4 + random.Uniform(kLength - 3) : kLength; size > 0; --size) {
      texts.columns.push_back(static_cast<std::uint32_t>(random.Uniform(kVocabulary)));
    }
    texts.offsets.push_back(texts.columns.size());
  }
  return texts;
}

EncoderBatch MakeBatch(bool mixed, Random& random) {
  EncoderBatch batch;
  batch.texts = Texts(std::size_t{2} * kNumRows, mixed, random);
  ContrastiveTerm term;
  for (std::uint32_t row = 0; row < kNumRows; ++row) {
    term.rows.push_back(row);
    term.columns.push_back(kNumRows + row);
    term.positives.columns.push_back(row);
    term.positives.offsets.push_back(row + 1);
    term.masked.offsets.push_back(0);
  }
  batch.terms.push_back(std::move(term));
  return batch;
}

struct StepCase {
  const char* name;
  float dropout;
  std::uint64_t activation_bytes_max;
  bool mixed;
};

void MeasureSteps(const StepCase& choice, double peak) {
  Random random(1);
  TransformerModuleOptions options = DistilBert(choice.dropout);
  options.activation_bytes_max = choice.activation_bytes_max;
  auto module = MakeTorchTransformerModule(options, {});
  DASHI_CHECK(module.ok());
  std::vector<EncoderBatch> batches;
  for (int i = 0; i < 4; ++i) {
    batches.push_back(MakeBatch(choice.mixed, random));
  }
  double operations = 0;
  for (const EncoderBatch& batch : batches) {
    for (std::size_t text = 0; text < batch.texts.num_rows(); ++text) {
      const auto length =
          static_cast<double>(batch.texts.offsets[text + 1] - batch.texts.offsets[text]);
      operations += 3 * ForwardOperations(options.config, length) / 4;
    }
  }
  StepRates rates;
  rates.dense = 1e-4F;
  const auto step = [&](int i) {
    const auto result = (*module)->EncoderStep(batches[static_cast<std::size_t>(i) % 4], rates);
    DASHI_CHECK(result.ok());
  };
  step(0);
  c10::cuda::CUDACachingAllocator::resetPeakStats(0);
  std::vector<double> times;
  for (int i = 1; i <= 12; ++i) {
    C10_CUDA_CHECK(cudaDeviceSynchronize());
    const Stopwatch watch;
    step(i);
    C10_CUDA_CHECK(cudaDeviceSynchronize());
    times.push_back(watch.Seconds());
  }
  std::nth_element(times.begin(), times.begin() + 6, times.end());
  const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(0);
  fmt::print("  {:50} {:7.1f} ms {:8.0f} documents/s {:4.0f} TFLOP/s {:3.0f} % {:5.1f} GB\n",
             choice.name, 1e3 * times[6], kNumRows / times[6], operations / times[6] / 1e12,
             100 * operations / times[6] / peak,
             static_cast<double>(stats.allocated_bytes[0].peak) / 1e9);
}

void MeasureEncode(const char* precision, double peak) {
  Random random(2);
  TransformerModuleOptions options = DistilBert(0);
  options.encode_precision = precision;
  auto module = MakeTorchTransformerModule(options, {});
  DASHI_CHECK(module.ok());
  constexpr std::size_t kNumTexts = 32'768;
  const SparseRows texts = Texts(kNumTexts, /*mixed=*/false, random);
  std::vector<float> out(kNumTexts * options.config.dim);
  double best = 1e30;
  for (int repeat = 0; repeat < 3; ++repeat) {
    const Stopwatch watch;
    DASHI_CHECK((*module)->Encode(texts, out.data()).ok());
    best = std::min(best, watch.Seconds());
  }
  const double operations = kNumTexts * ForwardOperations(options.config, kLength);
  fmt::print("  encode, {:42} {:7.1f} ms {:8.0f} texts/s     {:4.0f} TFLOP/s {:3.0f} %\n",
             precision, 1e3 * best, kNumTexts / best, operations / best / 1e12,
             100 * operations / best / peak);
}

}  // namespace

void MeasureTransformers() {
  const double peak = MeasureProducts();
  fmt::print(
      "transformer of DistilBERT's shape, {} documents and as many labels of {} tokens a step, "
      "bfloat16; products of 8192 x 8192 reach {:.0f} TFLOP/s\n",
      kNumRows, kLength, peak / 1e12);
  for (const StepCase& choice :
       {StepCase{"step, no dropout", 0, 0, false}, StepCase{"step, dropout .1", 0.1F, 0, false},
        StepCase{"step, dropout .1, texts of 4 to 32 tokens", 0.1F, 0, true},
        StepCase{"step, dropout .1, activations in 4 GiB", 0.1F, std::uint64_t{4} << 30U, false}}) {
    MeasureSteps(choice, peak);
  }
  MeasureEncode("float32", peak);
  MeasureEncode("bfloat16", peak);
}

}  // namespace dashi::trainer
