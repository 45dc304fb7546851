#include "trainer/job_manager.h"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include "base/thread_pool.h"
#include "query/evaluate.h"
#include "query/publish.h"
#include "tests/testing/tiny_database.h"
#include "tests/trainer/planted_rows.h"
#include "trainer/labelled_documents.h"

namespace dashi::trainer {
namespace {

using storage::JobRecord;
using storage::JobState;
using storage::OptionMap;
using storage::Store;

class JobManagerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    store_ = testing::OpenStore(directory_.path());
    ASSERT_NE(store_, nullptr);
  }

  JobRecord Train(JobManager& jobs, const OptionMap& overrides = {}) {
    const auto id = jobs.SubmitTraining("m", overrides, "TRAIN MODEL m");
    EXPECT_TRUE(id.ok()) << id.status().ToString();
    return jobs.Wait(id.value(), {}, {}).value();
  }

  JobRecord Stored(std::uint64_t id) { return *store_->NewSnapshot().value()->GetJob(id).value(); }

  testing::TemporaryDirectory directory_;
  std::unique_ptr<Store> store_;
};

TEST_F(JobManagerTest, ExplainTellsWhatATrainingNeedsAndLeavesNothing) {
  AddPlantedRows(*store_, 600);
  ASSERT_TRUE(CreatePlantedModel(*store_, SmallOptions()).ok());
  JobManager jobs(store_.get(), {});
  const auto plain = jobs.Explain("m", {}, {}, {});
  ASSERT_TRUE(plain.ok()) << plain.status().ToString();
  const TrainingEstimate& estimate = plain.value().estimate;
  EXPECT_TRUE(plain.value().fits.ok()) << plain.value().fits.ToString();
  EXPECT_GT(plain.value().available_memory_bytes, estimate.memory_bytes);
  EXPECT_GT(plain.value().free_disk_bytes, estimate.disk.PeakBytes());
  ASSERT_TRUE(estimate.time.has_value());
  EXPECT_GT(estimate.time->Total(), estimate.time->encoder_seconds);
  const auto wide = jobs.Explain("m", {{"dim", "64"}}, {}, {});
  ASSERT_TRUE(wide.ok()) << wide.status().ToString();
  EXPECT_GT(wide.value().estimate.memory_bytes, estimate.memory_bytes);
  const auto none = jobs.Explain("m", {{"memory_limit_mb", "1"}}, {}, {});
  ASSERT_TRUE(none.ok()) << none.status().ToString();
  EXPECT_EQ(none.value().fits.sqlstate(), "53200");
  EXPECT_FALSE(none.value().estimate.time.has_value());

  const auto view = store_->NewSnapshot().value();
  EXPECT_TRUE(view->ListJobs().value().empty());
  EXPECT_TRUE(view->ListReleases().value().empty());
  EXPECT_EQ(jobs.Explain("other", {}, {}, {}).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(jobs.Explain("m", {}, {}, [] { return true; }).status().code(), StatusCode::kCancelled);
}

TEST_F(JobManagerTest, ATrainingThatNeedsMoreThanItMayIsRefusedWithNumbers) {
  AddPlantedRows(*store_, 600);
  ASSERT_TRUE(CreatePlantedModel(*store_, SmallOptions()).ok());
  JobManager jobs(store_.get(), {});
  const JobRecord job = Train(jobs, {{"memory_limit_mb", "1"}});
  EXPECT_EQ(job.state, JobState::kFailed);
  EXPECT_EQ(job.error_sqlstate, "53200");
  EXPECT_NE(job.error.find("MiB needed, 1 MiB available"), std::string::npos) << job.error;
  EXPECT_NE(job.error_hint.find("MiB with "), std::string::npos) << job.error_hint;
  EXPECT_TRUE(job.metrics.empty());
  EXPECT_GT(Stored(job.id).estimated_memory_bytes, std::uint64_t{1} << 20U);
  EXPECT_EQ(Stored(job.id).error_sqlstate, "53200");
}

TEST_F(JobManagerTest, TrainsAReleaseThatAnswers) {
  AddPlantedRows(*store_, 600);
  ASSERT_TRUE(CreatePlantedModel(*store_, SmallOptions()).ok());
  JobManager jobs(store_.get(), {});
  const auto id = jobs.SubmitTraining("m", {{"seed", "3"}}, "TRAIN MODEL m");
  ASSERT_TRUE(id.ok());
  const auto job = jobs.Wait(id.value(), {}, {});
  ASSERT_TRUE(job.ok());
  ASSERT_EQ(job.value().state, JobState::kSucceeded) << job.value().error;
  EXPECT_EQ(job.value().result, "m@1");
  EXPECT_EQ(Stored(id.value()).state, JobState::kSucceeded);
  EXPECT_EQ(Stored(id.value()).result, "m@1");

  EXPECT_GT(Stored(id.value()).estimated_memory_bytes, 0U);
  EXPECT_GT(Stored(id.value()).estimated_disk_bytes, 0U);
  EXPECT_GT(Stored(id.value()).estimated_seconds, 0);

  const std::vector<storage::JobMetric> metrics = Stored(id.value()).metrics;
  ASSERT_FALSE(metrics.empty());
  EXPECT_EQ(metrics.front().stage, "encoder");
  EXPECT_EQ(metrics.front().epoch, 1U);
  EXPECT_FALSE(metrics.front().p1.has_value());
  EXPECT_LT(metrics[3].loss, metrics[0].loss);
  for (const storage::JobMetric& metric : metrics) {
    EXPECT_GT(metric.step_seconds, 0);
    EXPECT_GE(metric.wait_seconds, 0);
    EXPECT_LT(*metric.cluster_seconds + *metric.wait_seconds + *metric.step_seconds,
              metric.seconds);
  }
  const auto looked_at = std::find_if(metrics.begin(), metrics.end(),
                                      [](const auto& metric) { return metric.p1.has_value(); });
  ASSERT_NE(looked_at, metrics.end());
  EXPECT_EQ(looked_at->stage, "classifier");
  EXPECT_EQ(metrics.back().stage, "refit");

  const auto view = store_->NewSnapshot().value();
  const auto release = view->GetRelease("m", 1).value();
  ASSERT_TRUE(release.has_value());
  EXPECT_EQ(release->seed, 3U);
  EXPECT_EQ(release->num_labels, static_cast<std::uint64_t>(kNumPlantedLabels));
  EXPECT_EQ(release->options.at("dim"), "32");

  ThreadPool pool(1);
  query::ReleaseCache releases(store_.get(), &pool);
  const auto records = query::Evaluate(*view, releases, {"m", 1, "test", {{"k", "1"}}}, {}, {});
  ASSERT_TRUE(records.ok()) << records.status().ToString();
  EXPECT_EQ(records.value()[0].metric, "P");
  // Guessing gives 0.025. Six seeds gave 0.84 to 0.93; the last bit of a product, and with it the
  // figure, depends on the processor.
  EXPECT_GT(records.value()[0].value, 0.75);

  const query::LabelVectors labels = query::ReadLabelVectors(*view, *release).value();
  ASSERT_EQ(labels.num_documents.size(), labels.ordinals.size());
  for (std::size_t i = 0; i < labels.ordinals.size(); ++i) {
    std::uint32_t num_documents = 0;
    const auto documents = view->DocumentsOf(labels.ordinals[i]).value();
    for (const auto& document : documents) {
      const auto row = view->GetRow(storage::EntityKind::kDocument, document.ordinal).value();
      num_documents += IsTrainingDocument(*row) ? 1 : 0;
    }
    EXPECT_EQ(labels.num_documents[i], num_documents) << i;
  }
}

TEST_F(JobManagerTest, OneThreadAndOneSeedGiveTheSameBits) {
  AddPlantedRows(*store_, 300);
  ASSERT_TRUE(CreatePlantedModel(*store_, SmallOptions()).ok());
  JobManager jobs(store_.get(), {});
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(Train(jobs).state, JobState::kSucceeded);
  }
  const auto view = store_->NewSnapshot().value();
  const auto first = view->GetRelease("m", 1).value();
  const auto second = view->GetRelease("m", 2).value();
  for (std::size_t i = 0; i < first->weights.size(); ++i) {
    EXPECT_EQ(view->GetWeights(first->weights[i]).value(),
              view->GetWeights(second->weights[i]).value());
  }
}

