#include "query/publish_gate.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "base/thread_pool.h"
#include "index/recall_probe.h"
#include "query/evaluate.h"
#include "query/top_k.h"
#include "tests/testing/tiny_database.h"

namespace dashi::query {
namespace {

using storage::EntityKind;

class PublishGateTest : public ::testing::Test {
 protected:
  void SetUp() override {
    store_ = testing::OpenStore(directory_.path());
    ASSERT_NE(store_, nullptr);
    releases_ = std::make_unique<ReleaseCache>(store_.get(), &pool_);
  }

  // Labels of words, and documents that share words with their labels.
  void AddRandomRows(int num_labels, int num_documents, const std::string& split) {
    Random random(5);
    const auto word = [&] { return " w" + std::to_string(random.Uniform(60)); };
    std::vector<std::pair<std::string, std::string>> labels;
    labels.reserve(static_cast<std::size_t>(num_labels));
    for (int i = 0; i < num_labels; ++i) {
      labels.emplace_back("L" + std::to_string(i), word() + word() + word());
    }
    std::vector<testing::TinyDocument> documents;
    documents.reserve(static_cast<std::size_t>(num_documents));
    for (int i = 0; i < num_documents; ++i) {
      const std::size_t label = random.Uniform(labels.size());
      documents.push_back({"d" + std::to_string(i),
                           labels[label].second + word(),
                           i % 2 == 0 ? "train" : split,
                           {labels[label].first}});
    }
    testing::AddRows(*store_, labels, documents);
  }

  static PublishCondition Condition(const std::string& name, GateComparison comparison,
                                    GateLimit limit, const std::string& text = "limit") {
    return {*ParseGateMetric(name), comparison, limit, text};
  }
  static GateLimit Constant(double value) { return {false, 1, value}; }
  static GateLimit Current(double factor, double offset) { return {true, factor, offset}; }

  Result<GateReport> Measure(const GateRequest& request,
                             const std::function<bool()>& cancelled = {},
                             const ProgressCallback& on_progress = {}) {
    const MeasuringControl control{"PUBLISH m", on_progress, cancelled};
    return MeasureGate(store_->NewSnapshot().value(), *store_, *releases_, request, control);
  }

  double Evaluated(std::uint32_t release, const std::string& split, const std::string& slice,
                   const std::string& metric, std::uint32_t k) {
    const auto records =
        Evaluate(*store_->NewSnapshot().value(), *releases_,
                 {"m",
                  release,
                  split,
                  {{"bootstrap", "0"}, {"k", "1,3,5"}, {"slices", "head,torso,tail,new"}}},
                 {}, {});
    EXPECT_TRUE(records.ok()) << records.status().ToString();
    for (const auto& record : records.value()) {
      if (record.slice == slice && record.metric == metric && record.k == k) {
        return record.value;
      }
    }
    ADD_FAILURE() << metric << k;
    return -1;
  }
  storage::ReleaseRecord Record(std::uint32_t number) {
    return *store_->NewSnapshot().value()->GetRelease("m", number).value();
  }
  std::uint32_t Served() {
    const auto model = store_->NewSnapshot().value()->GetModel("m").value();
    return model->published.empty() ? 0 : model->published.back();
  }

