// The sparse ranker over one shortlist, and the labels that it finds among all.
//
// Limit: a shortlist of 100 labels of 110 weights reads 66 KB from memory, scattered in 100 places.
// Labels are found in as many stretches of memory as the text has features; each weight is 6 bytes
// and adds to a sum, 4 bytes somewhere in 148 KB.
#include <algorithm>
#include <cmath>
#include <vector>

#include <benchmark/benchmark.h>

#include "base/random.h"
#include "trainer/ranker/ranker_postings.h"
#include "trainer/ranker/sparse_ranker.h"

namespace dashi::trainer {
namespace {

constexpr std::uint32_t kNumFeatures = 1'100'000;
constexpr std::size_t kNumLabels = 37'000;
constexpr std::size_t kWeightsPerLabel = 110;
constexpr std::size_t kTextFeatures = 45;
constexpr std::size_t kShortlist = 100;

std::vector<std::uint32_t> DistinctFeatures(std::size_t size, Random* random) {
  std::vector<std::uint32_t> features;
  for (std::size_t i = 0; i < size; ++i) {
    features.push_back(static_cast<std::uint32_t>(random->Uniform(kNumFeatures)));
  }
  std::sort(features.begin(), features.end());
  features.erase(std::unique(features.begin(), features.end()), features.end());
  return features;
}

SparseRankerWeights MakeWeights(Random* random) {
  SparseRankerWeights weights;
  for (std::size_t label = 0; label < kNumLabels; ++label) {
    const auto features = DistinctFeatures(kWeightsPerLabel, random);
    weights.features.insert(weights.features.end(), features.begin(), features.end());
    weights.offsets.push_back(weights.features.size());
    weights.biases.push_back(-1.0F);
  }
  weights.weights.assign(weights.features.size(), 0x3800);  // 0.5
  return weights;
}

/// Ranks are drawn by Zipf's law.
std::uint32_t FrequentFeature(Random* random) {
  return static_cast<std::uint32_t>(
      std::exp(random->UniformReal() * std::log(static_cast<double>(kNumFeatures))));
}

using ScoreFunction = void (*)(const SparseRankerWeights&, const TokenBag&,
                               std::span<const std::uint32_t>, std::span<float>);

void BM_ScoreShortlist(benchmark::State& state, ScoreFunction score) {
  Random random(1);
  const SparseRankerWeights weights = MakeWeights(&random);
  TokenBag text;
  text.ids = DistinctFeatures(kTextFeatures, &random);
  text.weights.assign(text.ids.size(), 0.15F);
  std::vector<std::uint32_t> labels(kShortlist);
  std::vector<float> scores(kShortlist);
  for (auto _ : state) {
    for (std::uint32_t& label : labels) {
      label = static_cast<std::uint32_t>(random.Uniform(kNumLabels));
    }
    score(weights, text, labels, scores);
    benchmark::DoNotOptimize(scores.data());
  }
}
// Features of a text are as frequent as words are: the i-th of all is in 1 / i of the labels' rows.
void BM_FindLabels(benchmark::State& state) {
  Random random(1);
  SparseRankerWeights weights;
  std::vector<std::uint32_t> row;
  for (std::size_t label = 0; label < kNumLabels; ++label) {
    row.clear();
    for (std::size_t i = 0; i < kWeightsPerLabel; ++i) {
      row.push_back(FrequentFeature(&random));
    }
    std::sort(row.begin(), row.end());
    row.erase(std::unique(row.begin(), row.end()), row.end());
    weights.features.insert(weights.features.end(), row.begin(), row.end());
    weights.offsets.push_back(weights.features.size());
    weights.biases.push_back(-1.0F);
  }
  weights.weights.assign(weights.features.size(), 0x3800);  // 0.5
  const RankerPostings postings(weights);
  TokenBag text;
  for (auto _ : state) {
    state.PauseTiming();
    text.ids.clear();
    for (std::size_t i = 0; i < kTextFeatures; ++i) {
      text.ids.push_back(FrequentFeature(&random));
    }
    std::sort(text.ids.begin(), text.ids.end());
    text.ids.erase(std::unique(text.ids.begin(), text.ids.end()), text.ids.end());
    text.weights.assign(text.ids.size(), 0.15F);
    state.ResumeTiming();
    benchmark::DoNotOptimize(postings.Find(text, kShortlist));
  }
}
BENCHMARK(BM_FindLabels)->Unit(benchmark::kMicrosecond);

BENCHMARK_CAPTURE(BM_ScoreShortlist, fast, &ScoreSparse)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(BM_ScoreShortlist, naive, &ScoreSparseNaive)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace dashi::trainer
