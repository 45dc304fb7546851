#include "storage/release_retention.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace dashi::storage {
namespace {

using Numbers = std::vector<std::uint32_t>;

ModelRecord Model(Numbers published, std::uint32_t retain_releases = kRetainReleasesDefault) {
  ModelRecord model;
  model.name = "m";
  model.published = std::move(published);
  model.retain_releases = retain_releases;
  return model;
}

// The releases 1 to `last` of m, and as many of another model.
std::vector<ReleaseRecord> Releases(std::uint32_t last, const Numbers& pinned = {}) {
  std::vector<ReleaseRecord> releases;
  for (const char* model : {"another", "m"}) {
    for (std::uint32_t number = 1; number <= last; ++number) {
      ReleaseRecord& release = releases.emplace_back();
      release.model = model;
      release.number = number;
      release.pinned = std::count(pinned.begin(), pinned.end(), number) > 0;
    }
  }
  return releases;
}

JobRecord Job(std::uint64_t id, JobState state, const std::string& start) {
  JobRecord job;
  job.id = id;
  job.state = state;
  job.options["warm_start"] = start;
  return job;
}

TEST(ReleaseRetentionTest, TheListIsAsLongAsRevertMayGoBack) {
  EXPECT_EQ(RetainedReleases(Model({})), Numbers{});
  EXPECT_EQ(RetainedReleases(Model({4})), Numbers{4});
  EXPECT_EQ(RetainedReleases(Model({1, 2, 3})), (Numbers{1, 2, 3}));
  EXPECT_EQ(RetainedReleases(Model({1, 2, 3, 4, 5})), (Numbers{3, 4, 5}));
  EXPECT_EQ(RetainedReleases(Model({1, 2, 3}, 0)), Numbers{3});
  EXPECT_EQ(RetainedReleases(Model({1, 2, 3}, kRetainReleasesMax)), (Numbers{1, 2, 3}));
}

TEST(ReleaseRetentionTest, AReleaseThatWasPublishedTwiceCountsOnce) {
  EXPECT_EQ(RetainedReleases(Model({1, 2, 1, 2, 1})), (Numbers{2, 1}));
  EXPECT_EQ(RetainedReleases(Model({3, 1, 2, 2, 1})), (Numbers{3, 2, 1}));
  EXPECT_EQ(RetainedReleases(Model({3, 1, 2, 1}, 1)), (Numbers{2, 1}));
}

TEST(ReleaseRetentionTest, WhatIsOlderThanThePublishedOneAndKeptByNobodyIsGarbage) {
  const auto releases = Releases(7);
  EXPECT_EQ(GarbageReleases(Model({}), releases), Numbers{}) << "nothing is published";
  EXPECT_EQ(GarbageReleases(Model({5}), releases), (Numbers{1, 2, 3, 4}));
  EXPECT_EQ(GarbageReleases(Model({1, 3, 5}), releases), (Numbers{2, 4})) << "6 and 7 are newer";
  EXPECT_EQ(GarbageReleases(Model({1, 2, 3, 4, 5}, 1), releases), (Numbers{1, 2, 3}));
  EXPECT_EQ(GarbageReleases(Model({5}, 0), Releases(7, {2, 4})), (Numbers{1, 3}));
}

TEST(ReleaseRetentionTest, AnOldReleaseThatIsPublishedMakesOnlyOlderOnesGarbage) {
  EXPECT_EQ(GarbageReleases(Model({6, 7, 3}), Releases(7)), (Numbers{1, 2}));
}

TEST(ReleaseRetentionTest, WhatRevertLeftIsKept) {
  ModelRecord model = Model({5});
  model.reverted = {2, 6};
  EXPECT_EQ(GarbageReleases(model, Releases(7)), (Numbers{1, 3, 4}));
}

TEST(ReleaseRetentionTest, AJobKeepsItsStartAsLongAsItMayRun) {
  for (const JobState state :
       {JobState::kQueued, JobState::kRunning, JobState::kInterrupted, JobState::kPaused}) {
    const std::vector<JobRecord> jobs{Job(1, JobState::kSucceeded, "m@1"), Job(7, state, "m@1")};
    EXPECT_EQ(JobStartingFrom(jobs, "m@1"), 7U);
    EXPECT_EQ(JobStartingFrom(jobs, "m@11"), std::nullopt);
    EXPECT_EQ(StartReleases(jobs, {}), std::set<std::string>{"m@1"});
  }
  for (const JobState state : {JobState::kSucceeded, JobState::kCancelled, JobState::kFailed}) {
    std::vector<JobRecord> jobs{Job(7, state, "m@1")};
    EXPECT_EQ(JobStartingFrom(jobs, "m@1"), std::nullopt);
    EXPECT_TRUE(StartReleases(jobs, {}).empty());
    jobs[0].checkpoint = {"job-7/state"};  // RESUME JOB goes on with one that failed.
    EXPECT_EQ(JobStartingFrom(jobs, "m@1").has_value(), state == JobState::kFailed);
  }
}

TEST(ReleaseRetentionTest, AModelKeepsTheReleaseThatItsOptionsName) {
  std::vector<ModelRecord> models{Model({}), Model({})};
  models[0].options["warm_start"] = "on";
  models[1].options["warm_start"] = "other@3";
  const std::vector<JobRecord> jobs{Job(1, JobState::kQueued, "off")};
  EXPECT_EQ(StartReleases(jobs, models), std::set<std::string>{"other@3"});
}

}  // namespace
}  // namespace dashi::storage
