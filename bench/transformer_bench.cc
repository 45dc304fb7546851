// Transformers with random weights, of the shapes of all-MiniLM-L6 (384 x 6) and DistilBERT (768 x
// 6), one thread unless a row says otherwise.
#include <memory>
#include <sys/resource.h>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include "base/random.h"
#include "trainer/bag_module.h"
#include "trainer/transformer/transformer_module.h"

namespace dashi::trainer {
namespace {

constexpr std::uint32_t kVocabulary = 30'522;

TransformerModuleOptions Options(std::int64_t dim, bool bfloat16) {
  TransformerModuleOptions options;
  options.config.vocabulary_size = kVocabulary;
  options.config.dim = static_cast<std::uint32_t>(dim);
  options.config.hidden = static_cast<std::uint32_t>(4 * dim);
  options.config.num_layers = 6;
  options.config.num_heads = 12;
  options.config.num_positions = 512;
  options.config.num_token_types = 2;
  options.precision = bfloat16 ? "bfloat16" : "float32";
  options.encode_precision = options.precision;
  options.device = "cpu";
  return options;
}

std::unique_ptr<TransformerModule> NewModule(benchmark::State& state, std::int64_t dim,
                                             bool bfloat16) {
  auto backend = LoadTensorBackend("");
  if (!backend.ok()) {
    state.SkipWithError(backend.status().ToString().c_str());
    return nullptr;
  }
  auto module = (*backend)->NewTransformerModule(Options(dim, bfloat16), {});
  if (!module.ok()) {
    state.SkipWithError(module.status().ToString().c_str());
    return nullptr;
  }
  return std::move(module).value();
}

/// Texts of `length` tokens, or of up to so many when they are mixed.
SparseRows Texts(std::size_t num_texts, std::size_t length, bool mixed) {
  Random random(1);
  SparseRows texts;
  for (std::size_t text = 0; text < num_texts; ++text) {
    for (std::size_t size = mixed ? 4 + random.Uniform(length - 3) : length; size > 0; --size) {
      texts.columns.push_back(static_cast<std::uint32_t>(random.Uniform(kVocabulary)));
    }
    texts.offsets.push_back(texts.columns.size());
  }
  return texts;
}

double PeakMegabytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

void EncodeTransformer(benchmark::State& state) {
  const auto module = NewModule(state, state.range(0), state.range(3) != 0);
  if (module == nullptr) {
    return;
  }
  const auto num_texts = static_cast<std::size_t>(state.range(1));
  const SparseRows texts =
      Texts(num_texts, static_cast<std::size_t>(state.range(2)), num_texts > 1);
  std::vector<float> out(num_texts * static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    const Status status = module->Encode(texts, out.data());
    if (!status.ok()) {
      state.SkipWithError(status.ToString().c_str());
      break;
    }
  }
  state.SetItemsProcessed(state.iterations() * state.range(1));
}
BENCHMARK(EncodeTransformer)
    ->ArgNames({"dim", "texts", "tokens", "bfloat16"})
    ->Args({384, 1, 16, 0})
    ->Args({384, 1, 16, 1})
    ->Args({384, 256, 32, 0})
    ->Args({384, 256, 32, 1})
    ->Args({768, 256, 32, 1})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

/// NGAME's batch: half of the texts are rows, half columns, one positive a row.
void TrainTransformer(benchmark::State& state) {
  const auto module = NewModule(state, state.range(0), state.range(3) != 0);
  if (module == nullptr) {
    return;
  }
  const auto num_rows = static_cast<std::uint32_t>(state.range(1));
  EncoderBatch batch;
  batch.texts = Texts(std::size_t{2} * num_rows, static_cast<std::size_t>(state.range(2)), true);
  ContrastiveTerm term;
  for (std::uint32_t row = 0; row < num_rows; ++row) {
    term.rows.push_back(row);
    term.columns.push_back(num_rows + row);
    term.positives.columns.push_back(row);
    term.positives.offsets.push_back(row + 1);
    term.masked.offsets.push_back(0);
  }
  batch.terms.push_back(std::move(term));
  StepRates rates;
  rates.dense = 1e-4F;
  for (auto _ : state) {
    const auto result = module->EncoderStep(batch, rates);
    if (!result.ok()) {
      state.SkipWithError(result.status().ToString().c_str());
      break;
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(2 * num_rows));
  state.counters["peak_MB"] = PeakMegabytes();
}
BENCHMARK(TrainTransformer)
    ->ArgNames({"dim", "rows", "tokens", "bfloat16"})
    ->Args({384, 128, 32, 0})
    ->Args({384, 128, 32, 1})
    ->Args({384, 1600, 32, 1})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
}  // namespace dashi::trainer