TEST_F(JobManagerTest, AJobWithNothingToTrainOnFailsAndSaysWhy) {
  ASSERT_TRUE(CreatePlantedModel(*store_, SmallOptions()).ok());
  JobManager jobs(store_.get(), {});
  JobRecord job = Train(jobs);
  EXPECT_EQ(job.state, JobState::kFailed);
  EXPECT_NE(job.error.find("labels is empty"), std::string::npos) << job.error;
  EXPECT_EQ(Stored(job.id).state, JobState::kFailed);
  testing::AddRows(*store_, {{"L", "text"}}, {{"D", "text", "test", {"L"}}});
  job = Train(jobs);
  EXPECT_EQ(job.state, JobState::kFailed);
  EXPECT_NE(job.error.find("split 'train'"), std::string::npos) << job.error;
  EXPECT_TRUE(store_->NewSnapshot().value()->ListReleases().value().empty());
}

TEST_F(JobManagerTest, AHoldOutThatTheUserNamesIsUsedOrRefused) {
  AddPlantedRows(*store_, 600);
  {
    const auto transaction = store_->Begin().value();
    storage::SchemaRecord schema = *transaction->GetSchema(storage::EntityKind::kDocument).value();
    storage::ColumnRecord column;
    column.number = schema.next_column++;
    column.name = "held";
    column.type = storage::ColumnType::kBoolean;
    schema.columns.push_back(column);
    ASSERT_TRUE(transaction->PutSchema(storage::EntityKind::kDocument, schema).ok());
    ASSERT_TRUE(transaction->Commit().ok());
    const auto rows = store_->Begin().value();
    for (int i = 0; i < 600; i += 6) {
      const auto ordinal =
          rows->FindOrdinal(storage::EntityKind::kDocument, "D" + std::to_string(i)).value();
      ASSERT_TRUE(ordinal.has_value()) << i;
      storage::EntityRow row = *rows->GetRow(storage::EntityKind::kDocument, *ordinal).value();
      row.attributes.push_back({column.number, Value::Integer(1)});
      ASSERT_TRUE(rows->UpdateRow(storage::EntityKind::kDocument, *ordinal, row).ok());
    }
    ASSERT_TRUE(rows->Commit().ok());
  }
  ASSERT_TRUE(CreatePlantedModel(*store_, SmallOptions()).ok());
  JobManager jobs(store_.get(), {});
  const auto run = [&](const std::string& validation) {
    const auto id = jobs.SubmitTraining("m", {{"validation", validation}}, "TRAIN MODEL m");
    EXPECT_TRUE(id.ok()) << id.status().ToString();
    return jobs.Wait(id.value(), {}, {}).value();
  };
  const JobRecord good = run("held");
  EXPECT_EQ(good.state, JobState::kSucceeded) << good.error;
  EXPECT_EQ(store_->NewSnapshot().value()->GetRelease("m", 1).value()->options.at("validation"),
            "held");
  const JobRecord none = run("held = false");
  EXPECT_EQ(none.state, JobState::kFailed);
  EXPECT_NE(none.error.find("holds out none of the training documents"), std::string::npos)
      << none.error;
  EXPECT_NE(run("other").error.find("unknown column of documents: other"), std::string::npos);
}

