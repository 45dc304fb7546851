#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <sys/wait.h>
#include <tuple>
#include <unistd.h>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/thread_pool.h"
#include "query/publish.h"
#include "query/top_k.h"
#include "storage/task_monitor.h"
#include "tests/testing/failing_gate.h"
#include "tests/testing/log_watch.h"
#include "tests/testing/tiny_database.h"
#include "tests/trainer/planted_rows.h"
#include "trainer/job_manager.h"
#include "trainer/release_artifacts.h"

namespace dashi::trainer {
namespace {

using storage::JobRecord;
using storage::JobState;
using storage::OptionMap;
using storage::Store;

constexpr int kNumDocuments = 400;

/// What a training leaves behind that must not depend on when it was stopped.
struct Outcome {
  std::string encoder;
  std::string classifier;
  OptionMap options;
  std::map<std::string, double> metrics;
  std::vector<std::tuple<std::string, std::uint32_t, double>> losses;
};

void ExpectSame(const Outcome& a, const Outcome& b) {
  EXPECT_TRUE(a.encoder == b.encoder);
  EXPECT_TRUE(a.classifier == b.classifier);
  EXPECT_EQ(a.options, b.options);
  EXPECT_EQ(a.metrics, b.metrics);
  EXPECT_EQ(a.losses, b.losses);
}

class JobResumeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Reopen();
    AddPlantedRows(*store_, kNumDocuments);
    OptionMap options = SmallOptions();
    options["checkpoint_seconds"] = "0";
    ASSERT_TRUE(CreatePlantedModel(*store_, options).ok());
  }

  void Reopen() {
    store_.reset();
    storage::StoreOptions options;
    options.file_gate = &watch_;
    auto store = Store::Open(directory_.path(), options);
    ASSERT_TRUE(store.ok()) << store.status().ToString();
    store_ = std::move(store).value();
  }

  /// Calls `look` with the progress of job `id` each time that it writes a checkpoint or the row of
  /// an epoch, while it waits: who looks from another thread may come when it is over.
  void WatchJob(JobManager& jobs, std::uint64_t id, std::function<void(const Progress&)> look) {
    watch_.Set([&jobs, id, look = std::move(look)] {
      const auto progress = jobs.CurrentProgress(id);
      if (progress && !progress->phase.empty()) {
        look(*progress);
      }
    });
  }

  JobRecord Stored(std::uint64_t id) { return *store_->NewSnapshot().value()->GetJob(id).value(); }

  JobRecord Wait(JobManager& jobs, std::uint64_t id) {
    auto job = jobs.Wait(id, {}, {});
    EXPECT_TRUE(job.ok()) << job.status().ToString();
    return job.value();
  }

  Outcome OutcomeOf(std::uint64_t id) {
    const auto view = store_->NewSnapshot().value();
    Outcome outcome;
    outcome.encoder = view->GetWeights(EncoderWeightsName(id)).value();
    outcome.classifier = view->GetWeights(ClassifierWeightsName(id)).value();
    const std::vector<storage::ReleaseRecord> releases = view->ListReleases().value();
    for (const storage::ReleaseRecord& release : releases) {
      if (release.job == id) {
        outcome.options = release.options;
        outcome.metrics = release.metrics;
      }
    }
    const JobRecord job = Stored(id);
    for (const storage::JobMetric& metric : job.metrics) {
      outcome.losses.emplace_back(metric.stage, metric.epoch, metric.loss);
    }
    return outcome;
  }

  /// Blobs that no release names.
  std::size_t NumCheckpointBlobs(std::uint64_t id) { return Stored(id).checkpoint.size(); }

  testing::TemporaryDirectory directory_;
  testing::FailingGate gate_;
  testing::LogWatch watch_{gate_};
  std::unique_ptr<Store> store_;
};

