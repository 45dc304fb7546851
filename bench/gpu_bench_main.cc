// What the kernels of trainer/torch/cuda reach on this machine's GPU, beside its memory's speed,
// LibTorch's operators and the processor. Prints a table; docs/BENCHMARKS.md has its figures.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <numeric>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>
#include <fmt/format.h>

#include "base/clock.h"
#include "base/random.h"
#include "base/status.h"
#include "base/thread_pool.h"
#include "bench/gpu_transformer_speed.h"
#include "index/vector_kernels.h"
#include "trainer/balanced_clustering.h"
#include "trainer/torch/batch_tokens.h"
#include "trainer/torch/contrastive_loss.h"
#include "trainer/torch/cuda/device_loss.h"
#include "trainer/torch/cuda_device.h"
#include "trainer/torch/device_level_splitter.h"
#include "trainer/torch/fused_loss.h"
#include "trainer/torch/packed_upload.h"
#include "trainer/torch/row_table.h"
#include "trainer/torch/torch_bag_module.h"

namespace dashi::trainer {
namespace {

const at::Device kGpu(at::kCUDA, 0);
constexpr std::uint32_t kVocabulary = 50000;
constexpr std::uint32_t kDim = 256;

void Synchronize() { C10_CUDA_CHECK(cudaDeviceSynchronize()); }

// Milliseconds of a call, the median of `repeats` measurements of `calls` calls each, the device's
// work included. The first measurement warms up.
double Milliseconds(int repeats, int calls, const std::function<void()>& call) {
  std::vector<double> times;
  for (int repeat = 0; repeat <= repeats; ++repeat) {
    Synchronize();
    const Stopwatch watch;
    for (int i = 0; i < calls; ++i) {
      call();
    }
    Synchronize();
    times.push_back(1e3 * watch.Seconds() / calls);
  }
  times.erase(times.begin());
  std::nth_element(times.begin(), times.begin() + repeats / 2, times.end());
  return times[static_cast<std::size_t>(repeats) / 2];
}

// Bytes that a copy within the device's memory reads and writes, a second, in GB.
double MeasureCopy() {
  const at::Tensor from = at::empty({1 << 30}, at::TensorOptions(at::kByte).device(kGpu)).fill_(7);
  at::Tensor to = at::empty_like(from);
  const double milliseconds = Milliseconds(5, 10, [&] { to.copy_(from); });
  return 2.0 * (1 << 30) / milliseconds / 1e6;
}

// Texts of `num_tokens` distinct tokens; small ids are frequent, as in language.
void AppendTexts(std::size_t num_texts, std::size_t num_tokens, std::uint32_t vocabulary,
                 Random& random, SparseRows* texts) {
  for (std::size_t text = 0; text < num_texts; ++text) {
    std::set<std::uint32_t> tokens;
    while (tokens.size() < num_tokens) {
      const double draw = random.UniformReal();
      tokens.insert(static_cast<std::uint32_t>(draw * draw * draw * vocabulary));
    }
    texts->columns.insert(texts->columns.end(), tokens.begin(), tokens.end());
    texts->values.resize(texts->columns.size(), 1.0F / std::sqrt(static_cast<float>(num_tokens)));
    texts->offsets.push_back(texts->columns.size());
  }
}

EncoderBatch MakeEncoderBatch(std::uint32_t batch_size, const LossOptions& loss, Random& random) {
  EncoderBatch batch;
  AppendTexts(batch_size, 20, kVocabulary, random, &batch.texts);
  AppendTexts(batch_size, 65, kVocabulary, random, &batch.texts);
  ContrastiveTerm term;
  term.loss = loss;
  for (std::uint32_t i = 0; i < batch_size; ++i) {
    term.columns.push_back(i);
    term.rows.push_back(batch_size + i);
    term.positives.columns.push_back(i);
    term.positives.offsets.push_back(i + 1);
    term.masked.offsets.push_back(0);
  }
  batch.terms.push_back(std::move(term));
  return batch;
}

struct EncoderCase {
  const char* name;
  const char* device;
  const char* precision;
  bool portable;
  int num_threads;
  int num_steps;
};

void MeasureEncoder(const std::vector<EncoderBatch>& batches, const EncoderCase& choice) {
  BagModuleOptions options;
  options.vocabulary_size = kVocabulary;
  options.dim = kDim;
  options.hidden = kDim;
  options.device = choice.device;
  options.precision = choice.precision;
  options.portable_kernels = choice.portable;
  options.num_threads = choice.num_threads;
  auto module = MakeTorchBagModule(options);
  DASHI_CHECK(module.ok());
  std::size_t next = 0;
  const double milliseconds = Milliseconds(3, choice.num_steps, [&] {
    const auto result = (*module)->EncoderStep(batches[next++ % batches.size()], {1e-3F, 1e-3F, 0});
    DASHI_CHECK(result.ok());
  });
  const auto batch_size = static_cast<double>(batches[0].terms[0].rows.size());
  fmt::print("  {:34} {:9.3f} ms a step {:12.0f} documents/s\n", choice.name, milliseconds,
             1e3 * batch_size / milliseconds);
}

void MeasureEncoders() {
  const EncoderCase cases[] = {
      {"GPU, own kernels, bfloat16", "cuda", "bfloat16", false, 1, 100},
      {"GPU, own kernels, float32", "cuda", "float32", false, 1, 100},
      {"GPU, LibTorch's operators, bfloat16", "cuda", "bfloat16", true, 1, 50},
      {"processor, all threads", "cpu", "auto", false, 0, 4},
      {"processor, one thread", "cpu", "auto", false, 1, 2},
  };
  for (const std::uint32_t batch_size : {1024U, 1600U}) {
    Random random(1);
    LossOptions loss;
    std::vector<EncoderBatch> batches;
    for (int i = 0; i < 8; ++i) {
      batches.push_back(MakeEncoderBatch(batch_size, loss, random));
    }
    fmt::print("encoder step, batch {}, dim 256, hidden 256, softmax loss\n", batch_size);
    for (const EncoderCase& choice : cases) {
      MeasureEncoder(batches, choice);
    }
    BatchTokenizer tokenizer(kVocabulary);
    std::size_t next = 0;
    fmt::print("  {:34} {:9.3f} ms, on the host while the GPU computes\n",
               "its token transposition",
               Milliseconds(3, 20, [&] { tokenizer.Transpose(batches[next++ % 8].texts); }));
    for (const auto& [kind, name] :
         {std::pair{LossKind::kTriplet, "GPU, triplet, bfloat16"},
          std::pair{LossKind::kTripletHardest, "GPU, hardest triplet, bfloat16"}}) {
      for (EncoderBatch& batch : batches) {
        batch.terms[0].loss.kind = kind;
      }
      MeasureEncoder(batches, {name, "cuda", "bfloat16", false, 1, 100});
    }
  }
}

void PrintTraffic(const char* name, double milliseconds, double bytes, double copy) {
  const double rate = bytes / milliseconds / 1e6;
  fmt::print("  {:44} {:8.3f} ms {:7.0f} GB/s, {:3.0f} % of a copy's\n", name, milliseconds, rate,
             100 * rate / copy);
}

at::Tensor NormalOnGpu(std::int64_t num_rows) {
  return at::empty({num_rows, kDim}, at::TensorOptions(at::kFloat).device(kGpu)).normal_();
}

// Steps on some rows of a table too large for the cache.
struct OptimiserCase {
  static constexpr std::int64_t kRows = 1500000;
  static constexpr std::size_t kTokens = 300000;
  static constexpr std::size_t kTexts = 2048;
  static constexpr double kRowBytes = 4.0 * kDim;
  // Values and moments, each read and written once; the gradient's matrix stays in the cache.
  static constexpr double kStepBytes = 6 * kRowBytes * kTokens;