  testing::TemporaryDirectory directory_;
  std::unique_ptr<storage::Store> store_;
  ThreadPool pool_{2};
  std::unique_ptr<ReleaseCache> releases_;
};

TEST_F(PublishGateTest, RankingsAreThoseOfEvaluateForBothReleases) {
  AddRandomRows(40, 60, "valid");
  testing::AddRelease(*store_, "m", {.seed = 1});
  testing::AddRelease(*store_, "m", {.seed = 2, .ranker = 0.5});
  ASSERT_TRUE(Publish(*store_, *releases_, "m", 1).ok());
  GateRequest request{"m", 2, {}, {}};
  const std::vector<std::pair<std::string, std::string>> metrics = {
      {"p", "P"}, {"ndcg", "nDCG"}, {"psp", "PSP"}, {"recall", "R"}};
  for (const auto& [name, recorded] : metrics) {
    for (const char* k : {"1", "3", "5"}) {
      request.conditions.push_back(
          Condition(name + "@" + k, GateComparison::kAtLeast, Current(1, -0.002)));
    }
  }
  request.conditions.push_back(Condition("tail.p@1", GateComparison::kAtLeast, Current(0.5, 0)));
  const auto report = Measure(request);
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_EQ(report->split, "valid");
  EXPECT_EQ(report->num_documents, 30U);
  EXPECT_EQ(report->compared_with, 1U);
  ASSERT_EQ(report->outcomes.size(), request.conditions.size());
  std::size_t next = 0;
  for (const auto& [name, recorded] : metrics) {
    for (const std::uint32_t k : {1U, 3U, 5U}) {
      const ConditionOutcome& outcome = report->outcomes[next++];
      EXPECT_EQ(outcome.value, Evaluated(2, "valid", "all", recorded, k));
      EXPECT_EQ(outcome.current, Evaluated(1, "valid", "all", recorded, k));
      EXPECT_EQ(outcome.limit, *outcome.current - 0.002);
      EXPECT_EQ(outcome.passed, outcome.value >= outcome.limit);
    }
  }
  EXPECT_EQ(report->outcomes[next].value, Evaluated(2, "valid", "tail", "P", 1));
  EXPECT_EQ(report->outcomes[next].current, Evaluated(1, "valid", "tail", "P", 1));
  EXPECT_EQ(report->outcomes[next].limit, *report->outcomes[next].current * 0.5);
}

TEST_F(PublishGateTest, TheSplitIsValidThenTestOrTheOneThatIsNamed) {
  AddRandomRows(10, 20, "test");
  testing::AddRelease(*store_, "m");
  GateRequest request{"m", 1, {}, {Condition("p@1", GateComparison::kAtLeast, Constant(0))}};
  EXPECT_EQ(Measure(request)->split, "test");
  request.split = "train";
  EXPECT_EQ(Measure(request)->split, "train");
  request.split = "valid";
  const Status none = Measure(request).status();
  EXPECT_EQ(none.sqlstate(), "55000");
  EXPECT_NE(none.message().find("split 'valid'"), std::string_view::npos) << none.message();
  request.split.reset();
  request.conditions = {Condition("head.p@1", GateComparison::kAtLeast, Constant(0)),
                        Condition("new.p@1", GateComparison::kAtLeast, Constant(0))};
  const auto slices = Measure(request);
  // Either there are such labels, or the error names the slice that has none.
  if (!slices.ok()) {
    EXPECT_EQ(slices.status().sqlstate(), "55000");
    EXPECT_NE(slices.status().message().find("slice"), std::string_view::npos);
  }
}

TEST_F(PublishGateTest, NothingOpposesTheFirstRelease) {
  AddRandomRows(10, 20, "test");
  testing::AddRelease(*store_, "m");
  const GateRequest request{
      "m",
      1,
      {},
      {Condition("p@1", GateComparison::kMore, Current(1, 0.5), "current + 0.5"),
       Condition("size", GateComparison::kAtMost, Constant(1e9))}};
  const auto report = Measure(request);
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report->passed());
  EXPECT_TRUE(report->outcomes[0].unopposed);
  EXPECT_FALSE(report->outcomes[1].unopposed);
  EXPECT_EQ(report->compared_with, 0U);
  const auto lines = DescribeGate(request, *report);
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_NE(lines[0].find("split 'test'"), std::string::npos) << lines[0];
  EXPECT_NE(lines[1].find("no release serves"), std::string::npos) << lines[1];
}

TEST_F(PublishGateTest, ARefusalSaysWhatFailedAndByHowMuch) {
  AddRandomRows(30, 60, "test");
  testing::AddRelease(*store_, "m", {.seed = 1});
  testing::AddRelease(*store_, "m", {.seed = 2});
  ASSERT_TRUE(Publish(*store_, *releases_, "m", 1).ok());
  const GateRequest request{
      "m",
      2,
      {},
      {Condition("p@1", GateComparison::kAtLeast, Current(1, 0.5), "current + 0.5"),
       Condition("psp@5", GateComparison::kAtLeast, Constant(0), "0"),
       Condition("size", GateComparison::kLess, Constant(10), "10")}};
  const auto report = Measure(request);
  ASSERT_TRUE(report.ok());
  EXPECT_FALSE(report->passed());
  EXPECT_TRUE(report->outcomes[1].passed);
  const Status refused = RefusedByGate(request, *report);
  EXPECT_EQ(refused.sqlstate(), "55000");
  const std::string message(refused.message());
  const GateMetric p1 = request.conditions[0].metric;
  for (const std::string& part :
       {std::string("m@2 was not published"),
        "p@1 is " + FormatFigure(p1, report->outcomes[0].value),
        "must be >= " + FormatFigure(p1, report->outcomes[0].limit),
        "(current + 0.5, current " + FormatFigure(p1, *report->outcomes[0].current) + ")",
        FormatFigure(p1, report->outcomes[0].limit - report->outcomes[0].value) + " off",
        std::string("; size is "), std::string("must be < 10 B")}) {
    EXPECT_NE(message.find(part), std::string::npos) << part << " in: " << message;
  }
  EXPECT_NE(refused.hint().find("Met: psp@5 "), std::string_view::npos) << refused.hint();
  EXPECT_NE(refused.hint().find("m@1 serves as before"), std::string_view::npos);
  EXPECT_EQ(Served(), 1U);
}

TEST_F(PublishGateTest, TheReleaseThatServesIsComparedWithItself) {
  AddRandomRows(30, 60, "test");
  testing::AddRelease(*store_, "m", {.seed = 1, .hnsw = true});
  ASSERT_TRUE(Publish(*store_, *releases_, "m", 1).ok());
  GateRequest request{"m", 1, {}, {}};
  for (const char* name : {"p@1", "ann_recall@10", "latency_p50", "size"}) {
    request.conditions.push_back(Condition(name, GateComparison::kEqual, Current(1, 0)));
  }
  const auto report = Measure(request);
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report->passed());
}

