// Prints random evaluations and what dashi computes for them as JSON lines, for
// metrics_reference.py to recompute.
#include <cstdint>
#include <cstdio>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/random.h"
#include "trainer/evaluation/metrics.h"

namespace {

using dashi::Random;
using nlohmann::json;

std::vector<std::uint32_t> RandomSubset(std::uint32_t num_labels, double share, Random& random) {
  std::vector<std::uint32_t> subset;
  for (std::uint32_t label = 0; label < num_labels; ++label) {
    if (random.UniformReal() < share) {
      subset.push_back(label);
    }
  }
  return subset;
}

json MakeCase(std::uint64_t seed) {
  Random random(seed);
  const auto num_labels = static_cast<std::uint32_t>(1 + random.Uniform(60));
  const std::size_t num_documents = random.Uniform(40);
  std::vector<std::vector<std::uint32_t>> ranked(num_documents);
  std::vector<std::vector<std::uint32_t>> positives(num_documents);
  dashi::trainer::SparseRows truth;
  for (std::size_t document = 0; document < num_documents; ++document) {
    positives[document] = RandomSubset(num_labels, 0.3 * random.UniformReal(), random);
    truth.columns.insert(truth.columns.end(), positives[document].begin(),
                         positives[document].end());
    truth.offsets.push_back(truth.columns.size());
    ranked[document] = RandomSubset(num_labels, random.UniformReal(), random);
    random.Shuffle(std::span<std::uint32_t>(ranked[document]));
  }
  std::vector<std::uint64_t> counts(num_labels);
  for (std::uint64_t& count : counts) {
    count = random.Uniform(random.Uniform(40) + 1);
  }
  const std::uint64_t num_training_documents = 3 + random.Uniform(100'000);
  const dashi::trainer::PropensityModel model{.a = 0.3 + 0.5 * random.UniformReal(),
                                              .b = 0.2 + 3 * random.UniformReal()};
  const std::vector<double> inverse =
      dashi::trainer::InversePropensities(counts, num_training_documents, model);
  dashi::trainer::EvaluationOptions options;
  options.ks = {1, 3, static_cast<std::uint32_t>(1 + random.Uniform(20))};
  options.num_bootstrap = 0;
  options.slices = true;
  json results = json::array();
  for (const auto& value :
       dashi::trainer::EvaluateRankings(ranked, truth, inverse, counts, options)) {
    results.push_back({value.slice, std::string(dashi::trainer::MetricName(value.metric)), value.k,
                       value.value, value.num_documents});
  }
  return {{"seed", seed},
          {"ranked", ranked},
          {"positives", positives},
          {"counts", counts},
          {"a", model.a},
          {"b", model.b},
          {"num_training_documents", num_training_documents},
          {"ks", options.ks},
          {"inverse", inverse},
          {"results", results}};
}

}  // namespace

int main() {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    std::puts(MakeCase(seed).dump().c_str());
  }
  return 0;
}