TEST_F(JobManagerTest, CancelEndsARunningJobSoon) {
  AddPlantedRows(*store_, 600);
  OptionMap options = SmallOptions();
  options["epochs"] = "10000";
  ASSERT_TRUE(CreatePlantedModel(*store_, options).ok());
  JobManager jobs(store_.get(), {});
  const auto id = jobs.SubmitTraining("m", {}, "TRAIN MODEL m");
  ASSERT_TRUE(id.ok());
  const auto job = jobs.Wait(id.value(),
                             [&](const Progress& progress) {
                               EXPECT_FALSE(progress.phase.empty());
                               EXPECT_TRUE(jobs.Cancel(id.value()).ok());
                             },
                             {});
  ASSERT_TRUE(job.ok());
  EXPECT_EQ(job.value().state, JobState::kCancelled);
  EXPECT_EQ(Stored(id.value()).state, JobState::kCancelled);
  EXPECT_TRUE(store_->NewSnapshot().value()->ListReleases().value().empty());
}

TEST_F(JobManagerTest, WaitingCanBeInterruptedWhileTheJobGoesOn) {
  AddPlantedRows(*store_, 300);
  ASSERT_TRUE(CreatePlantedModel(*store_, SmallOptions()).ok());
  JobManager jobs(store_.get(), {});
  const auto id = jobs.SubmitTraining("m", {}, "TRAIN MODEL m");
  EXPECT_EQ(jobs.Wait(id.value(), {}, [] { return true; }).status().code(), StatusCode::kCancelled);
  EXPECT_EQ(jobs.Wait(id.value(), {}, {}).value().state, JobState::kSucceeded);
}