TEST_F(PublishGateTest, RecallIsThatOfOneProbeOfAllQueries) {
  AddRandomRows(1500, 300, "test");
  // A text that is there a thousand times is no graph that is easy to walk.
  testing::AddRelease(*store_, "m", {.seed = 3, .hnsw = true, .dim = 8});
  const auto view = store_->NewSnapshot().value();
  const auto release = releases_->Resolve(*view, "m", 1).value();
  const std::vector<std::string> queries = ReadStoredQueries(*view).value();
  ASSERT_EQ(queries.size(), 300U);
  const std::vector<std::string_view> texts(queries.begin(), queries.end());
  std::vector<float> embeddings(queries.size() * 8);
  ASSERT_TRUE(release->encoder->EncodeBatch(texts, embeddings, pool_).ok());
  const double probed =
      index::ProbeRecall(*release->labels, {embeddings.data(), queries.size(), 8}, 10, pool_, {})
          .value();
  const GateRequest request{
      "m", 1, {}, {Condition("ann_recall@10", GateComparison::kAtLeast, Constant(0))}};
  const auto report = Measure(request);
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->num_queries, 300U);
  EXPECT_NEAR(report->outcomes[0].value, probed, 1e-12);
  // An exact index finds what it finds.
  testing::AddRelease(*store_, "m", {.seed = 3, .dim = 8});
  EXPECT_EQ(Measure({"m", 2, {}, request.conditions})->outcomes[0].value, 1.0);
}

