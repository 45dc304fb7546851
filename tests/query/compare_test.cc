#include "query/compare.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "base/thread_pool.h"
#include "query/evaluate.h"
#include "tests/testing/tiny_database.h"

namespace dashi::query {
namespace {

class CompareTest : public ::testing::Test {
 protected:
  void SetUp() override {
    store_ = testing::OpenStore(directory_.path());
    ASSERT_NE(store_, nullptr);
    releases_ = std::make_unique<ReleaseCache>(store_.get(), &pool_);
    testing::AddRows(*store_, {{"A", "alpha"}, {"B", "beta"}, {"C", "gamma"}, {"T1", "delta"}},
                     {{"t0", "alpha", "train", {"A"}},
                      {"t1", "beta", "", {"A", "B"}},
                      {"e0", "alpha", "test", {"A"}},
                      {"e1", "beta", "test", {"C"}},
                      {"T1", "delta", "test", {"C", "T1"}},
                      {"v0", "gamma", "valid", {"C"}}});
    first_ = testing::AddRelease(*store_, "m");
  }

  Result<Comparison> Run(std::uint32_t other, storage::OptionMap options,
                         const std::string& split = "test") {
    CompareRequest request{"m", first_, "m", other, split, std::move(options)};
    return Compare(*store_->NewSnapshot().value(), *releases_, request, {}, {});
  }

  testing::TemporaryDirectory directory_;
  std::unique_ptr<storage::Store> store_;
  ThreadPool pool_{2};
  std::unique_ptr<ReleaseCache> releases_;
  std::uint32_t first_ = 0;
};

TEST_F(CompareTest, ValuesAreThoseOfEvaluate) {
  bool some_document_changed = false;
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    const std::uint32_t other = testing::AddRelease(*store_, "m", {.seed = seed, .ranker = 2.0});
    const auto comparison = Run(other, {{"k", "1,2"}, {"bootstrap", "20"}});
    ASSERT_TRUE(comparison.ok()) << comparison.status().ToString();
    const auto view = store_->NewSnapshot().value();
    const storage::OptionMap options{{"k", "1,2"}, {"bootstrap", "20"}};
    const auto a = Evaluate(*view, *releases_, {"m", first_, "test", options}, {}, {});
    const auto b = Evaluate(*view, *releases_, {"m", other, "test", options}, {}, {});
    ASSERT_EQ(comparison->metrics.size(), a->size());
    double change = 0;
    for (std::size_t i = 0; i < a->size(); ++i) {
      EXPECT_EQ(comparison->metrics[i].first, (*a)[i].value);
      EXPECT_EQ(comparison->metrics[i].second, (*b)[i].value);
      EXPECT_EQ(comparison->metrics[i].k, (*a)[i].k);
      if ((*a)[i].metric == "nDCG" && (*a)[i].k == 2) {
        change = (*b)[i].value - (*a)[i].value;
      }
    }
    double sum = 0;
    for (const ChangedDocument& document : comparison->documents) {
      EXPECT_NE(document.first, document.second) << document.id;
      sum += document.second - document.first;
      some_document_changed = true;
    }
    EXPECT_NEAR(sum / 3, change, 1e-12) << "seed " << seed;
    EXPECT_EQ(comparison->k, 2U);
  }
  EXPECT_TRUE(some_document_changed);
}

TEST_F(CompareTest, AReleaseEqualsItself) {
  const auto comparison = Run(first_, {{"rows", "documents"}});
  ASSERT_TRUE(comparison.ok());
  EXPECT_TRUE(comparison->shows_documents);
  EXPECT_TRUE(comparison->documents.empty());
  for (const trainer::MetricDifference& one : comparison->metrics) {
    EXPECT_EQ(one.low, 0.0);
    EXPECT_EQ(one.high, 0.0);
  }
}

TEST_F(CompareTest, LabelsThatOneReleaseLacksAreCompared) {
  // A release made after a label was added has other index positions.
  testing::AddRows(*store_, {{"0", "omega"}}, {{"e9", "omega", "test", {"0"}}});
  const std::uint32_t other = testing::AddRelease(*store_, "m");
  const auto comparison = Run(other, {{"k", "1"}, {"documents", "1"}});
  ASSERT_TRUE(comparison.ok()) << comparison.status().ToString();
  ASSERT_EQ(comparison->documents.size(), 1U);
  EXPECT_EQ(comparison->documents[0].id, "e9");
  EXPECT_EQ(comparison->documents[0].first, 0.0);
  EXPECT_EQ(comparison->documents[0].second, 1.0);
}

TEST_F(CompareTest, BadRequestsAreRefused) {
  EXPECT_EQ(Run(99, {}).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(Run(first_, {}, "nothing").status().code(), StatusCode::kFailedPrecondition);
  EXPECT_NE(Run(first_, {{"rows", "labels"}}).status().message().find("metrics or documents"),
            std::string::npos);
  EXPECT_EQ(Run(first_, {{"documents", "0"}}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_NE(Run(first_, {{"kk", "1"}}).status().hint().find("\"k\""), std::string::npos);
}

}  // namespace
}  // namespace dashi::query
