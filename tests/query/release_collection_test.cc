#include "query/release_collection.h"

#include <atomic>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "query/publish.h"
#include "query/top_k.h"
#include "storage/release_retention.h"
#include "tests/query/release_fixture.h"

namespace dashi::query {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;
using Numbers = std::vector<std::uint32_t>;

class ReleaseCollectionTest : public ReleaseFixture {};

TEST_F(ReleaseCollectionTest, PublishDropsWhatIsOlderThanWhatRevertMayGoBackTo) {
  AddReleases(6, /*hnsw=*/true);
  EXPECT_EQ(PublishAndCollect(2), Names{"m@1"}) << "it never was published";
  EXPECT_EQ(PublishAndCollect(3), Names{});
  EXPECT_EQ(PublishAndCollect(4), Names{});
  EXPECT_EQ(PublishAndCollect(5), Names{"m@2"});
  EXPECT_EQ(Listed(), (Numbers{3, 4, 5, 6}));
  EXPECT_EQ(Model().published, (Numbers{3, 4, 5}));
  EXPECT_FALSE(Model().has_garbage);
  std::size_t num_index_files = 0;
  for (const auto& file : fs::directory_iterator(store_->index_directory())) {
    static_cast<void>(file);
    ++num_index_files;
  }
  EXPECT_EQ(num_index_files, 4U);
  EXPECT_EQ(RevertAndCollect(), Names{});
  EXPECT_EQ(RevertAndCollect(), Names{});
  const Status refused = Revert(*store_, "m").status();
  EXPECT_EQ(refused.sqlstate(), "55000");
  EXPECT_NE(refused.hint().find("retain_releases"), std::string_view::npos) << refused.hint();
  EXPECT_EQ(Listed(), (Numbers{3, 4, 5, 6})) << "newer ones are candidates again";
  const auto view = store_->NewSnapshot().value();
  EXPECT_EQ(Best(view, *releases_, 3), "L1");
  EXPECT_EQ(Best(view, *releases_, 2), "42704");
}

TEST_F(ReleaseCollectionTest, TheModelSaysHowManyStay) {
  AddReleases(5);
  Retain(0);
  EXPECT_EQ(PublishAndCollect(1), Names{});
  EXPECT_EQ(PublishAndCollect(2), Names{"m@1"});
  EXPECT_EQ(Revert(*store_, "m").status().sqlstate(), "55000");
  Retain(3);
  for (const std::uint32_t number : {3U, 4U, 5U}) {
    EXPECT_EQ(PublishAndCollect(number), Names{});
  }
  Retain(1);
  EXPECT_EQ(RevertAndCollect(), (Names{"m@2", "m@3"})) << "one less is kept, and is used up";
  EXPECT_EQ(Model().published, Numbers{4});
  EXPECT_EQ(Listed(), (Numbers{4, 5}));
}

TEST_F(ReleaseCollectionTest, AnOldReleaseThatIsPublishedAgainComesBackWithRevert) {
  AddReleases(5);
  for (const std::uint32_t number : {3U, 4U, 5U}) {
    PublishAndCollect(number);
  }
  EXPECT_EQ(PublishAndCollect(3), Names{}) << "4 and 5 are newer";
  EXPECT_EQ(Model().published, (Numbers{4, 5, 3}));
  EXPECT_EQ(RevertAndCollect(), Names{}) << "what REVERT leaves stays, though it is older";
  EXPECT_EQ(Model().published, (Numbers{4, 5}));
  EXPECT_EQ(Listed(), (Numbers{3, 4, 5}));
  EXPECT_EQ(PublishAndCollect(3), Names{});
  EXPECT_EQ(RevertAndCollect(), Names{});
  EXPECT_EQ(PublishAndCollect(4), Names{"m@3"}) << "until the next PUBLISH";
}

TEST_F(ReleaseCollectionTest, APinKeepsARelease) {
  AddReleases(5);
  Pin(1, true);
  Pin(2, true);
  Retain(0);
  EXPECT_EQ(PublishAndCollect(4), Names{"m@3"});
  Pin(2, false);
  EXPECT_EQ(Listed(), (Numbers{1, 2, 4, 5})) << "UNPIN drops nothing itself";
  EXPECT_EQ(PublishAndCollect(4), Names{"m@2"}) << "publishing the same again collects too";
  EXPECT_EQ(Listed(), (Numbers{1, 4, 5}));
  EXPECT_EQ(PublishAndCollect(1), Names{}) << "a pinned one may be published";
}

TEST_F(ReleaseCollectionTest, WhatAJobStartsFromIsKept) {
  AddReleases(4);
  Retain(0);
  PutJob(storage::JobState::kRunning, "m@1");
  EXPECT_EQ(PublishAndCollect(3), Names{"m@2"});
  EXPECT_TRUE(Model().has_garbage);
  EXPECT_EQ(Listed(), (Numbers{1, 3, 4}));
  PutJob(storage::JobState::kSucceeded, "m@1");
  EXPECT_EQ(Collect(), Names{"m@1"});
  EXPECT_FALSE(Model().has_garbage);
}

TEST_F(ReleaseCollectionTest, AProcessThatDiesBeforeItLeavesItToTheNextOpen) {
  AddReleases(4);
  Retain(0);
  ASSERT_TRUE(Publish(*store_, *releases_, "m", 4).ok());
  EXPECT_EQ(Listed(), (Numbers{1, 2, 3, 4}));
  EXPECT_TRUE(Model().has_garbage);
  releases_.reset();
  store_.reset();
  store_ = testing::OpenStore(directory_.path());
  EXPECT_EQ(Listed(), Numbers{4});
  EXPECT_FALSE(Model().has_garbage);
  releases_ = std::make_unique<ReleaseCache>(store_.get(), &pool_);
  EXPECT_EQ(Best(store_->NewSnapshot().value(), *releases_, 4), "L1");
}

TEST_F(ReleaseCollectionTest, AStatementThatUsesAReleaseGoesOn) {
  AddReleases(2, /*hnsw=*/true);
  Retain(0);
  ASSERT_EQ(PublishAndCollect(1), Names{});
  const std::shared_ptr<const storage::View> view = store_->NewSnapshot().value();
  auto cursor = OpenTopK(view, *releases_, "one", 2, {});
  auto nearest = OpenNearest(view, *releases_, "documents", "one", 1, {});
  ASSERT_TRUE(cursor.ok());
  ASSERT_TRUE(nearest.ok());
  TopKHit hit;
  ASSERT_TRUE(cursor.value()->Next(&hit).value());
  EXPECT_EQ(hit.row.id, "L1");
  ASSERT_EQ(PublishAndCollect(2), Names{"m@1"});
  EXPECT_EQ(cursor.value()->release().Name(), "m@1");
  ASSERT_TRUE(cursor.value()->Next(&hit).value());
  EXPECT_EQ(hit.row.id, "L2");
  ASSERT_TRUE(nearest.value()->Next(&hit).value());
  EXPECT_EQ(hit.row.id, "d");
  // A statement that looked before, and loads the release only now.
  ReleaseCache empty(store_.get(), &pool_);
  EXPECT_EQ(Best(view, empty, 1), "L1");
  EXPECT_TRUE(OpenNearest(view, empty, "documents", "one", 1, {}).ok());
  const auto now = store_->NewSnapshot().value();
  EXPECT_EQ(Best(now, empty, 1), "42704");
  EXPECT_EQ(Best(now, *releases_, 1), "42704");
}

TEST_F(ReleaseCollectionTest, QueriesBesideACollectionFindTheReleaseWholeOrNotAtAll) {
  constexpr std::uint32_t kLast = 12;
  AddReleases(kLast, /*hnsw=*/true);
  Retain(0);
  ASSERT_EQ(PublishAndCollect(1), Names{});
  std::atomic<std::uint32_t> published = 1;
  std::atomic<std::uint64_t> num_queries = 0;
  std::atomic<bool> stop = false;
  constexpr int kNumThreads = 2;
  std::vector<std::thread> threads;
  threads.reserve(kNumThreads);
  for (int i = 0; i < kNumThreads; ++i) {
    threads.emplace_back([&] {
      ReleaseCache own(store_.get(), &pool_);
      while (!stop) {
        const std::uint32_t number = published;
        ReleaseCache& releases = num_queries % 2 == 0 ? own : *releases_;
        const std::shared_ptr<const storage::View> view = store_->NewSnapshot().value();
        const std::string best = Best(view, releases, number);
        const bool there = view->GetRelease("m", number).value().has_value();
        EXPECT_EQ(best, there ? "L1" : "42704") << number;
        ++num_queries;
        num_queries.notify_all();
      }
    });
  }
  for (std::uint32_t number = 2; number <= kLast; ++number) {
    num_queries.wait(num_queries);
    EXPECT_EQ(PublishAndCollect(number), Names{storage::ReleaseName("m", number - 1)});
    published = number;
  }
  stop = true;
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(Listed(), Numbers{kLast});
}

}  // namespace
}  // namespace dashi::query