TEST_F(JobManagerTest, UnknownModelsJobsAndOptionsAreRefused) {
  JobManager jobs(store_.get(), {});
  EXPECT_EQ(jobs.SubmitTraining("m", {}, "").status().code(), StatusCode::kNotFound);
  ASSERT_TRUE(CreatePlantedModel(*store_, {}).ok());
  EXPECT_EQ(jobs.SubmitTraining("m", {{"epoch", "1"}}, "").status().hint(),
            "Perhaps you meant \"epochs\".");
  EXPECT_EQ(jobs.Wait(99, {}, {}).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(jobs.Cancel(99).code(), StatusCode::kNotFound);
}

/// Trains in a child process that dies at a failpoint, and returns its wait status.
int TrainAndDie(const std::string& directory, const char* failpoint) {
  const pid_t child = fork();
  if (child == 0) {
    setenv("DASHI_FAILPOINTS", failpoint, 1);
    setenv("DASHI_TEST_DIRECTORY", directory.c_str(), 1);
    execl("/proc/self/exe", "job_manager_test", "--gtest_filter=ChildTest.DISABLED_Train",
          "--gtest_also_run_disabled_tests", nullptr);
    _exit(99);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return status;
}

TEST_F(JobManagerTest, AKilledTrainingLeavesTheDatabaseWhole) {
  AddPlantedRows(*store_, 300);
  ASSERT_TRUE(CreatePlantedModel(*store_, SmallOptions()).ok());
  std::uint32_t num_releases = 0;
  for (const char* failpoint :
       {"train.weights", "train.embeddings", "train.index", "train.release"}) {
    store_.reset();
    const int status = TrainAndDie(directory_.path(), failpoint);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << failpoint << " " << status;
    store_ = testing::OpenStore(directory_.path());
    ASSERT_NE(store_, nullptr);
    const auto view = store_->NewSnapshot().value();
    const auto releases = view->ListReleases().value();
    num_releases += std::string(failpoint) == "train.release" ? 1 : 0;
    ASSERT_EQ(releases.size(), num_releases) << failpoint;
    const auto records = view->ListJobs().value();
    for (const JobRecord& job : records) {
      EXPECT_EQ(job.state, num_releases > 0 && job.result == "m@1" ? JobState::kSucceeded
                                                                   : JobState::kInterrupted)
          << failpoint;
    }
  }
  ThreadPool pool(1);
  query::ReleaseCache releases(store_.get(), &pool);
  EXPECT_TRUE(query::Publish(*store_, releases, "m", 1).ok());
  JobManager jobs(store_.get(), {});
  EXPECT_EQ(Train(jobs).result, "m@2");
  std::size_t num_files = 0;
  for ([[maybe_unused]] const auto& file :
       std::filesystem::directory_iterator(store_->index_directory())) {
    ++num_files;
  }
  EXPECT_EQ(num_files, 1U) << "the graph of m@1, and none that no release names";
}

/// The body of the child process of TrainAndDie.
TEST(ChildTest, DISABLED_Train) {
  const char* directory = std::getenv("DASHI_TEST_DIRECTORY");
  ASSERT_NE(directory, nullptr);
  auto store = testing::OpenStore(directory);
  ASSERT_NE(store, nullptr);
  JobManager jobs(store.get(), {});
  const auto id = jobs.SubmitTraining("m", {{"index", "hnsw"}}, "TRAIN MODEL m");
  ASSERT_TRUE(id.ok());
  static_cast<void>(jobs.Wait(id.value(), {}, {}));
}

}  // namespace
}  // namespace dashi::trainer