TEST_F(PublishGateTest, LatenciesAreThoseOfEveryQuery) {
  AddRandomRows(50, 120, "test");
  testing::AddRelease(*store_, "m");
  const std::shared_ptr<const storage::View> view = store_->NewSnapshot().value();
  const auto release = releases_->Resolve(*view, "m", 1).value();
  const std::vector<std::string> queries = ReadStoredQueries(*view).value();
  const ProgressCallback on_progress;
  const std::function<bool()> cancelled;
  const auto latencies =
      MeasureLatencies(view, *releases_, *release, queries, {"test", on_progress, cancelled});
  ASSERT_TRUE(latencies.ok());
  EXPECT_EQ(latencies->size(), 120U);
  EXPECT_TRUE(std::is_sorted(latencies->begin(), latencies->end()));
  EXPECT_GT(latencies->front(), 0);
}

TEST_F(PublishGateTest, PercentilesAreNearestRanks) {
  std::vector<double> values;
  for (int i = 1; i <= 200; ++i) {
    values.push_back(i);
  }
  EXPECT_EQ(Percentile(values, 0.50), 100);
  EXPECT_EQ(Percentile(values, 0.99), 198);
  EXPECT_EQ(Percentile(std::vector<double>{7}, 0.99), 7);
  EXPECT_EQ(Percentile(std::vector<double>{7, 8}, 0.50), 7);
  EXPECT_EQ(Percentile(std::vector<double>{7, 8}, 0.99), 8);
}

TEST_F(PublishGateTest, SizeIsWhatTheReleaseLeftInTheDatabase) {
  AddRandomRows(30, 60, "test");
  testing::AddRelease(*store_, "m", {.seed = 1, .hnsw = true, .ranker = 0.5});
  const auto view = store_->NewSnapshot().value();
  const storage::ReleaseRecord record = Record(1);
  std::uint64_t bytes = (30 + 60) * (16 * 2 + 12);
  for (const std::string& name : record.weights) {
    bytes += view->GetWeights(name)->size();
  }
  const std::string file = store_->index_directory() + "/" + record.index_file;
  bytes += std::filesystem::file_size(file);
  EXPECT_EQ(MeasureBytes(*view, store_->index_directory(), record).value(), bytes);
  std::filesystem::remove(file);
  const Status missing = MeasureBytes(*view, store_->index_directory(), record).status();
  EXPECT_EQ(missing.sqlstate(), "55000");
  EXPECT_NE(missing.message().find(record.index_file), std::string_view::npos);
}

TEST_F(PublishGateTest, StoredQueriesAreSpreadOverAllDocumentsThatAreThere) {
  AddRandomRows(5, 100, "test");
  const auto transaction = store_->Begin().value();
  for (int i = 0; i < 100; i += 2) {
    ASSERT_TRUE(
        transaction
            ->DeleteRow(
                EntityKind::kDocument,
                *transaction->FindOrdinal(EntityKind::kDocument, "d" + std::to_string(i)).value())
            .ok());
  }
  ASSERT_TRUE(transaction->Commit().ok());
  const auto view = store_->NewSnapshot().value();
  // Every part of ten has five that are there.
  EXPECT_EQ(ReadStoredQueries(*view, 10)->size(), 10U);
  EXPECT_EQ(ReadStoredQueries(*view, 1000)->size(), 50U);
}

TEST_F(PublishGateTest, ACancelEndsEachMeasurementAndChangesNothing) {
  AddRandomRows(40, 400, "test");
  testing::AddRelease(*store_, "m", {.seed = 1, .hnsw = true});
  testing::AddRelease(*store_, "m", {.seed = 2, .hnsw = true});
  ASSERT_TRUE(Publish(*store_, *releases_, "m", 1).ok());
  for (const char* name : {"p@1", "ann_recall@10", "latency_p99"}) {
    const GateRequest request{
        "m", 2, {}, {Condition(name, GateComparison::kAtLeast, Current(0, 0))}};
    int polls = 0;
    std::vector<std::string> phases;
    ASSERT_TRUE(Measure(
                    request, [&] { return ++polls < 0; },
                    [&](const Progress& progress) { phases.push_back(progress.phase); })
                    .ok());
    EXPECT_FALSE(phases.empty()) << name;
    const int all = polls;
    ASSERT_GT(all, 2) << name;
    for (const int last : {1, all / 2, all}) {
      polls = 0;
      const auto report = Measure(request, [&] { return ++polls >= last; });
      EXPECT_EQ(report.status().code(), StatusCode::kCancelled) << name << " at " << last;
    }
  }
  EXPECT_EQ(Served(), 1U);
}

