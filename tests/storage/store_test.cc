#include "storage/store.h"

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/storage/child_process.h"
#include "tests/storage/store_fixture.h"

namespace dashi::storage {
namespace {

namespace fs = std::filesystem;

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class StoreTest : public StoreFixture {
 protected:
  Status OpenError(const StoreOptions& options = {}) {
    return Store::Open(directory(), options).status();
  }
  void WriteFile(const std::string& name, const std::string& text) const {
    fs::create_directories(fs::path(directory() + "/" + name).parent_path());
    std::ofstream(directory() + "/" + name, std::ios::binary) << text;
  }
  std::set<std::string> Names(const std::string& folder = "") const {
    std::set<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(directory() + "/" + folder)) {
      names.insert(entry.path().string().substr(directory().size() + 1));
    }
    return names;
  }
};

TEST_F(StoreTest, CreatesADatabaseAndFindsItAgain) {
  Open();
  EXPECT_EQ(store().directory(), directory());
  EXPECT_TRUE(fs::is_directory(store().index_directory()));
  EXPECT_FALSE(store().read_only());
  Insert(EntityKind::kLabel, "a", "alpha");
  Open();
  EXPECT_THAT(Rows(*Snapshot(), EntityKind::kLabel), ElementsAre("a=alpha"));
}

TEST_F(StoreTest, ADirectoryGivenWithATrailingSlashIsTheSame) {
  Open();
  Insert(EntityKind::kLabel, "a");
  Close();
  auto opened = Store::Open(directory() + "//", {});
  ASSERT_OK(opened);
  EXPECT_EQ(opened.value()->directory(), directory());
}

TEST_F(StoreTest, AnAbsentDatabaseIsNotFoundWhenItMayNotBeCreated) {
  StoreOptions options;
  options.create_if_missing = false;
  EXPECT_EQ(OpenError(options).code(), StatusCode::kNotFound);
  EXPECT_FALSE(fs::exists(directory()));
  options.create_if_missing = true;
  options.read_only = true;
  EXPECT_EQ(OpenError(options).code(), StatusCode::kNotFound);
  EXPECT_FALSE(fs::exists(directory()));
}

TEST_F(StoreTest, ADirectoryOfSomethingElseIsRefusedAndNotTouched) {
  WriteFile("notes.txt", "hello");
  const Status status = OpenError();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("no file DASHI"));
  EXPECT_THAT(Names(), ElementsAre("notes.txt"));
}

TEST_F(StoreTest, AFileIsNoDatabase) {
  std::ofstream(directory()) << "x";
  const Status status = OpenError();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("not a directory"));
  fs::remove(directory());
}

