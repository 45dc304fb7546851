#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "trainer/evaluation/metrics.h"

namespace dashi::trainer {
namespace {

constexpr std::uint32_t kNumLabels = 50;
constexpr std::size_t kNumDocuments = 200;

/// Rankings that hold a document's first positive at rank 1 with a probability, noise below.
struct Planted {
  explicit Planted(std::uint64_t seed) {
    Random random(seed);
    for (std::size_t d = 0; d < kNumDocuments; ++d) {
      const auto label = static_cast<std::uint32_t>(random.Uniform(kNumLabels - 1));
      truth.columns.push_back(label);
      truth.columns.push_back(label + 1);
      truth.offsets.push_back(truth.columns.size());
      counts[label] += 1;
    }
  }

  std::vector<std::vector<std::uint32_t>> Rank(double right, std::uint64_t seed) const {
    Random random(seed);
    std::vector<std::vector<std::uint32_t>> ranked(kNumDocuments);
    for (std::size_t d = 0; d < kNumDocuments; ++d) {
      if (random.UniformReal() < right) {
        ranked[d].push_back(truth.columns[truth.offsets[d]]);
      }
      while (ranked[d].size() < 5) {
        const auto label = static_cast<std::uint32_t>(random.Uniform(kNumLabels));
        if (std::find(ranked[d].begin(), ranked[d].end(), label) == ranked[d].end()) {
          ranked[d].push_back(label);
        }
      }
    }
    return ranked;
  }

  SparseRows truth;
  std::vector<std::uint64_t> counts = std::vector<std::uint64_t>(kNumLabels, 0);
};

class CompareRankingsTest : public ::testing::Test {
 protected:
  CompareRankingsTest() : weights_(InversePropensities(planted_.counts, kNumDocuments, {})) {
    options_.ks = {1, 5};
    options_.num_bootstrap = 300;
    options_.seed = 7;
  }

  std::vector<MetricDifference> Compare(const std::vector<std::vector<std::uint32_t>>& first,
                                        const std::vector<std::vector<std::uint32_t>>& second) {
    return CompareRankings(first, second, planted_.truth, weights_, planted_.counts, options_);
  }

  const Planted planted_{3};
  const std::vector<double> weights_;
  EvaluationOptions options_;
};

TEST_F(CompareRankingsTest, BothValuesAreThoseOfEvaluateRankings) {
  options_.slices = true;
  const auto first = planted_.Rank(0.5, 1);
  const auto second = planted_.Rank(0.6, 2);
  const auto differences = Compare(first, second);
  const auto a = EvaluateRankings(first, planted_.truth, weights_, planted_.counts, options_);
  const auto b = EvaluateRankings(second, planted_.truth, weights_, planted_.counts, options_);
  ASSERT_EQ(differences.size(), a.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(differences[i].slice, a[i].slice);
    EXPECT_EQ(differences[i].metric, a[i].metric);
    EXPECT_EQ(differences[i].k, a[i].k);
    EXPECT_EQ(differences[i].first, a[i].value);
    EXPECT_EQ(differences[i].second, b[i].value);
    EXPECT_EQ(differences[i].num_documents, a[i].num_documents);
  }
}

TEST_F(CompareRankingsTest, TheIntervalIsThatOfDifferencesOnTheSameDocuments) {
  const auto first = planted_.Rank(0.5, 1);
  const auto second = planted_.Rank(0.6, 2);
  const MetricDifference p1 = Compare(first, second).front();
  ASSERT_EQ(p1.metric, Metric::kPrecision);
  // P@1 by hand: draws documents, and takes the mean of the difference of hits.
  std::vector<double> change(kNumDocuments);
  for (std::size_t d = 0; d < kNumDocuments; ++d) {
    const auto hit = [&](const std::vector<std::uint32_t>& ranked) {
      const std::uint32_t label = planted_.truth.columns[planted_.truth.offsets[d]];
      return ranked[0] == label || ranked[0] == label + 1 ? 1.0 : 0.0;
    };
    change[d] = hit(second[d]) - hit(first[d]);
  }
  Random random(options_.seed);
  std::vector<double> samples;
  double better = 0;
  for (std::uint32_t round = 0; round < options_.num_bootstrap; ++round) {
    double sum = 0;
    for (std::size_t draw = 0; draw < kNumDocuments; ++draw) {
      sum += change[random.Uniform(kNumDocuments)];
    }
    samples.push_back(sum / kNumDocuments);
    better += sum > 0 ? 1 : sum == 0 ? 0.5 : 0;
  }
  std::sort(samples.begin(), samples.end());
  const auto quantile = [&](double fraction) {
    const double at = fraction * (options_.num_bootstrap - 1);
    const auto below = static_cast<std::size_t>(at);
    return samples[below] + (at - std::floor(at)) * (samples[below + 1] - samples[below]);
  };
  EXPECT_NEAR(p1.low, quantile(0.025), 1e-12);
  EXPECT_NEAR(p1.high, quantile(0.975), 1e-12);
  EXPECT_NEAR(p1.better, better / options_.num_bootstrap, 0.5 / options_.num_bootstrap);
  EXPECT_LT(p1.low, p1.second - p1.first);
  EXPECT_GT(p1.high, p1.second - p1.first);
}

TEST_F(CompareRankingsTest, TheSameRankingIsNoDifference) {
  const auto ranked = planted_.Rank(0.5, 1);
  for (const MetricDifference& one : Compare(ranked, ranked)) {
    EXPECT_EQ(one.first, one.second);
    EXPECT_EQ(one.low, 0.0);
    EXPECT_EQ(one.high, 0.0);
    EXPECT_EQ(one.better, 0.5);
  }
}

TEST_F(CompareRankingsTest, AClearlyBetterRankingIsSeenFromBothSides) {
  const auto worse = planted_.Rank(0.3, 1);
  const auto better = planted_.Rank(0.8, 2);
  const auto forth = Compare(worse, better);
  const auto back = Compare(better, worse);
  for (std::size_t i = 0; i < forth.size(); ++i) {
    EXPECT_GT(forth[i].low, 0.0);
    EXPECT_EQ(forth[i].better, 1.0);
    EXPECT_LT(back[i].high, 0.0);
    EXPECT_EQ(back[i].better, 0.0);
  }
}

TEST_F(CompareRankingsTest, WithoutSamplesTheIntervalIsThePoint) {
  options_.num_bootstrap = 0;
  const MetricDifference one = Compare(planted_.Rank(0.3, 1), planted_.Rank(0.8, 2)).front();
  EXPECT_EQ(one.low, one.second - one.first);
  EXPECT_EQ(one.high, one.low);
  EXPECT_EQ(one.better, 1.0);
}

TEST_F(CompareRankingsTest, DocumentNdcgHasTheMeanOfTheMetric) {
  const auto ranked = planted_.Rank(0.5, 1);
  for (const std::uint32_t k : {1U, 5U}) {
    const std::vector<double> values = DocumentNdcg(ranked, planted_.truth, k);
    ASSERT_EQ(values.size(), kNumDocuments);
    double sum = 0;
    for (const double value : values) {
      sum += value;
    }
    options_.ks = {k};
    const auto metrics =
        EvaluateRankings(ranked, planted_.truth, weights_, planted_.counts, options_);
    ASSERT_EQ(metrics[1].metric, Metric::kNdcg);
    EXPECT_NEAR(sum / kNumDocuments, metrics[1].value, 1e-12);
  }
}

}  // namespace
}  // namespace dashi::trainer