  OptimiserCase() {
    Random random(2);
    std::vector<std::uint32_t> order(kRows);
    std::iota(order.begin(), order.end(), 0U);
    random.Shuffle(std::span<std::uint32_t>(order));
    batch.tokens.assign(order.begin(), order.begin() + kTokens);
    batch.offsets = {0};
    for (std::size_t token = 0; token < kTokens; ++token) {
      for (std::size_t i = 0; i <= token % 2; ++i) {
        batch.texts.push_back(static_cast<std::uint32_t>(random.Uniform(kTexts)));
        batch.weights.push_back(0.1F);
      }
      batch.offsets.push_back(static_cast<std::uint32_t>(batch.texts.size()));
    }
    AppendTexts(20000, 40, kRows, random, &texts);
  }

  double SumBytes() const {
    return kRowBytes * static_cast<double>(texts.columns.size() + texts.num_rows());
  }

  BatchTokens batch;
  SparseRows texts;
  at::Tensor gradient = NormalOnGpu(kTexts);       // [texts, dim]
  at::Tensor row_gradient = NormalOnGpu(kTokens);  // [tokens, dim]
};

void MeasureTable(const OptimiserCase& work, bool portable, double copy) {
  ThreadPool pool(1);
  const std::string name = portable ? "LibTorch, with transfer" : "own kernels, with transfer";
  const std::unique_ptr<RowTable> table =
      RowTable::Make(NormalOnGpu(OptimiserCase::kRows), portable, pool);
  PrintTraffic((name + ": bag gradient and step").c_str(),
               Milliseconds(5, 10, [&] { table->StepBags(work.batch, work.gradient, 1e-3F); }),
               OptimiserCase::kStepBytes, copy);
  PrintTraffic(
      (name + ": step").c_str(),
      Milliseconds(5, 10, [&] { table->StepRows(work.batch.tokens, work.row_gradient, 1e-3F); }),
      OptimiserCase::kStepBytes * 7 / 6, copy);
  PrintTraffic((name + ": bag sums").c_str(),
               Milliseconds(5, 10, [&] { table->SumBags(work.texts); }), work.SumBytes(), copy);
}

// The kernels alone: their lists are on the device already.
void MeasureRowKernels(const OptimiserCase& work, double copy) {
  at::Tensor values = NormalOnGpu(OptimiserCase::kRows);
  at::Tensor first = NormalOnGpu(OptimiserCase::kRows).abs_();
  at::Tensor second = NormalOnGpu(OptimiserCase::kRows).abs_();
  at::Tensor sums = NormalOnGpu(static_cast<std::int64_t>(work.texts.num_rows()));
  const DeviceParameters parameters{values.mutable_data_ptr<float>(),
                                    first.mutable_data_ptr<float>(),
                                    second.mutable_data_ptr<float>(), kDim};
  const UploadedTokens lists = Upload(work.batch, kGpu);
  const UploadedRows bags = Upload(work.texts, kGpu);
  AdamRates rates;
  rates.rate = 1e-3F;
  const cudaStream_t stream = c10::cuda::getCurrentCUDAStream();
  const auto* gradient = work.gradient.const_data_ptr<float>();
  const auto* row_gradient = work.row_gradient.const_data_ptr<float>();
  PrintTraffic("kernel: bag gradient and step",
               Milliseconds(5, 20,
                            [&] {
                              C10_CUDA_CHECK(DeviceStepLists(rates, lists.lists, lists.tokens,
                                                             gradient, parameters, stream));
                            }),
               OptimiserCase::kStepBytes, copy);
  PrintTraffic(
      "kernel: step",
      Milliseconds(5, 20,
                   [&] {
                     C10_CUDA_CHECK(DeviceStepRows(rates, lists.tokens, OptimiserCase::kTokens,
                                                   row_gradient, parameters, stream));
                   }),
      OptimiserCase::kStepBytes * 7 / 6, copy);
  PrintTraffic("kernel: bag sums",
               Milliseconds(5, 20,
                            [&] {
                              C10_CUDA_CHECK(DeviceSumLists(
                                  bags.lists, values.const_data_ptr<float>(), kDim,
                                  DeviceSumOptions(), sums.mutable_data_ptr<float>(), stream));
                            }),
               work.SumBytes(), copy);
}

void MeasureOptimiser(double copy) {
  const OptimiserCase work;
  fmt::print("lazy Adam on {} of {} rows of dim 256, {} token entries\n", OptimiserCase::kTokens,
             OptimiserCase::kRows, work.batch.texts.size());
  MeasureTable(work, /*portable=*/false, copy);
  MeasureTable(work, /*portable=*/true, copy);
  MeasureRowKernels(work, copy);
}

struct LossCase {
  LossKind kind;
  const char* name;
};

void MeasureLoss(const LossCase& choice, std::uint32_t num_rows, std::uint32_t num_columns,
                 double copy) {
  constexpr int kCalls = 20;
  LossOptions options;
  options.kind = choice.kind;
  if (choice.kind == LossKind::kTripletHardest) {
    options.num_negatives = 5;
  }
  const at::Tensor scores =
      at::empty({num_rows, num_columns}, at::TensorOptions(at::kFloat).device(kGpu))
          .uniform_(-1, 1);
  SparseRows positives;
  SparseRows masked;
  for (std::uint32_t row = 0; row < num_rows; ++row) {
    for (std::uint32_t i = 0; i < 3; ++i) {
      positives.columns.push_back((row + i * 37) % num_columns);
    }
    std::sort(positives.columns.own() + positives.columns.size() - 3,
              positives.columns.own() + positives.columns.size());
    positives.offsets.push_back(positives.columns.size());
    masked.offsets.push_back(0);
  }
  // The composition works in place, so it gets fresh copies, which are made outside of the time.
  std::vector<double> times;
  for (int repeat = 0; repeat < 4; ++repeat) {
    std::vector<at::Tensor> copies;
    for (int i = 0; i < kCalls; ++i) {
      copies.push_back(scores.clone());
    }
    Synchronize();
    const Stopwatch watch;
    for (const at::Tensor& own : copies) {
      ContrastiveLoss(options, own, positives, masked);
    }
    Synchronize();
    times.push_back(1e3 * watch.Seconds() / kCalls);
  }
  const double composed = *std::min_element(times.begin() + 1, times.end());
  const double fused =
      Milliseconds(3, kCalls, [&] { FusedContrastiveLoss(options, scores, positives, masked); });
  const UploadedColumns columns = Upload(positives, masked, kGpu);
  at::Tensor gradient = at::empty_like(scores);
  at::Tensor work = at::empty({2 * (std::int64_t{num_rows} + 1)}, scores.options());
  DeviceLoss loss;
  loss.options = options;
  loss.scores = scores.const_data_ptr<float>();
  loss.num_rows = num_rows;
  loss.num_columns = num_columns;
  loss.positives = columns.positives;
  loss.masked = columns.masked;
  loss.num_positives = positives.columns.size();
  loss.num_positive_rows = num_rows;
  loss.gradient = gradient.mutable_data_ptr<float>();
  loss.summary = work.mutable_data_ptr<float>();
  loss.row_results = loss.summary + 2;
  const double kernel = Milliseconds(5, 50, [&] {
    C10_CUDA_CHECK(DeviceContrastiveLoss(loss, c10::cuda::getCurrentCUDAStream()));
  });
  const double rate = 8.0 * num_rows * num_columns / kernel / 1e6;
  fmt::print(
      "  {:16} {:5} x {:5}: composed {:7.3f} ms, fused {:7.3f} ms ({:4.1f} times), kernels alone "
      "{:6.4f} ms, {:5.0f} GB/s, {:3.0f} % of a copy's\n",
      choice.name, num_rows, num_columns, composed, fused, composed / fused, kernel, rate,
      100 * rate / copy);
}

void MeasureClustering(std::size_t num_rows, std::uint32_t cluster_size, bool on_processor) {
  Random random(3);
  std::vector<float> row(kDim);
  std::vector<std::uint16_t> vectors(num_rows * kDim);
  for (std::size_t i = 0; i < num_rows; ++i) {
    for (float& value : row) {
      value = static_cast<float>(random.UniformReal() - 0.5);
    }
    index::NormalizeInPlace(row.data(), kDim);
    index::ToHalf(row.data(), vectors.data() + i * kDim, kDim);
  }
  fmt::print("  {} rows, clusters of {}: GPU, with transfer {:.3f} s", num_rows, cluster_size,
             1e-3 * Milliseconds(1, 1, [&] {
               auto splitter = MakeDeviceLevelSplitter(vectors.data(), num_rows, kDim, kGpu);
               DASHI_CHECK(splitter.ok());
               DASHI_CHECK(ClusterBalanced(num_rows, cluster_size, 1, **splitter).ok());
             }));
  if (on_processor) {
    ThreadPool pool(0);
    const Stopwatch watch;
    ClusterBalanced({vectors.data(), num_rows, kDim}, cluster_size, 1, pool);
    fmt::print(", processor with all threads {:.3f} s", watch.Seconds());
  }
  fmt::print("\n");
}

void Run() {
  cudaDeviceProp properties{};
  int clock_khz = 0;
  C10_CUDA_CHECK(cudaGetDeviceProperties(&properties, 0));
  C10_CUDA_CHECK(cudaDeviceGetAttribute(&clock_khz, cudaDevAttrMemoryClockRate, 0));
  const double peak = 2e3 * clock_khz * properties.memoryBusWidth / 8 / 1e9;
  const double copy = MeasureCopy();
  fmt::print("{}: memory {:.0f} GB/s by its clock and width, {:.0f} GB/s in a copy; {} threads\n",
             properties.name, peak, copy, ThreadPool(0).num_threads());
  MeasureOptimiser(copy);
  fmt::print("contrastive loss and its gradient, three positives a row\n");
  for (const LossCase& choice :
       {LossCase{LossKind::kSoftmax, "softmax"}, LossCase{LossKind::kTriplet, "triplet"},
        LossCase{LossKind::kTripletHardest, "hardest triplet"}}) {
    MeasureLoss(choice, 1024, 1024, copy);
    MeasureLoss(choice, 1600, 1600, copy);
    MeasureLoss(choice, 1024, 4500, copy);
    MeasureLoss(choice, 8192, 8192, copy);
  }
  fmt::print("balanced clustering, dim 256\n");
  MeasureClustering(90000, 2, /*on_processor=*/true);
  MeasureClustering(90000, 64, /*on_processor=*/true);
  MeasureClustering(1000000, 64, /*on_processor=*/false);
  MeasureEncoders();
  MeasureTransformers();
}

}  // namespace
}  // namespace dashi::trainer

int main() {
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
  int num_devices = 0;
  const cudaError_t error = cudaGetDeviceCount(&num_devices);
  if (error != cudaSuccess || num_devices == 0) {
    std::fprintf(stderr, "gpu_bench: no CUDA device: %s\n", cudaGetErrorString(error));
    return 1;
  }
  const dashi::Status status = dashi::CatchAsStatus("gpu_bench", [] { dashi::trainer::Run(); });
  if (!status.ok()) {
    std::fprintf(stderr, "%s\n", status.ToString().c_str());
    return 1;
  }
  return 0;
}
