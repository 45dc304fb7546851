#include "query/publish.h"

#include <string>

#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/thread_pool.h"
#include "query/top_k.h"
#include "tests/testing/tiny_database.h"

namespace dashi::query {
namespace {

class PublishTest : public ::testing::Test {
 protected:
  void SetUp() override {
    store_ = testing::OpenStore(directory_.path());
    ASSERT_NE(store_, nullptr);
    testing::AddRows(*store_, {{"L1", "one"}, {"L2", "two"}}, {});
  }

  std::string Served(ReleaseCache& releases) {
    const auto view = store_->NewSnapshot().value();
    const auto release = releases.Resolve(*view, "m", {});
    return release.ok() ? release.value()->Name() : std::string(release.status().sqlstate());
  }

  testing::TemporaryDirectory directory_;
  std::unique_ptr<storage::Store> store_;
  ThreadPool pool_{1};
};

TEST_F(PublishTest, PublishThenRevertGoesBackOneRelease) {
  ReleaseCache releases(store_.get(), &pool_);
  EXPECT_EQ(testing::AddRelease(*store_, "m", {.seed = 1}), 1U);
  EXPECT_EQ(testing::AddRelease(*store_, "m", {.seed = 2}), 2U);
  EXPECT_EQ(Served(releases), "55000");
  EXPECT_EQ(Publish(*store_, releases, "m", 1).value(), 1U);
  EXPECT_EQ(Served(releases), "m@1");
  EXPECT_EQ(Publish(*store_, releases, "m", {}).value(), 2U);
  EXPECT_EQ(Publish(*store_, releases, "m", 2).value(), 2U);
  EXPECT_EQ(Served(releases), "m@2");
  EXPECT_EQ(Revert(*store_, "m").value(), 1U);
  EXPECT_EQ(Served(releases), "m@1");
  EXPECT_EQ(Revert(*store_, "m").status().code(), StatusCode::kFailedPrecondition);
}

TEST_F(PublishTest, ThePublishedReleaseSurvivesAReopen) {
  {
    ReleaseCache releases(store_.get(), &pool_);
    testing::AddRelease(*store_, "m", {.seed = 1});
    ASSERT_TRUE(Publish(*store_, releases, "m", 1).ok());
  }
  store_.reset();
  store_ = testing::OpenStore(directory_.path());
  ReleaseCache releases(store_.get(), &pool_);
  EXPECT_EQ(Served(releases), "m@1");
}

// Does not move: every opening of a follower takes no time by it, so that it follows each commit.
class StillClock : public Clock {
 public:
  std::int64_t NowMicros() const override { return 0; }
  std::int64_t MonotonicMicros() const override { return 0; }
};

TEST_F(PublishTest, AFollowerServesWhatTheWriterPublishes) {
  const StillClock clock;
  storage::StoreOptions options;
  options.read_only = true;
  options.follow = true;
  options.clock = &clock;
  auto follower = storage::Store::Open(directory_.path(), options);
  ASSERT_TRUE(follower.ok()) << follower.status().ToString();
  ReleaseCache followed(follower.value().get(), &pool_);
  const auto served = [&] {
    const auto view = follower.value()->NewSnapshot().value();
    const auto release = followed.Resolve(*view, "m", {});
    return release.ok() ? release.value()->Name() : release.status().ToString();
  };
  ReleaseCache releases(store_.get(), &pool_);
  for (const std::uint32_t number : {1U, 2U, 3U}) {
    // Each release has a column family of its own, made after the follower was opened.
    ASSERT_EQ(testing::AddRelease(*store_, "m", {.seed = number, .hnsw = true}), number);
    ASSERT_TRUE(Publish(*store_, releases, "m", number).ok());
    EXPECT_EQ(served(), "m@" + std::to_string(number));
  }
  ASSERT_TRUE(Revert(*store_, "m").ok());
  EXPECT_EQ(served(), "m@2");
}

TEST_F(PublishTest, WhatCannotServeIsRefused) {
  ReleaseCache releases(store_.get(), &pool_);
  EXPECT_EQ(Publish(*store_, releases, "m", 1).status().code(), StatusCode::kNotFound);
  testing::AddRelease(*store_, "m", {.seed = 1});
  EXPECT_EQ(Publish(*store_, releases, "m", 9).status().code(), StatusCode::kNotFound);
  const auto release = store_->NewSnapshot().value()->GetRelease("m", 1).value();
  ASSERT_TRUE(store_->DeleteWeights(release->weights[0]).ok());
  const Status refused = Publish(*store_, releases, "m", 1).status();
  EXPECT_FALSE(refused.ok());
  EXPECT_NE(refused.message().find(release->weights[0]), std::string_view::npos)
      << refused.message();
  EXPECT_EQ(Served(releases), "55000");
}

TEST_F(PublishTest, ATruncatedWeightsBlobIsRefused) {
  ReleaseCache releases(store_.get(), &pool_);
  testing::AddRelease(*store_, "m", {.seed = 1});
  const auto view = store_->NewSnapshot().value();
  const auto release = view->GetRelease("m", 1).value();
  const std::string bytes = view->GetWeights(release->weights[0]).value();
  ASSERT_TRUE(store_->PutWeights(release->weights[0], bytes.substr(0, bytes.size() / 2)).ok());
  EXPECT_EQ(Publish(*store_, releases, "m", 1).status().code(), StatusCode::kCorruption);
}

TEST_F(PublishTest, ARunningStatementKeepsItsRelease) {
  ReleaseCache releases(store_.get(), &pool_);
  testing::AddRelease(*store_, "m", {.seed = 1});
  testing::AddRelease(*store_, "m", {.seed = 2});
  ASSERT_TRUE(Publish(*store_, releases, "m", 1).ok());
  const std::shared_ptr<const storage::View> view = store_->NewSnapshot().value();
  auto cursor = OpenTopK(view, releases, "one", 2, {});
  ASSERT_TRUE(cursor.ok());
  ASSERT_TRUE(Publish(*store_, releases, "m", 2).ok());
  EXPECT_EQ(cursor.value()->release().Name(), "m@1");
  EXPECT_EQ(Served(releases), "m@2");
  EXPECT_EQ(OpenTopK(view, releases, "one", 2, {}).value()->release().Name(), "m@1");
}

}  // namespace
}  // namespace dashi::query
