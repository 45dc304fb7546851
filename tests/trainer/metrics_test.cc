#include "trainer/evaluation/metrics.h"

#include <cmath>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/random.h"

namespace dashi::trainer {
namespace {

using Rankings = std::vector<std::vector<std::uint32_t>>;

SparseRows Rows(const std::vector<std::vector<std::uint32_t>>& rows) {
  SparseRows sparse;
  for (const auto& row : rows) {
    sparse.columns.insert(sparse.columns.end(), row.begin(), row.end());
    sparse.offsets.push_back(sparse.columns.size());
  }
  return sparse;
}

EvaluationOptions Options(std::vector<std::uint32_t> ks, std::uint32_t num_bootstrap = 0,
                          bool slices = false) {
  EvaluationOptions options;
  options.ks = std::move(ks);
  options.num_bootstrap = num_bootstrap;
  options.slices = slices;
  return options;
}

MetricValue Find(const std::vector<MetricValue>& values, Metric metric, std::uint32_t k,
                 const std::string& slice = "all") {
  for (const MetricValue& value : values) {
    if (value.metric == metric && value.k == k && value.slice == slice) {
      return value;
    }
  }
  ADD_FAILURE() << "no " << MetricName(metric) << "@" << k << " of " << slice;
  return {};
}

TEST(InversePropensitiesTest, MatchesTheGoldenValues) {
  const std::vector<std::uint64_t> counts = {1, 5, 100};
  const std::vector<double> amazon = InversePropensities(counts, 294'805, {.a = 0.6, .b = 2.6});
  EXPECT_NEAR(amazon[0], 12.594069, 1e-6);
  EXPECT_NEAR(amazon[1], 8.405071, 1e-6);
  EXPECT_NEAR(amazon[2], 2.553563, 1e-6);
  const std::vector<double> wikipedia =
      InversePropensities(counts, 1'813'391, {.a = 0.5, .b = 0.4});
  EXPECT_NEAR(wikipedia[0], 14.410709, 1e-6);
  EXPECT_NEAR(wikipedia[1], 7.828399, 1e-6);
  EXPECT_NEAR(wikipedia[2], 2.583612, 1e-6);
}

TEST(InversePropensitiesTest, IsAtLeastOneForAnyNumberOfDocuments) {
  const std::vector<std::uint64_t> counts = {0, 1, 2};
  for (const std::uint64_t num_documents : {0UL, 1UL, 2UL, 3UL}) {
    for (const double inverse : InversePropensities(counts, num_documents, {})) {
      EXPECT_GE(inverse, 1.0);
      EXPECT_TRUE(std::isfinite(inverse));
    }
  }
}

// Two documents by hand. Inverse propensities 1, 2, 3, 4, 5 for labels 0..4.
// Document 0: positives {0, 2, 4}, ranked 2 1 0 -> hit, miss, hit.
// Document 1: positives {3}, ranked 0 3 -> miss, hit, missing slot.
class EvaluateRankingsTest : public ::testing::Test {
 protected:
  const Rankings ranked_ = {{2, 1, 0}, {0, 3}};
  const SparseRows truth_ = Rows({{0, 2, 4}, {3}});
  const std::vector<double> inverse_ = {1, 2, 3, 4, 5};
  const std::vector<std::uint64_t> counts_ = {20, 9, 6, 5, 1};
};

TEST_F(EvaluateRankingsTest, MatchesHandComputedValues) {
  const auto values = EvaluateRankings(ranked_, truth_, inverse_, counts_, Options({1, 3, 5}));
  const double d2 = 1 / std::log2(3.0);
  const double d3 = 0.5;
  EXPECT_DOUBLE_EQ(Find(values, Metric::kPrecision, 1).value, (1.0 + 0.0) / 2);
  EXPECT_DOUBLE_EQ(Find(values, Metric::kPrecision, 3).value, (2.0 / 3 + 1.0 / 3) / 2);
  EXPECT_DOUBLE_EQ(Find(values, Metric::kPrecision, 5).value, (2.0 / 5 + 1.0 / 5) / 2);
  EXPECT_DOUBLE_EQ(Find(values, Metric::kRecall, 1).value, (1.0 / 3) / 2);
  EXPECT_DOUBLE_EQ(Find(values, Metric::kRecall, 3).value, (2.0 / 3 + 1.0) / 2);
  EXPECT_DOUBLE_EQ(Find(values, Metric::kNdcg, 1).value, 0.5);
  EXPECT_DOUBLE_EQ(Find(values, Metric::kNdcg, 3).value, ((1 + d3) / (1 + d2 + d3) + d2) / 2);
  // PSP: weighted hits over the best attainable, sums over documents before the ratio.
  EXPECT_DOUBLE_EQ(Find(values, Metric::kPsp, 1).value, 3.0 / (5 + 4));
  EXPECT_DOUBLE_EQ(Find(values, Metric::kPsp, 3).value, (3.0 + 1 + 4) / (5 + 3 + 1 + 4));
  EXPECT_EQ(values.size(), 12U);
  EXPECT_EQ(values[0].num_documents, 2U);
  EXPECT_EQ(values[0].low, values[0].value);
}

TEST_F(EvaluateRankingsTest, ADocumentWithoutPositivesCountsAsZero) {
  const Rankings ranked = {{2, 1, 0}, {0, 3}, {1}};
  const auto values =
      EvaluateRankings(ranked, Rows({{0, 2, 4}, {3}, {}}), inverse_, counts_, Options({1}));
  EXPECT_DOUBLE_EQ(Find(values, Metric::kPrecision, 1).value, 1.0 / 3);
  EXPECT_DOUBLE_EQ(Find(values, Metric::kRecall, 1).value, (1.0 / 3) / 3);
  EXPECT_DOUBLE_EQ(Find(values, Metric::kNdcg, 1).value, 1.0 / 3);
  EXPECT_DOUBLE_EQ(Find(values, Metric::kPsp, 1).value, 3.0 / 9);
}

TEST_F(EvaluateRankingsTest, ALabelRankedAgainIsAMiss) {
  const Rankings ranked = {{2, 2, 2}, {3, 3}};
  const auto values = EvaluateRankings(ranked, truth_, inverse_, counts_, Options({3}));
  EXPECT_DOUBLE_EQ(Find(values, Metric::kPrecision, 3).value, 1.0 / 3);
  EXPECT_DOUBLE_EQ(Find(values, Metric::kRecall, 3).value, (1.0 / 3 + 1.0) / 2);
}

TEST_F(EvaluateRankingsTest, NoDocumentsAndHugeKsGiveZerosAndSmallValues) {
  const auto none = EvaluateRankings({}, SparseRows(), inverse_, counts_, Options({1}, 100, true));
  ASSERT_EQ(none.size(), 16U);
  for (const MetricValue& value : none) {
    EXPECT_EQ(value.value, 0.0);
    EXPECT_EQ(value.high, 0.0);
    EXPECT_EQ(value.num_documents, 0U);
  }
  const auto huge = EvaluateRankings(ranked_, truth_, inverse_, counts_, Options({4'000'000'000}));
  EXPECT_DOUBLE_EQ(Find(huge, Metric::kPrecision, 4'000'000'000).value, 1.5 / 4e9);
  EXPECT_DOUBLE_EQ(Find(huge, Metric::kRecall, 4'000'000'000).value, (2.0 / 3 + 1.0) / 2);
}

TEST_F(EvaluateRankingsTest, SlicesCutTheTruthByLabelFrequency) {
  // Counts 20 9 6 5 1, 41 pairs: head = {0} (20 of 41 is below half, so 1 joins): {0, 1};
  // torso = {2}; tail = {3, 4}.
  const auto values = EvaluateRankings(ranked_, truth_, inverse_, counts_, Options({3}, 0, true));
  EXPECT_EQ(Find(values, Metric::kPrecision, 3, "head").num_documents, 1U);
  EXPECT_DOUBLE_EQ(Find(values, Metric::kPrecision, 3, "head").value, 1.0 / 3);
  EXPECT_DOUBLE_EQ(Find(values, Metric::kRecall, 3, "torso").value, 1.0);
  EXPECT_DOUBLE_EQ(Find(values, Metric::kNdcg, 3, "head").value, 0.5);
  EXPECT_EQ(Find(values, Metric::kRecall, 3, "tail").num_documents, 2U);
  EXPECT_DOUBLE_EQ(Find(values, Metric::kRecall, 3, "tail").value, 0.5);  // 4 missed, 3 found
  EXPECT_DOUBLE_EQ(Find(values, Metric::kPsp, 3, "tail").value, 4.0 / 9);
  std::vector<std::string> order;
  for (const MetricValue& value : values) {
    if (order.empty() || order.back() != value.slice) {
      order.push_back(value.slice);
    }
  }
  EXPECT_THAT(order, ::testing::ElementsAre("all", "head", "torso", "tail"));
}

TEST_F(EvaluateRankingsTest, NewLabelsAreASliceBesideThoseOfFrequency) {
  EvaluationOptions options = Options({3}, 0, true);
  options.new_labels.assign(counts_.size(), false);
  options.new_labels[2] = options.new_labels[4] = true;
  const auto values = EvaluateRankings(ranked_, truth_, inverse_, counts_, options);
  // Both belong to the first document: 2 is all of the torso and found, 4 is of the tail.
  EXPECT_EQ(Find(values, Metric::kRecall, 3, "new").num_documents, 1U);
  EXPECT_DOUBLE_EQ(Find(values, Metric::kRecall, 3, "new").value, 0.5);
  EXPECT_DOUBLE_EQ(Find(values, Metric::kRecall, 3, "torso").value, 1.0);
  EXPECT_DOUBLE_EQ(Find(values, Metric::kRecall, 3, "tail").value, 0.5);
  options.slices = false;
  const auto alone = EvaluateRankings(ranked_, truth_, inverse_, counts_, options);
  EXPECT_DOUBLE_EQ(Find(alone, Metric::kRecall, 3, "new").value, 0.5);
  EXPECT_DOUBLE_EQ(Find(alone, Metric::kRecall, 3).value, Find(values, Metric::kRecall, 3).value);
}

// A random evaluation: each document has 1 to 4 positives, about half of them ranked.
struct RandomCase {
  Rankings ranked;
  SparseRows truth;
  std::vector<std::uint64_t> counts;
  std::vector<double> inverse;
};

RandomCase MakeCase(std::size_t num_documents, std::uint32_t num_labels, Random& random) {
  RandomCase made;
  std::vector<std::vector<std::uint32_t>> truth(num_documents);
  made.counts.resize(num_labels);
  for (auto& row : truth) {
    auto label = static_cast<std::uint32_t>(random.Uniform(num_labels / 2));
    for (std::uint64_t i = 1 + random.Uniform(4); i > 0 && label < num_labels; --i) {
      row.push_back(label);
      ++made.counts[label];
      label += 1 + static_cast<std::uint32_t>(random.Uniform(num_labels / 8));
    }
    std::vector<std::uint32_t> ranking;
    for (int rank = 0; rank < 5; ++rank) {
      ranking.push_back(random.Uniform(2) == 0
                            ? row[random.Uniform(row.size())]
                            : static_cast<std::uint32_t>(random.Uniform(num_labels)));
    }
    made.ranked.push_back(ranking);
  }
  made.truth = Rows(truth);
  made.inverse = InversePropensities(made.counts, num_documents, {});
  return made;
}

TEST(BootstrapTest, IsReproducibleAndCoversTheNormalInterval) {
  Random random(3);
  const RandomCase made = MakeCase(2000, 100, random);
  EvaluationOptions options = Options({1}, 1000);
  const auto first = EvaluateRankings(made.ranked, made.truth, made.inverse, made.counts, options);
  const auto again = EvaluateRankings(made.ranked, made.truth, made.inverse, made.counts, options);
  options.seed = 2;
  const auto other = EvaluateRankings(made.ranked, made.truth, made.inverse, made.counts, options);
  bool differs = false;
  for (std::size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(first[i].low, again[i].low);
    EXPECT_EQ(first[i].high, again[i].high);
    EXPECT_EQ(first[i].value, other[i].value);
    EXPECT_LT(first[i].low, first[i].value);
    EXPECT_GT(first[i].high, first[i].value);
    differs |= first[i].low != other[i].low;
  }
  EXPECT_TRUE(differs);
  const MetricValue precision = Find(first, Metric::kPrecision, 1);
  const double half_width = 1.96 * std::sqrt(precision.value * (1 - precision.value) / 2000);
  EXPECT_NEAR(precision.high - precision.value, half_width, 0.15 * half_width);
  EXPECT_NEAR(precision.value - precision.low, half_width, 0.15 * half_width);
}

TEST(BootstrapTest, TwelveThousandDocumentsAreQuick) {
  Random random(4);
  const RandomCase made = MakeCase(12'100, 8000, random);
  const Stopwatch watch;
  const auto values = EvaluateRankings(made.ranked, made.truth, made.inverse, made.counts,
                                       Options({1, 3, 5}, 1000));
  const double seconds = watch.Seconds();
  RecordProperty("seconds", std::to_string(seconds));
  std::cout << "bootstrap of 12,100 documents: " << seconds << " s\n";
  EXPECT_EQ(values.size(), 12U);
#ifdef NDEBUG
  EXPECT_LT(seconds, 2.0);
#endif
}

}  // namespace
}  // namespace dashi::trainer