TEST_F(JobResumeTest, PausedAgainAndAgainAJobEndsWithTheSameBits) {
  JobManager jobs(store_.get(), {});
  const std::uint64_t whole =
      jobs.SubmitTraining("m", {{"seed", "3"}, {"epochs", "80"}}, "TRAIN MODEL m").value();
  ASSERT_EQ(Wait(jobs, whole).state, JobState::kSucceeded) << Stored(whole).error;
  EXPECT_EQ(NumCheckpointBlobs(whole), 0U);

  // Paused at the first thing that it writes once it trains, at the second after that, the fourth.
  // It has more than eighty epochs to write.
  const std::uint64_t id = whole + 1;
  int num_pauses = 0;
  int num_writes = 0;
  WatchJob(jobs, id, [&](const Progress& progress) {
    if (progress.phase != "reading rows" && ++num_writes == 1 << num_pauses) {
      EXPECT_TRUE(jobs.Pause(id).ok());
    }
  });
  ASSERT_EQ(jobs.SubmitTraining("m", {{"seed", "3"}, {"epochs", "80"}}, "TRAIN MODEL m").value(),
            id);
  for (;;) {
    ASSERT_LT(num_pauses, 20);
    const JobRecord job = Wait(jobs, id);
    if (job.state == JobState::kSucceeded) {
      break;
    }
    ASSERT_EQ(job.state, JobState::kPaused) << job.error;
    EXPECT_EQ(Stored(id).state, JobState::kPaused);
    ++num_pauses;
    num_writes = 0;
    ASSERT_TRUE(jobs.Resume(id).ok());
  }
  watch_.Set({});
  EXPECT_GE(num_pauses, 3);
  ExpectSame(OutcomeOf(id), OutcomeOf(whole));
  EXPECT_EQ(NumCheckpointBlobs(id), 0U);
}

TEST_F(JobResumeTest, RowsThatChangeMeanwhileDoNotChangeWhatIsLearned) {
  JobManager jobs(store_.get(), {});
  const std::uint64_t whole = jobs.SubmitTraining("m", {{"epochs", "80"}}, "TRAIN MODEL m").value();
  ASSERT_EQ(Wait(jobs, whole).state, JobState::kSucceeded);
  const std::uint64_t id = whole + 1;
  WatchJob(jobs, id, [&](const Progress& progress) {
    if (progress.phase == "encoder") {
      EXPECT_TRUE(jobs.Pause(id).ok());
    }
  });
  ASSERT_EQ(jobs.SubmitTraining("m", {{"epochs", "80"}}, "TRAIN MODEL m").value(), id);
  const JobRecord paused = Wait(jobs, id);
  watch_.Set({});
  ASSERT_EQ(paused.state, JobState::kPaused);
  ASSERT_FALSE(paused.checkpoint.empty());

  auto transaction = store_->Begin().value();
  using storage::EntityKind;
  for (const char* label : {"L0", "L7", "L39"}) {
    const auto ordinal = transaction->FindOrdinal(EntityKind::kLabel, label).value();
    ASSERT_TRUE(ordinal.has_value());
    ASSERT_TRUE(transaction->DeleteRow(EntityKind::kLabel, *ordinal).ok());
  }
  storage::EntityRow added;
  added.id = "new";
  added.text = "clue5 noise3 noise4";
  ASSERT_TRUE(transaction->InsertRow(EntityKind::kLabel, added).ok());
  ASSERT_TRUE(transaction->Commit().ok());

  ASSERT_TRUE(jobs.Resume(id).ok());
  ASSERT_EQ(Wait(jobs, id).state, JobState::kSucceeded) << Stored(id).error;
  const auto view = store_->NewSnapshot().value();
  const auto before = ParseClassifier(view->GetWeights(ClassifierWeightsName(whole)).value());
  const auto after = ParseClassifier(view->GetWeights(ClassifierWeightsName(id)).value());
  ASSERT_EQ(before->ordinals.size(), std::size_t{kNumPlantedLabels});
  ASSERT_EQ(after->ordinals.size(), std::size_t{kNumPlantedLabels - 3 + 1});
  const std::size_t dim = before->dim;
  std::size_t row = 0;
  for (std::size_t label = 0; label < before->ordinals.size(); ++label) {
    if (row < after->ordinals.size() && after->ordinals[row] == before->ordinals[label]) {
      EXPECT_TRUE(
          std::equal(before->vectors.begin() + static_cast<std::ptrdiff_t>(label * dim),
                     before->vectors.begin() + static_cast<std::ptrdiff_t>((label + 1) * dim),
                     after->vectors.begin() + static_cast<std::ptrdiff_t>(row * dim)));
      ++row;
    }
  }
  EXPECT_EQ(row, after->ordinals.size() - 1) << "the last one is new";
  ThreadPool pool(1);
  query::ReleaseCache releases(store_.get(), &pool);
  ASSERT_TRUE(query::Publish(*store_, releases, "m", 2).ok());
  const auto cursor =
      query::OpenTopK(store_->NewSnapshot().value(), releases, added.text, 5, {"m", 2, 0, true});
  ASSERT_TRUE(cursor.ok()) << cursor.status().ToString();
  std::vector<std::string> found;
  query::TopKHit hit;
  while (cursor.value()->Next(&hit).value()) {
    found.push_back(hit.row.id);
  }
  EXPECT_NE(std::find(found.begin(), found.end(), "new"), found.end()) << "by its text";
}

