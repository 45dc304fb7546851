// The sparse ranker over one shortlist.
//
// Limit: a shortlist of 100 labels of 110 weights reads 66 KB from memory, scattered in 100 places.
#include <algorithm>
#include <vector>

#include <benchmark/benchmark.h>

#include "base/random.h"
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
BENCHMARK_CAPTURE(BM_ScoreShortlist, fast, &ScoreSparse)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(BM_ScoreShortlist, naive, &ScoreSparseNaive)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace dashi::trainer
