#include "query/evaluate.h"

#include <map>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "base/thread_pool.h"
#include "query/top_k.h"
#include "tests/testing/tiny_database.h"

namespace dashi::query {
namespace {

using testing::TinyDocument;

class EvaluateTest : public ::testing::Test {
 protected:
  void SetUp() override {
    store_ = testing::OpenStore(directory_.path());
    ASSERT_NE(store_, nullptr);
    releases_ = std::make_unique<ReleaseCache>(store_.get(), &pool_);
    // A document whose text is a label's text ranks that label first.
    testing::AddRows(*store_, {{"A", "alpha"}, {"B", "beta"}, {"C", "gamma"}, {"T1", "delta"}},
                     {{"t0", "alpha", "train", {"A"}},
                      {"t1", "beta", "", {"A", "B"}},
                      {"C", "gamma rays", "train", {"T1"}},
                      {"e0", "alpha", "test", {"A"}},
                      {"e1", "beta", "test", {"C"}},
                      {"T1", "delta", "test", {"C", "T1"}},
                      {"e3", "alpha", "test", {}},
                      {"v0", "gamma", "valid", {"C"}}});
    testing::AddRelease(*store_, "m");
  }

  Result<std::map<std::string, double>> Run(const std::string& split, storage::OptionMap options) {
    options.emplace("bootstrap", "50");
    const auto records = Evaluate(*store_->NewSnapshot().value(), *releases_,
                                  {"m", {}, split, std::move(options)}, {}, {});
    if (!records.ok()) {
      return records.status();
    }
    std::map<std::string, double> values;
    for (const auto& record : records.value()) {
      EXPECT_LE(record.low, record.value);
      EXPECT_GE(record.high, record.value);
      values[record.metric + "@" + std::to_string(record.k)] = record.value;
      values["documents"] = static_cast<double>(record.num_documents);
    }
    return values;
  }

  testing::TemporaryDirectory directory_;
  std::unique_ptr<storage::Store> store_;
  ThreadPool pool_{2};
  std::unique_ptr<ReleaseCache> releases_;
};

TEST_F(EvaluateTest, CountsHitsOverLabelledDocumentsOfTheSplit) {
  const auto values = Run("test", {{"k", "1"}});
  ASSERT_TRUE(values.ok()) << values.status().ToString();
  EXPECT_EQ(values.value().at("documents"), 3);           // e3 has no label
  EXPECT_DOUBLE_EQ(values.value().at("P@1"), 2.0 / 3.0);  // e0 and T1 are right, e1 is not
  EXPECT_DOUBLE_EQ(values.value().at("R@1"), (1.0 + 0.0 + 0.5) / 3.0);
}

TEST_F(EvaluateTest, ReciprocalPairsLeaveRankingAndTruth) {
  // C -> T1 is a training pair, so T1 -> C is dropped for the test document T1.
  const auto values = Run("test", {{"k", "1"}, {"filter", "reciprocal"}});
  ASSERT_TRUE(values.ok());
  EXPECT_DOUBLE_EQ(values.value().at("R@1"), (1.0 + 0.0 + 1.0) / 3.0);
}

TEST_F(EvaluateTest, EveryScoreIsAvailable) {
  for (const std::string scores : {"fused", "dense", "encoder", "classifier"}) {
    const auto values = Run("test", {{"k", "1,3"}, {"scores", scores}});
    ASSERT_TRUE(values.ok()) << scores;
    EXPECT_DOUBLE_EQ(values.value().at("P@1"), 2.0 / 3.0) << scores;
  }
}

TEST_F(EvaluateTest, FusedScoresAreThoseOfTopK) {
  const std::map<std::string, std::string> texts{{"e0", "alpha"}, {"e1", "beta"}, {"T1", "delta"}};
  const std::map<std::string, std::set<std::string>> truth{
      {"e0", {"A"}}, {"e1", {"C"}}, {"T1", {"C", "T1"}}};
  std::set<double> precisions;
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    const std::uint32_t release =
        testing::AddRelease(*store_, "m", {.seed = seed, .ranker = 2.0, .votes = 0.5});
    double hits = 0;
    for (const auto& [id, text] : texts) {
      const auto cursor =
          OpenTopK(store_->NewSnapshot().value(), *releases_, text, 1, {"m", release, 0, true});
      TopKHit hit;
      ASSERT_TRUE(cursor.value()->Next(&hit).value());
      hits += truth.at(id).contains(hit.row.id) ? 1 : 0;
    }
    const auto ranked = Run("test", {{"k", "1"}});
    const auto dense = Run("test", {{"k", "1"}, {"scores", "dense"}});
    ASSERT_TRUE(ranked.ok() && dense.ok());
    EXPECT_DOUBLE_EQ(ranked.value().at("P@1"), hits / 3) << "seed " << seed;
    EXPECT_DOUBLE_EQ(dense.value().at("P@1"), 2.0 / 3.0) << "seed " << seed;
    precisions.insert(hits);
  }
  EXPECT_GT(precisions.size(), 1U);  // The ranker changed something.
}

TEST_F(EvaluateTest, NullSplitIsTrain) {
  const auto values = Run("train", {{"k", "1"}});
  ASSERT_TRUE(values.ok());
  EXPECT_EQ(values.value().at("documents"), 3);
}

TEST_F(EvaluateTest, NewLabelsAreThoseWithoutATrainingDocumentInTheRelease) {
  // C has none; N comes after the release, and has one by then.
  testing::AddRows(*store_, {{"N", "beta alpha"}},
                   {{"later", "beta alpha", "train", {"N"}}, {"e4", "beta alpha", "test", {"N"}}});
  const auto records =
      Evaluate(*store_->NewSnapshot().value(), *releases_,
               {"m", {}, "test", {{"k", "1"}, {"slices", "head,torso,tail,new"}}}, {}, {});
  ASSERT_TRUE(records.ok()) << records.status().ToString();
  std::map<std::string, const storage::EvaluationRecord*> precision;
  for (const auto& record : *records) {
    if (record.metric == "P") {
      precision[record.slice] = &record;
    }
  }
  ASSERT_TRUE(precision.contains("new"));
  EXPECT_EQ(precision.size(), 5U);
  EXPECT_EQ(precision["all"]->num_documents, 4U);
  // e1 and T1 want C and find something else; e4 finds N.
  EXPECT_EQ(precision["new"]->num_documents, 3U);
  EXPECT_DOUBLE_EQ(precision["new"]->value, 1.0 / 3.0);
}

TEST_F(EvaluateTest, BadRequestsAreRefused) {
  EXPECT_EQ(Run("nowhere", {}).status().code(), StatusCode::kFailedPrecondition);
  for (const auto& [name, value] : storage::OptionMap{{"k", "0"},
                                                      {"filter", "x"},
                                                      {"scores", "both"},
                                                      {"bootstrap", "-1"},
                                                      {"slices", "some"},
                                                      {"sed", "1"}}) {
    EXPECT_EQ(Evaluate(*store_->NewSnapshot().value(), *releases_,
                       {"m", {}, "test", {{name, value}}}, {}, {})
                  .status()
                  .code(),
              StatusCode::kInvalidArgument)
        << name;
  }
  EXPECT_EQ(Evaluate(*store_->NewSnapshot().value(), *releases_, {"x", {}, "test", {}}, {}, {})
                .status()
                .code(),
            StatusCode::kNotFound);
  EXPECT_EQ(Evaluate(*store_->NewSnapshot().value(), *releases_, {"m", {}, "test", {}}, {},
                     [] { return true; })
                .status()
                .code(),
            StatusCode::kCancelled);
}

}  // namespace
}  // namespace dashi::query