/// Runs a job of the database in a child process that dies at a failpoint, and returns its wait
/// status. `job` 0: a new one.
int RunAndDie(const std::string& directory, std::uint64_t job, const std::string& failpoint) {
  const pid_t child = fork();
  if (child == 0) {
    setenv("DASHI_FAILPOINTS", failpoint.c_str(), 1);
    setenv("DASHI_TEST_DIRECTORY", directory.c_str(), 1);
    setenv("DASHI_TEST_JOB", std::to_string(job).c_str(), 1);
    execl("/proc/self/exe", "job_resume_test", "--gtest_filter=ResumeChildTest.DISABLED_Run",
          "--gtest_also_run_disabled_tests", nullptr);
    _exit(99);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return status;
}

TEST_F(JobResumeTest, KilledAtAnyPlaceAJobEndsWithTheSameBits) {
  std::uint64_t whole = 0;
  {
    JobManager jobs(store_.get(), {});
    whole = jobs.SubmitTraining("m", {{"index", "hnsw"}}, "TRAIN MODEL m").value();
    ASSERT_EQ(Wait(jobs, whole).state, JobState::kSucceeded);
  }
  const std::uint64_t id = whole + 1;
  std::uint64_t job = 0;
  // Before a checkpoint is named, behind some, and behind all that the training itself does.
  for (const char* failpoint :
       {"train.checkpoint", "train.checkpoint.named", "train.checkpoint.named", "train.weights",
        "train.embeddings", "train.index"}) {
    SCOPED_TRACE(failpoint);
    store_.reset();
    const int status = RunAndDie(directory_.path(), job, failpoint);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
    Reopen();
    job = id;
    ASSERT_EQ(Stored(id).state, JobState::kInterrupted);
    storage::SilentMonitor monitor;
    const auto report = store_->Check(monitor);
    ASSERT_TRUE(report.ok());
    EXPECT_TRUE(report->problems.empty());
    EXPECT_TRUE(report->notes.empty());
  }
  EXPECT_FALSE(Stored(id).checkpoint.empty());
  JobManager jobs(store_.get(), {});
  ASSERT_TRUE(jobs.Resume(id).ok());
  ASSERT_EQ(Wait(jobs, id).state, JobState::kSucceeded) << Stored(id).error;
  ExpectSame(OutcomeOf(id), OutcomeOf(whole));
}

/// The body of the child process of RunAndDie.
TEST(ResumeChildTest, DISABLED_Run) {
  const char* directory = std::getenv("DASHI_TEST_DIRECTORY");
  const char* job = std::getenv("DASHI_TEST_JOB");
  ASSERT_TRUE(directory != nullptr && job != nullptr);
  auto store = testing::OpenStore(directory);
  ASSERT_NE(store, nullptr);
  JobManager jobs(store.get(), {});
  std::uint64_t id = std::stoull(job);
  if (id == 0) {
    id = jobs.SubmitTraining("m", {{"index", "hnsw"}}, "TRAIN MODEL m").value();
  } else {
    ASSERT_TRUE(jobs.Resume(id).ok());
  }
  static_cast<void>(jobs.Wait(id, {}, {}));
}

TEST_F(JobResumeTest, ADatabaseThatClosesInterruptsBehindACheckpoint) {
  std::uint64_t id = 0;
  {
    JobManager jobs(store_.get(), {});
    id = jobs.SubmitTraining("m", {{"epochs", "10000"}}, "TRAIN MODEL m").value();
    bool trains = false;
    static_cast<void>(jobs.Wait(
        id, [&](const Progress& progress) { trains = progress.phase == "encoder"; },
        [&] { return trains; }));
  }
  EXPECT_EQ(Stored(id).state, JobState::kInterrupted);
  EXPECT_GT(NumCheckpointBlobs(id), 10U);
  Reopen();
  EXPECT_EQ(Stored(id).state, JobState::kInterrupted);
  const std::string blob = Stored(id).checkpoint.front();
  EXPECT_TRUE(store_->NewSnapshot().value()->GetWeights(blob).ok()) << "kept by the open";
  JobManager jobs(store_.get(), {});
  EXPECT_TRUE(jobs.Cancel(id).ok());
  EXPECT_EQ(Stored(id).state, JobState::kCancelled);
  EXPECT_EQ(NumCheckpointBlobs(id), 0U);
  EXPECT_EQ(store_->NewSnapshot().value()->GetWeights(blob).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(jobs.Resume(id).code(), StatusCode::kFailedPrecondition);
}

TEST_F(JobResumeTest, WaitingJobsArePausedAndCancelledAtOnce) {
  JobManager jobs(store_.get(), {});
  const std::uint64_t running =
      jobs.SubmitTraining("m", {{"epochs", "10000"}}, "TRAIN MODEL m").value();
  const std::uint64_t paused = jobs.SubmitTraining("m", {{"epochs", "1"}}, "TRAIN MODEL m").value();
  const std::uint64_t cancelled = jobs.SubmitTraining("m", {}, "TRAIN MODEL m").value();
  EXPECT_TRUE(jobs.Pause(paused).ok());
  EXPECT_TRUE(jobs.Cancel(cancelled).ok());
  EXPECT_EQ(Wait(jobs, paused).state, JobState::kPaused);
  EXPECT_EQ(Wait(jobs, cancelled).state, JobState::kCancelled);
  EXPECT_EQ(jobs.Pause(paused).code(), StatusCode::kOk);
  EXPECT_EQ(jobs.Pause(cancelled).code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(jobs.Resume(running).sqlstate(), "55006");
  EXPECT_TRUE(jobs.Resume(paused).ok());
  EXPECT_TRUE(jobs.Cancel(running).ok());
  EXPECT_EQ(Wait(jobs, running).state, JobState::kCancelled);
  EXPECT_EQ(Wait(jobs, paused).state, JobState::kSucceeded);
  EXPECT_EQ(jobs.Resume(paused).code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(jobs.Pause(99).code(), StatusCode::kNotFound);
  EXPECT_EQ(jobs.Resume(99).code(), StatusCode::kNotFound);
}

TEST_F(JobResumeTest, ADiskThatIsFullLeavesTheLastCheckpointAndTheJobGoesOn) {
  JobManager jobs(store_.get(), {});
  const std::uint64_t whole = jobs.SubmitTraining("m", {}, "TRAIN MODEL m").value();
  ASSERT_EQ(Wait(jobs, whole).state, JobState::kSucceeded);

  const std::uint64_t id = whole + 1;
  bool was_full = false;
  WatchJob(jobs, id, [&](const Progress& progress) {
    if (progress.phase == "encoder" && !was_full) {
      gate_.Arm(testing::FailingGate::Fault::kFull, 1);
      was_full = true;
    }
  });
  ASSERT_EQ(jobs.SubmitTraining("m", {}, "TRAIN MODEL m").value(), id);
  const auto job = jobs.Wait(id,
                             [&](const Progress& progress) {
                               if (progress.phase == "classifier") {
                                 gate_.Clear();
                               }
                             },
                             {});
  watch_.Set({});
  gate_.Clear();
  EXPECT_TRUE(was_full);
  ASSERT_TRUE(job.ok());
  if (job->state == JobState::kFailed) {  // The release itself came to a full disk.
    EXPECT_NE(job->error.find("disk"), std::string::npos) << job->error;
    ASSERT_TRUE(jobs.Resume(id).ok());
  }
  ASSERT_EQ(Wait(jobs, id).state, JobState::kSucceeded) << Stored(id).error;
  ExpectSame(OutcomeOf(id), OutcomeOf(whole));
  storage::SilentMonitor monitor;
  const auto report = store_->Check(monitor);
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report->problems.empty());
}

}  // namespace
}  // namespace dashi::trainer
