// The steps that NGAME's training consists of, on synthetic batches of the size of real ones.

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>
#include <vector>

#include <benchmark/benchmark.h>

#include "base/random.h"
#include "base/thread_pool.h"
#include "index/vector_kernels.h"
#include "trainer/bag_module.h"
#include "trainer/balanced_clustering.h"
#include "trainer/sampled_clustering.h"

namespace dashi::trainer {
namespace {

constexpr std::uint32_t kVocabulary = 50000;
constexpr std::uint32_t kDim = 256;
constexpr std::uint32_t kLabels = 40000;

std::unique_ptr<BagModule> NewModule(benchmark::State& state, bool portable,
                                     const char* precision) {
  auto backend = LoadTensorBackend("");
  if (!backend.ok()) {
    state.SkipWithError(backend.status().ToString().c_str());
    return nullptr;
  }
  BagModuleOptions options;
  options.vocabulary_size = kVocabulary;
  options.dim = kDim;
  options.hidden = kDim;
  options.device = "cpu";
  options.precision = precision;
  options.portable_kernels = portable;
  auto module = (*backend)->NewBagModule(options);
  if (!module.ok()) {
    state.SkipWithError(module.status().ToString().c_str());
    return nullptr;
  }
  return std::move(module).value();
}

// Texts of `num_tokens` distinct tokens; small ids are frequent, as in language.
void AppendTexts(std::size_t num_texts, std::size_t num_tokens, Random& random, SparseRows* texts) {
  for (std::size_t text = 0; text < num_texts; ++text) {
    std::set<std::uint32_t> tokens;
    while (tokens.size() < num_tokens) {
      const double draw = random.UniformReal();
      tokens.insert(static_cast<std::uint32_t>(draw * draw * draw * kVocabulary));
    }
    texts->columns.insert(texts->columns.end(), tokens.begin(), tokens.end());
    texts->values.resize(texts->columns.size(), 1.0F / std::sqrt(static_cast<float>(num_tokens)));
    texts->offsets.push_back(texts->columns.size());
  }
}

EncoderBatch MakeEncoderBatch(std::size_t batch_size) {
  Random random(1);
  EncoderBatch batch;
  AppendTexts(batch_size, 20, random, &batch.texts);
  AppendTexts(batch_size, 65, random, &batch.texts);
  ContrastiveTerm term;
  for (std::uint32_t i = 0; i < batch_size; ++i) {
    term.columns.push_back(i);
    term.rows.push_back(static_cast<std::uint32_t>(batch_size) + i);
    term.positives.columns.push_back(i);
    term.positives.offsets.push_back(i + 1);
    term.masked.offsets.push_back(0);
  }
  batch.terms.push_back(std::move(term));
  return batch;
}

void EncoderStep(benchmark::State& state, bool portable, const char* precision) {
  const auto batch_size = static_cast<std::size_t>(state.range(0));
  const EncoderBatch batch = MakeEncoderBatch(batch_size);
  const auto module = NewModule(state, portable, precision);
  if (module == nullptr) {
    return;
  }
  for (auto _ : state) {
    const auto result = module->EncoderStep(batch, {1e-3F, 1e-3F, 0});
    if (!result.ok()) {
      state.SkipWithError(result.status().ToString().c_str());
      return;
    }
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void ClassifierStep(benchmark::State& state, const char* precision) {
  const auto batch_size = static_cast<std::uint32_t>(state.range(0));
  const auto num_columns = static_cast<std::uint32_t>(state.range(1));
  Random random(2);
  ClassifierBatch batch;
  AppendTexts(batch_size, 65, random, &batch.texts);
  for (std::uint32_t column = 0; column < num_columns; ++column) {
    batch.columns.push_back(column * (kLabels / num_columns));
  }
  for (std::uint32_t row = 0; row < batch_size; ++row) {
    for (int i = 0; i < 3; ++i) {
      batch.positives.columns.push_back((row * 3 + static_cast<std::uint32_t>(i)) % num_columns);
    }
    batch.positives.offsets.push_back(batch.positives.columns.size());
    batch.masked.offsets.push_back(0);
  }
  const auto module = NewModule(state, /*portable=*/false, precision);
  if (module == nullptr) {
    return;
  }
  std::vector<float> vectors(std::size_t{kLabels} * kDim);
  for (float& value : vectors) {
    value = static_cast<float>(random.UniformReal() - 0.5);
  }
  const Status set = module->SetClassifier(vectors, kLabels);
  if (!set.ok()) {
    state.SkipWithError(set.ToString().c_str());
    return;
  }
  for (auto _ : state) {
    const auto result = module->ClassifierStep(batch, {1e-3F, 1e-3F, 1e-2F});
    if (!result.ok()) {
      state.SkipWithError(result.status().ToString().c_str());
      return;
    }
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void Cluster(benchmark::State& state, bool by_samples) {
  const auto num_rows = static_cast<std::size_t>(state.range(0));
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
  ThreadPool pool(1);
  for (auto _ : state) {
    const index::HalfMatrixView view{vectors.data(), num_rows, kDim};
    const auto size = static_cast<std::uint32_t>(state.range(1));
    benchmark::DoNotOptimize(by_samples ? ClusterBySamples(view, size, 1, pool)
                                        : ClusterBalanced(view, size, 1, pool));
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

BENCHMARK_CAPTURE(EncoderStep, own_bfloat16, false, "bfloat16")
    ->ArgName("batch")
    ->Arg(1024)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(EncoderStep, own_float32, false, "float32")
    ->ArgName("batch")
    ->Arg(1024)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(EncoderStep, portable_float32, true, "float32")
    ->ArgName("batch")
    ->Arg(1024)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(ClassifierStep, own_bfloat16, "bfloat16")
    ->ArgNames({"batch", "columns"})
    ->Args({1024, 4500})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(ClassifierStep, own_float32, "float32")
    ->ArgNames({"batch", "columns"})
    ->Args({1024, 4500})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Cluster, by_samples, true)
    ->ArgNames({"rows", "cluster"})
    ->Args({90000, 2})
    ->Args({90000, 64})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Cluster, exact, false)
    ->ArgNames({"rows", "cluster"})
    ->Args({90000, 2})
    ->Args({90000, 64})
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace dashi::trainer