TEST_F(StoreTest, ForeignTablesInADataFolderAreNotTakenForAnUnfinishedCreation) {
  WriteFile("data/000007.sst", "precious");
  EXPECT_EQ(OpenError().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(Names(), ElementsAre("data", "data/000007.sst"));
}

TEST_F(StoreTest, AnUnfinishedCreationIsFinished) {
  fs::create_directories(directory() + "/data");
  fs::create_directories(directory() + "/tmp");
  WriteFile("DASHI.new", "dashi");
  Open();
  Insert(EntityKind::kLabel, "a");
  Close();
  // Cut off after RocksDB's files were made, before the marker.
  fs::remove(directory() + "/DASHI");
  fs::remove(directory() + "/commit.watermark");
  Open();
  EXPECT_TRUE(fs::exists(directory() + "/DASHI"));
}

TEST_F(StoreTest, ALostCurrentFileIsDamageAndNothingIsCreatedInItsPlace) {
  Open();
  Insert(EntityKind::kLabel, "a");
  Close();
  fs::remove(directory() + "/data/CURRENT");
  const std::set<std::string> before = Names();
  const Status status = OpenError();
  EXPECT_EQ(status.code(), StatusCode::kCorruption);
  EXPECT_THAT(std::string(status.message()), HasSubstr("data/CURRENT"));
  EXPECT_EQ(Names(), before);
}

TEST_F(StoreTest, ANewerMajorFormatIsRefusedWithBothNumbers) {
  Open();
  Close();
  WriteFile("DASHI", "dashi database\nformat 2.7\n");
  const Status status = OpenError();
  EXPECT_EQ(status.code(), StatusCode::kUnimplemented);
  EXPECT_EQ(status.sqlstate(), "0A000");
  EXPECT_THAT(std::string(status.message()), HasSubstr("database 2.7, program 1.0"));
}

TEST_F(StoreTest, ANewerMinorFormatOpens) {
  Open();
  Close();
  WriteFile("DASHI", "dashi database\nformat 1.9\n");
  Open();
}

TEST_F(StoreTest, ADamagedMarkerIsDamage) {
  Open();
  Close();
  for (const char* text :
       {"", "dashi", "dashi database\nformat x\n", "dashi database\nformat 1.0"}) {
    WriteFile("DASHI", text);
    EXPECT_EQ(OpenError().code(), StatusCode::kCorruption) << text;
  }
}

TEST_F(StoreTest, ASecondOpenInTheSameProcessIsRefused) {
  Open();
  const Status status = OpenError();
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_EQ(status.sqlstate(), "55006");
}

TEST_F(StoreTest, ASecondProcessIsRefusedWithAHint) {
  Open();
  const ChildOutcome child =
      RunTestInChild("StoreChild.DISABLED_Opens", {{"STORE_CHILD_DIRECTORY", directory()}});
  EXPECT_EQ(child.exit_status, 0) << child.output;
  EXPECT_THAT(child.output, HasSubstr("is open in another process"));
  EXPECT_THAT(child.output, HasSubstr("|55006|"));
  EXPECT_THAT(child.output, HasSubstr("read-only"));
}

TEST(StoreChild, DISABLED_Opens) {
  const char* directory = std::getenv("STORE_CHILD_DIRECTORY");
  ASSERT_NE(directory, nullptr);
  const Status status = Store::Open(directory, {}).status();
  std::cout << status.ToString() << "|" << status.sqlstate() << "|" << status.hint() << "\n";
}

TEST_F(StoreTest, ReadOnlyReadsAndRefusesEveryWrite) {
  Open();
  const Ordinal ordinal = Insert(EntityKind::kDocument, "d", "text");
  Close();
  const std::set<std::string> before = Names();
  StoreOptions options;
  options.read_only = true;
  Open(options);
  EXPECT_TRUE(store().read_only());
  auto view = Snapshot();
  EXPECT_EQ(Find(*view, EntityKind::kDocument, "d"), ordinal);
  EXPECT_THAT(Rows(*view, EntityKind::kDocument), ElementsAre("d=text"));
  EXPECT_EQ(view->EstimateRows(EntityKind::kDocument).value(), 1U);
  EXPECT_EQ(view->CommitSequence().value(), 1U);
  EXPECT_EQ(store().Begin().status().sqlstate(), "25006");
  EXPECT_EQ(store().BeginRowLoad(EntityKind::kLabel, DuplicatePolicy::kFail).status().sqlstate(),
            "25006");
  EXPECT_EQ(store().BeginRelevanceLoad(DuplicatePolicy::kFail).status().sqlstate(), "25006");
  EXPECT_EQ(store().PutWeights("w", "x").sqlstate(), "25006");
  EXPECT_EQ(store().DeleteWeights("w").sqlstate(), "25006");
  EXPECT_EQ(store().NewEmbeddingVersion(1, 4).status().sqlstate(), "25006");
  EXPECT_EQ(store().DropEmbeddingVersion(1).sqlstate(), "25006");
  view.reset();
  Close();
  EXPECT_EQ(Names(), before);
}

TEST_F(StoreTest, ReadOnlyOpensBesideAWriter) {
  Open();
  Insert(EntityKind::kLabel, "a", "alpha");
  StoreOptions options;
  options.read_only = true;
  auto reader = Store::Open(directory(), options);
  ASSERT_OK(reader);
  auto view = reader.value()->NewSnapshot();
  ASSERT_OK(view);
  EXPECT_THAT(Rows(*view.value(), EntityKind::kLabel), ElementsAre("a=alpha"));
}

TEST_F(StoreTest, JobsThatWereRunningAreInterruptedAtTheNextOpen) {
  Open();
  auto transaction = Begin();
  for (const JobState state : {JobState::kQueued, JobState::kRunning, JobState::kSucceeded,
                               JobState::kFailed, JobState::kCancelled, JobState::kPaused}) {
    JobRecord job;
    job.id = transaction->NextId("job").value();
    job.state = state;
    ASSERT_OK(transaction->PutJob(job));
  }
  ASSERT_OK(transaction->Commit());
  transaction.reset();
  StoreOptions options;
  options.read_only = true;
  Open(options);
  EXPECT_EQ(Snapshot()->GetJob(2).value()->state, JobState::kRunning);
  Open();
  std::vector<JobState> states;
  const std::vector<JobRecord> jobs = Snapshot()->ListJobs().value();
  for (const JobRecord& job : jobs) {
    states.push_back(job.state);
    EXPECT_EQ(job.finished_at_micros != 0, job.state == JobState::kInterrupted);
  }
  EXPECT_THAT(states,
              ElementsAre(JobState::kInterrupted, JobState::kInterrupted, JobState::kSucceeded,
                          JobState::kFailed, JobState::kCancelled, JobState::kPaused));
}

TEST_F(StoreTest, WhatNoReleaseNamesIsRemovedAtOpen) {
  Open();
  for (const std::uint64_t version : {1, 2}) {
    auto writer = store().NewEmbeddingVersion(version, 2);
    ASSERT_OK(writer);
    const std::array<std::uint16_t, 2> values = {1, 2};
    ASSERT_OK(writer.value()->Add(EntityKind::kLabel, Ordinal{0}, 5, values));
    ASSERT_OK(writer.value()->Finish());
  }
  ASSERT_OK(store().PutWeights("kept", "k"));
  ASSERT_OK(store().PutWeights("dropped", "d"));
  ASSERT_OK(store().PutWeights("a job's", "j"));
  ASSERT_OK(store().PutWeights("a model's", "m"));
  WriteFile("index/kept.hnsw", "k");
  WriteFile("index/dropped.hnsw", "d");
  WriteFile("tmp/load.spool", "half a load");
  ReleaseRecord release;
  release.model = "m";
  release.number = 1;
  release.embedding_version = 2;
  release.weights = {"kept"};
  release.index_file = "kept.hnsw";
  auto transaction = Begin();
  ASSERT_OK(transaction->PutRelease(release));
  JobRecord job;
  job.id = 3;
  job.state = JobState::kPaused;
  job.checkpoint = {"a job's"};
  ASSERT_OK(transaction->PutJob(job));
  ModelRecord model;
  model.name = "m";
  model.start_weights = "a model's";
  ASSERT_OK(transaction->PutModel(model));
  ASSERT_OK(transaction->Commit());
  transaction.reset();
  Open();
  const auto view = Snapshot();
  EXPECT_EQ(view->GetWeights("a job's").value(), "j");
  EXPECT_EQ(view->GetWeights("a model's").value(), "m");
  EXPECT_EQ(view->ScanEmbeddings(1, EntityKind::kLabel).status().code(), StatusCode::kNotFound);
  ASSERT_OK(view->ScanEmbeddings(2, EntityKind::kLabel));
  EXPECT_EQ(view->GetWeights("kept").value(), "k");
  EXPECT_EQ(view->GetWeights("dropped").status().code(), StatusCode::kNotFound);
  EXPECT_THAT(Names("index"), ElementsAre("index/kept.hnsw"));
  EXPECT_THAT(Names("tmp"), IsEmpty());
}

TEST_F(StoreTest, CountersNeverGiveANumberTwice) {
  Open();
  {
    auto dropped = Begin();
    EXPECT_EQ(dropped->NextId("job").value(), 1U);
    EXPECT_EQ(dropped->NextId("job").value(), 2U);
    EXPECT_EQ(dropped->NextId("evaluation").value(), 1U);
  }
  EXPECT_EQ(Begin()->NextId("job").value(), 3U);
  Open();
  EXPECT_EQ(Begin()->NextId("job").value(), 4U);
  EXPECT_EQ(Begin()->NextId("evaluation").value(), 2U);
  EXPECT_EQ(Begin()->NextId("").status().code(), StatusCode::kInvalidArgument);
}

TEST_F(StoreTest, ManyShortLivesLeaveFewFiles) {
  for (int life = 0; life < 30; ++life) {
    Open();
    Insert(EntityKind::kLabel, "label " + std::to_string(life));
  }
  Close();
  EXPECT_LT(Names("data").size(), 60U);
  Open();
  EXPECT_EQ(Rows(*Snapshot(), EntityKind::kLabel).size(), 30U);
}

}  // namespace
}  // namespace dashi::storage
