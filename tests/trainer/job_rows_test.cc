#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/task_monitor.h"
#include "tests/testing/log_watch.h"
#include "tests/testing/tiny_database.h"
#include "tests/trainer/planted_rows.h"
#include "trainer/job_manager.h"
#include "trainer/scratch/number_writer.h"
#include "trainer/scratch/scratch_space.h"

namespace dashi::trainer {
namespace {

using storage::JobRecord;
using storage::JobState;
using storage::OptionMap;
using storage::Store;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Knows the thread that made a file of rows last.
class RowFileGate : public FileGate {
 public:
  int Pass(const FileChange& change, const std::function<int(std::size_t size)>& make) override {
    if (change.step == FileStep::kCreate && change.path.ends_with(".scratch")) {
      maker_ = std::this_thread::get_id();
    }
    return FileGate::Pass(change, make);
  }
  bool MadeTheLastFile() const { return maker_ == std::this_thread::get_id(); }

 private:
  std::atomic<std::thread::id> maker_;
};

/// Trainings whose rows stand in files, `rows_memory_mb = 0`.
class JobRowsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    storage::StoreOptions store_options;
    store_options.file_gate = &watch_;
    auto store = Store::Open(directory_.path(), store_options);
    ASSERT_TRUE(store.ok()) << store.status().ToString();
    store_ = std::move(store).value();
    AddPlantedRows(*store_, 400);
    OptionMap options = SmallOptions();
    options["checkpoint_seconds"] = "0";
    ASSERT_TRUE(CreatePlantedModel(*store_, options).ok());
  }

  JobRecord Stored(std::uint64_t id) { return *store_->NewSnapshot().value()->GetJob(id).value(); }

  /// The blobs of the release that a job made, by the part of the name behind the job.
  std::map<std::string, std::string> WeightsOf(std::uint64_t job) {
    const auto view = store_->NewSnapshot().value();
    std::map<std::string, std::string> weights;
    const std::vector<storage::ReleaseRecord> releases = view->ListReleases().value();
    for (const storage::ReleaseRecord& release : releases) {
      if (release.job == job) {
        for (const std::string& name : release.weights) {
          weights[name.substr(name.find('/'))] = view->GetWeights(name).value();
        }
      }
    }
    return weights;
  }

  std::vector<std::string> TemporaryFiles() const {
    std::vector<std::string> names;
    for (const auto& file : std::filesystem::directory_iterator(directory_.path() + "/tmp")) {
      names.push_back(file.path().filename());
    }
    return names;
  }

  void ExpectSound() {
    storage::SilentMonitor monitor;
    const auto report = store_->Check(monitor);
    ASSERT_TRUE(report.ok()) << report.status().ToString();
    EXPECT_TRUE(report->problems.empty());
    EXPECT_TRUE(report->notes.empty());
  }

  testing::TemporaryDirectory directory_;
  RowFileGate gate_;
  testing::LogWatch watch_{gate_};
  std::unique_ptr<Store> store_;
};

