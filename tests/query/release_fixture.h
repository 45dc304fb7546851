#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/thread_pool.h"
#include "query/publish.h"
#include "query/release_collection.h"
#include "query/top_k.h"
#include "tests/testing/tiny_database.h"

namespace dashi::query {

/// A model of untrained releases that are published, reverted, pinned and collected.
class ReleaseFixture : public ::testing::Test {
 protected:
  void SetUp() override {
    store_ = testing::OpenStore(directory_.path());
    ASSERT_NE(store_, nullptr);
    releases_ = std::make_unique<ReleaseCache>(store_.get(), &pool_);
    testing::AddRows(*store_, {{"L1", "one"}, {"L2", "two"}}, {{"d", "one two", "train", {"L1"}}});
  }

  void AddReleases(std::uint32_t last, bool hnsw = false) {
    for (std::uint32_t number = 1; number <= last; ++number) {
      ASSERT_EQ(testing::AddRelease(*store_, "m", {.seed = number, .hnsw = hnsw}), number);
    }
  }

  // PUBLISH as the statement does it. Returns what was collected.
  std::vector<std::string> PublishAndCollect(std::uint32_t number) {
    const auto published = Publish(*store_, *releases_, "m", number);
    EXPECT_TRUE(published.ok()) << published.status().ToString();
    return Collect();
  }
  std::vector<std::string> RevertAndCollect() {
    const auto reverted = Revert(*store_, "m");
    EXPECT_TRUE(reverted.ok()) << reverted.status().ToString();
    return Collect();
  }
  std::vector<std::string> Collect() {
    const CollectedReleases collected = CollectReleases(*store_, *releases_, "m");
    EXPECT_TRUE(collected.status.ok()) << collected.status.ToString();
    return collected.names;
  }

  void Retain(std::uint32_t retain_releases) {
    const auto transaction = store_->Begin().value();
    storage::ModelRecord model = Model();
    model.retain_releases = retain_releases;
    ASSERT_TRUE(transaction->PutModel(model).ok());
    ASSERT_TRUE(transaction->Commit().ok());
  }
  void Pin(std::uint32_t number, bool pinned) {
    const auto transaction = store_->Begin().value();
    storage::ReleaseRecord release = *transaction->GetRelease("m", number).value();
    release.pinned = pinned;
    ASSERT_TRUE(transaction->PutRelease(release).ok());
    ASSERT_TRUE(transaction->Commit().ok());
  }
  void PutJob(storage::JobState state, const std::string& start) {
    const auto transaction = store_->Begin().value();
    storage::JobRecord job;
    job.id = 1000;
    job.kind = "train";
    job.model = "m";
    job.state = state;
    job.options["warm_start"] = start;
    ASSERT_TRUE(transaction->PutJob(job).ok());
    ASSERT_TRUE(transaction->Commit().ok());
  }

  storage::ModelRecord Model() { return *store_->NewSnapshot().value()->GetModel("m").value(); }
  std::vector<std::uint32_t> Listed() {
    std::vector<std::uint32_t> numbers;
    const auto view = store_->NewSnapshot().value();
    const std::vector<storage::ReleaseRecord> releases = view->ListReleases().value();
    for (const storage::ReleaseRecord& release : releases) {
      numbers.push_back(release.number);
    }
    return numbers;
  }

  // The label that a release finds for "one", or the SQLSTATE.
  std::string Best(const std::shared_ptr<const storage::View>& view, ReleaseCache& releases,
                   std::uint32_t number) {
    TopKOptions options;
    options.model = "m";
    options.release = number;
    const auto cursor = OpenTopK(view, releases, "one", 1, options);
    if (!cursor.ok()) {
      return std::string(cursor.status().sqlstate());
    }
    TopKHit hit;
    const auto more = cursor.value()->Next(&hit);
    return !more.ok() ? std::string(more.status().sqlstate()) : *more ? hit.row.id : "nothing";
  }

  testing::TemporaryDirectory directory_;
  std::unique_ptr<storage::Store> store_;
  ThreadPool pool_{1};
  std::unique_ptr<ReleaseCache> releases_;
};

}  // namespace dashi::query