TEST_F(PublishGateTest, APublicationIsRefusedWhenAnotherReleaseServesByNow) {
  AddRandomRows(10, 20, "test");
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    testing::AddRelease(*store_, "m", {.seed = seed});
  }
  ASSERT_TRUE(Publish(*store_, *releases_, "m", 1).ok());
  const GateRequest request{
      "m", 3, {}, {Condition("p@1", GateComparison::kAtLeast, Current(0, 0), "0 * current")}};
  const auto report = Measure(request);
  ASSERT_TRUE(report.ok());
  const PublishBasis basis = BasisOf(request, *report);
  ASSERT_TRUE(Publish(*store_, *releases_, "m", 2).ok());
  const Status stale = Publish(*store_, *releases_, "m", 3, basis).status();
  EXPECT_EQ(stale.sqlstate(), "40001");
  EXPECT_NE(stale.message().find("m@2 serves"), std::string_view::npos) << stale.message();
  EXPECT_FALSE(stale.hint().empty());
  EXPECT_EQ(Served(), 2U);
  EXPECT_TRUE(Record(3).publications.empty());
  ASSERT_TRUE(Revert(*store_, "m").ok());
  EXPECT_TRUE(Publish(*store_, *releases_, "m", 3, basis).ok());
  EXPECT_EQ(Served(), 3U);
}

TEST_F(PublishGateTest, WhatWasMeasuredStaysWithTheRelease) {
  AddRandomRows(10, 20, "test");
  testing::AddRelease(*store_, "m", {.seed = 1});
  testing::AddRelease(*store_, "m", {.seed = 2});
  ASSERT_TRUE(Publish(*store_, *releases_, "m", 1).ok());
  const GateRequest request{
      "m",
      2,
      {},
      {Condition("p@1", GateComparison::kAtLeast, Current(0, 0), "0 * current"),
       Condition("size", GateComparison::kAtMost, Constant(1e9), "'1 GB'")}};
  const auto report = Measure(request);
  ASSERT_TRUE(report.ok());
  ASSERT_TRUE(Publish(*store_, *releases_, "m", 2, BasisOf(request, *report)).ok());
  const storage::ReleaseRecord record = Record(2);
  ASSERT_EQ(record.publications.size(), 1U);
  const storage::Publication& publication = record.publications[0];
  EXPECT_EQ(publication.replaced, 1U);
  EXPECT_EQ(publication.split, "test");
  EXPECT_GT(publication.at_micros, 0);
  EXPECT_EQ(
      publication.figures,
      (std::vector<storage::PublishedFigure>{
          {"p@1", report->outcomes[0].value, report->outcomes[0].current, "p@1 >= 0 * current"},
          {"size", report->outcomes[1].value, {}, "size <= '1 GB'"}}));
  // A release that serves stays as it is; others remember their last publications.
  ASSERT_TRUE(Publish(*store_, *releases_, "m", 2).ok());
  EXPECT_EQ(Record(2).publications.size(), 1U);
  for (int i = 0; i < 12; ++i) {
    ASSERT_TRUE(Publish(*store_, *releases_, "m", i % 2 == 0 ? 1 : 2).ok());
  }
  EXPECT_EQ(Record(1).publications.size(), 7U);
  EXPECT_EQ(Record(2).publications.size(), 7U);
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(Publish(*store_, *releases_, "m", i % 2 == 0 ? 1 : 2).ok());
  }
  EXPECT_EQ(Record(2).publications.size(), storage::kPublicationsMax);
  EXPECT_TRUE(Record(2).publications[0].figures.empty());
}

}  // namespace
}  // namespace dashi::query