TEST_F(JobRowsTest, AJobWithItsRowsInFilesEndsWithTheSameBits) {
  JobManager jobs(store_.get(), {});
  const std::uint64_t memory =
      jobs.SubmitTraining("m", {{"epochs", "60"}}, "TRAIN MODEL m").value();
  ASSERT_EQ(jobs.Wait(memory, {}, {})->state, JobState::kSucceeded) << Stored(memory).error;
  ASSERT_GE(WeightsOf(memory).size(), 2U);

  // Looked at and paused whenever it writes to the log, in its own thread, which made the files:
  // who looks from another one may come when it is over, or while it makes the next file.
  const std::uint64_t files = memory + 1;
  int num_looks = 0;
  int num_pauses = 0;
  watch_.Set([&] {
    const auto progress = jobs.CurrentProgress(files);
    if (progress && progress->phase == "encoder" && gate_.MadeTheLastFile()) {
      ++num_looks;
      EXPECT_THAT(TemporaryFiles(), IsEmpty());
      if (num_pauses < 3) {
        EXPECT_TRUE(jobs.Pause(files).ok());
      }
    }
  });
  ASSERT_EQ(jobs.SubmitTraining("m", {{"epochs", "60"}, {"rows_memory_mb", "0"}}, "TRAIN MODEL m")
                .value(),
            files);
  JobRecord job = jobs.Wait(files, {}, {}).value();
  for (; job.state == JobState::kPaused && num_pauses < 10;
       job = jobs.Wait(files, {}, {}).value()) {
    ++num_pauses;
    ExpectSound();
    ASSERT_TRUE(jobs.Resume(files).ok());
  }
  watch_.Set({});
  ASSERT_EQ(job.state, JobState::kSucceeded) << job.error;
  EXPECT_EQ(num_pauses, 3);
  EXPECT_GT(num_looks, 50);
  EXPECT_TRUE(WeightsOf(files) == WeightsOf(memory));
  EXPECT_GT(Stored(files).estimated_disk_bytes, Stored(memory).estimated_disk_bytes);
  EXPECT_LT(Stored(files).estimated_memory_bytes, Stored(memory).estimated_memory_bytes);
  EXPECT_THAT(TemporaryFiles(), IsEmpty());
}

TEST_F(JobRowsTest, ACancelledJobAndAnExplanationLeaveNoFile) {
  JobManager jobs(store_.get(), {});
  const OptionMap options{{"epochs", "10000"}, {"rows_memory_mb", "0"}};
  const auto explained = jobs.Explain("m", options, {}, {});
  ASSERT_TRUE(explained.ok()) << explained.status().ToString();
  EXPECT_TRUE(explained->fits.ok()) << explained->fits.ToString();
  EXPECT_GT(explained->estimate.disk.scratch_bytes, 0U);
  EXPECT_THAT(TemporaryFiles(), IsEmpty());
  const std::uint64_t id = jobs.SubmitTraining("m", options, "TRAIN MODEL m").value();
  static_cast<void>(jobs.Wait(id,
                              [&](const Progress& progress) {
                                if (progress.phase == "encoder") {
                                  jobs.Cancel(id).IgnoreError("it may have ended");
                                }
                              },
                              {}));
  EXPECT_EQ(Stored(id).state, JobState::kCancelled);
  EXPECT_THAT(TemporaryFiles(), IsEmpty());
  ExpectSound();
}

TEST_F(JobRowsTest, ADiskWithoutRoomRefusesTheJobAndKeepsNothing) {
  storage::StoreOptions options;
  options.reserved_disk_bytes = std::uint64_t{1} << 60U;
  store_.reset();
  store_ = Store::Open(directory_.path(), options).value();
  JobManager jobs(store_.get(), {});
  const std::uint64_t id =
      jobs.SubmitTraining("m", {{"rows_memory_mb", "0"}, {"token_cache", "off"}}, "TRAIN MODEL m")
          .value();
  const auto job = jobs.Wait(id, {}, {});
  ASSERT_TRUE(job.ok());
  EXPECT_EQ(job->state, JobState::kFailed);
  EXPECT_EQ(job->error_sqlstate, "53100");
  EXPECT_THAT(job->error, HasSubstr("the rows of the training"));
  EXPECT_THAT(TemporaryFiles(), IsEmpty());
  ExpectSound();
}

TEST_F(JobRowsTest, TheOpenRemovesWhatAKilledProcessWasWriting) {
  store_.reset();
  const pid_t child = fork();
  if (child == 0) {
    ScratchSpace space({directory_.path() + "/tmp", &FileGate::System(), 0, {}});
    NumberWriter<std::uint32_t> writer(&space);
    const std::vector<std::uint32_t> numbers(100'000, 7);
    _exit(writer.Append(numbers).ok() ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  ASSERT_EQ(status, 0);
  ASSERT_EQ(TemporaryFiles().size(), 1U);
  store_ = testing::OpenStore(directory_.path());
  ASSERT_NE(store_, nullptr);
  EXPECT_THAT(TemporaryFiles(), IsEmpty());
  ExpectSound();
}

}  // namespace
}  // namespace dashi::trainer
