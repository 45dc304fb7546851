#include "query/publish_condition.h"

#include <string>

#include <gtest/gtest.h>

namespace dashi::query {
namespace {

TEST(PublishConditionTest, EveryMetricIsReadFromItsName) {
  for (const auto& [name, ranking] : {std::pair{"p@1", trainer::Metric::kPrecision},
                                      {"ndcg@3", trainer::Metric::kNdcg},
                                      {"psp@5", trainer::Metric::kPsp},
                                      {"recall@10", trainer::Metric::kRecall},
                                      {"r@1000", trainer::Metric::kRecall}}) {
    const auto metric = ParseGateMetric(name);
    ASSERT_TRUE(metric.ok()) << name;
    EXPECT_EQ(metric->kind, GateMetric::Kind::kRanking);
    EXPECT_EQ(metric->ranking, ranking);
    EXPECT_EQ(metric->slice, "all");
    EXPECT_EQ(metric->name, name);
  }
  const auto tail = ParseGateMetric("tail.psp@5");
  ASSERT_TRUE(tail.ok());
  EXPECT_EQ(tail->slice, "tail");
  EXPECT_EQ(tail->k, 5U);
  EXPECT_EQ(ParseGateMetric("ann_recall@10")->kind, GateMetric::Kind::kRecall);
  EXPECT_EQ(ParseGateMetric("latency_p99")->share, 0.99);
  EXPECT_EQ(ParseGateMetric("latency_p50")->share, 0.50);
  EXPECT_EQ(ParseGateMetric("size")->kind, GateMetric::Kind::kSize);
}

TEST(PublishConditionTest, AnUnknownMetricNamesTheNearest) {
  for (const auto& [name, nearest] : {std::pair{"psb@5", "psp@5"},
                                      {"ndgc@3", "ndcg@3"},
                                      {"latency_p95", "latency_p9"},
                                      {"ann_recall@5", "ann_recall@10"},
                                      {"tayl.psp@5", "tail.psp@5"},
                                      {"sizes", "size"}}) {
    const Status status = ParseGateMetric(name).status();
    EXPECT_EQ(status.sqlstate(), "22023") << name;
    EXPECT_NE(status.message().find(name), std::string_view::npos);
    EXPECT_NE(status.hint().find(std::string("Perhaps you meant \"") + nearest),
              std::string_view::npos)
        << name << ": " << status.hint();
  }
  EXPECT_NE(ParseGateMetric("quality").status().hint().find("latency_p50, latency_p99, size"),
            std::string_view::npos);
  for (const char* name : {"p@0", "p@1001", "p", "", "@1", "p@", "p@1x", "tail.", "tail.size",
                           "a.b.p@1", "latency_p99@1"}) {
    EXPECT_FALSE(ParseGateMetric(name).ok()) << name;
  }
}

TEST(PublishConditionTest, QuantitiesHaveTheirUnits) {
  const GateMetric latency = *ParseGateMetric("latency_p99");
  const GateMetric size = *ParseGateMetric("size");
  const GateMetric share = *ParseGateMetric("p@1");
  EXPECT_DOUBLE_EQ(*ParseGateNumber(latency, "5 ms", true), 5);
  EXPECT_DOUBLE_EQ(*ParseGateNumber(latency, "0.25s", true), 250);
  EXPECT_DOUBLE_EQ(*ParseGateNumber(latency, "800 us", true), 0.8);
  EXPECT_DOUBLE_EQ(*ParseGateNumber(size, "1.3 GB", true), 1.3e9);
  EXPECT_DOUBLE_EQ(*ParseGateNumber(size, "2 MiB", true), 2.0 * 1024 * 1024);
  EXPECT_DOUBLE_EQ(*ParseGateNumber(size, "1000", false), 1000);
  EXPECT_DOUBLE_EQ(*ParseGateNumber(share, "0.95", false), 0.95);
  const auto refused = [](const GateMetric& metric, const char* text, bool quoted) {
    const Status status = ParseGateNumber(metric, text, quoted).status();
    return status.sqlstate() == "22023" &&
           status.message().find(metric.name) != std::string_view::npos;
  };
  EXPECT_TRUE(refused(latency, "5", false));
  EXPECT_TRUE(refused(latency, "5", true));
  EXPECT_TRUE(refused(latency, "5 MB", true));
  EXPECT_TRUE(refused(latency, "ms", true));
  EXPECT_TRUE(refused(latency, "-5 ms", true));
  EXPECT_TRUE(refused(size, "5 ms", true));
  EXPECT_TRUE(refused(size, "0x10", false));
  EXPECT_TRUE(refused(share, "0.95", true));
  EXPECT_TRUE(refused(share, "1e999", false));
}

TEST(PublishConditionTest, FiguresAreWrittenWithTheirUnits) {
  EXPECT_EQ(FormatFigure(*ParseGateMetric("p@1"), 0.61234), "0.6123");
  EXPECT_EQ(FormatFigure(*ParseGateMetric("latency_p50"), 4.2), "4.200 ms");
  EXPECT_EQ(FormatFigure(*ParseGateMetric("size"), 999), "999 B");
  EXPECT_EQ(FormatFigure(*ParseGateMetric("size"), 12'345'678), "12.346 MB");
  EXPECT_EQ(FormatFigure(*ParseGateMetric("size"), 1.3e9), "1.300 GB");
}

TEST(PublishConditionTest, ComparisonsHoldAsTheirSignsSay) {
  EXPECT_TRUE(Holds(1, GateComparison::kAtLeast, 1));
  EXPECT_FALSE(Holds(1, GateComparison::kMore, 1));
  EXPECT_TRUE(Holds(1, GateComparison::kAtMost, 1));
  EXPECT_FALSE(Holds(1, GateComparison::kLess, 1));
  EXPECT_TRUE(Holds(1, GateComparison::kEqual, 1));
  EXPECT_FALSE(Holds(2, GateComparison::kEqual, 1));
  EXPECT_TRUE(Holds(2, GateComparison::kMore, 1));
  EXPECT_FALSE(Holds(2, GateComparison::kAtMost, 1));
}

}  // namespace
}  // namespace dashi::query
