// The bag encoder at dim 256 and hidden 256 over a vocabulary of 50,000 words, seed 1.
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include "base/random.h"
#include "index/vector_kernels.h"
#include "trainer/bag_encoder.h"
#include "trainer/bag_tokenizer.h"

namespace dashi::trainer {
namespace {

constexpr std::uint32_t kDim = 256;
constexpr std::uint32_t kHidden = 256;

std::string Word(std::size_t rank) {
  static constexpr const char* kSyllables[] = {"ka", "lo", "mi",  "ser", "tan",
                                               "ru", "vo", "pel", "di",  "quo"};
  std::string word;
  for (std::size_t rest = rank + 100; rest > 0; rest /= 10) {
    word += kSyllables[rest % 10];
  }
  return word;
}

std::string Text(std::size_t num_words, std::size_t vocabulary, Random& random) {
  std::string text;
  for (std::size_t i = 0; i < num_words; ++i) {
    text += Word(random.Uniform(random.Uniform(vocabulary) + 1));
    text += ' ';
  }
  return text;
}

/// Learns every word from two texts, so that all are known.
std::unique_ptr<BagTokenizer> LearnWords(std::size_t vocabulary) {
  BagTokenizer::Learner learner({});
  learner.AddText("something else");
  for (int repeat = 0; repeat < 2; ++repeat) {
    std::string text;
    for (std::size_t rank = 0; rank < vocabulary; ++rank) {
      text += Word(rank) + ' ';
    }
    learner.AddText(text);
  }
  return learner.Build();
}

std::vector<float> Gaussian(std::size_t size, Random& random) {
  std::vector<float> values(size);
  for (float& value : values) {
    value = static_cast<float>(random.Normal()) / 16;
  }
  return values;
}

std::unique_ptr<Encoder> MakeEncoder() {
  auto tokenizer = LearnWords(50'000);
  Random random(1);
  BagWeights weights;
  weights.vocabulary_size = tokenizer->vocabulary_size();
  weights.dim = kDim;
  weights.hidden = kHidden;
  const std::vector<float> embeddings =
      Gaussian(std::size_t{weights.vocabulary_size} * kDim, random);
  weights.embeddings.resize(embeddings.size());
  index::ToHalf(embeddings.data(), weights.embeddings.data(), embeddings.size());
  weights.w1 = Gaussian(kHidden * kDim, random);
  weights.b = Gaussian(kHidden, random);
  weights.w2 = Gaussian(kDim * kHidden, random);
  auto encoder = MakeBagEncoder(std::move(tokenizer), std::move(weights));
  if (!encoder.ok()) {
    std::cerr << encoder.status().ToString() << "\n";
    std::abort();
  }
  return std::move(encoder).value();
}

void Encode(benchmark::State& state) {
  static const std::unique_ptr<Encoder> encoder = MakeEncoder();
  Random random(2);
  std::vector<std::string> texts;
  texts.reserve(1000);
  for (int i = 0; i < 1000; ++i) {
    texts.push_back(Text(static_cast<std::size_t>(state.range(0)), 50'000, random));
  }
  std::vector<float> out(kDim);
  std::size_t i = 0;
  for (auto _ : state) {
    const Status status = encoder->Encode(texts[i++ % texts.size()], out);
    if (!status.ok()) {
      state.SkipWithError(status.ToString().c_str());
      break;
    }
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(Encode)->ArgName("words")->Arg(5)->Arg(20)->Arg(200)->Unit(benchmark::kMicrosecond);

void Tokenize(benchmark::State& state) {
  const auto tokenizer = LearnWords(50'000);
  Random random(3);
  const std::string text = (state.range(1) != 0 ? "Größe " : "size ") +
                           Text(static_cast<std::size_t>(state.range(0)), 50'000, random);
  for (auto _ : state) {
    benchmark::DoNotOptimize(tokenizer->Tokenize(text));
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}
BENCHMARK(Tokenize)
    ->ArgNames({"words", "not_ascii"})
    ->Args({20, 0})
    ->Args({20, 1})
    ->Args({2000, 0})
    ->Unit(benchmark::kMicrosecond);

void LoadVocabulary(benchmark::State& state) {
  const std::string bytes = LearnWords(static_cast<std::size_t>(state.range(0)))->Serialize();
  for (auto _ : state) {
    benchmark::DoNotOptimize(BagTokenizer::Parse(bytes));
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(LoadVocabulary)->ArgName("words")->Arg(1'000'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace dashi::trainer
