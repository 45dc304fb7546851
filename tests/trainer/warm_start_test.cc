#include "trainer/warm_start.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/thread_pool.h"
#include "index/vector_kernels.h"
#include "query/evaluate.h"
#include "query/publish.h"
#include "query/release_collection.h"
#include "tests/testing/log_watch.h"
#include "tests/testing/tiny_database.h"
#include "tests/trainer/planted_rows.h"
#include "trainer/job_manager.h"
#include "trainer/release_artifacts.h"

namespace dashi::trainer {
namespace {

using storage::EntityKind;
using storage::JobRecord;
using storage::JobState;
using storage::OptionMap;
using storage::Ordinal;

const OptionMap kWarm{{"warm_start", "on"}};

class WarmStartTest : public ::testing::Test {
 protected:
  void SetUp() override {
    storage::StoreOptions store_options;
    store_options.file_gate = &watch_;
    auto store = storage::Store::Open(directory_.path(), store_options);
    ASSERT_TRUE(store.ok()) << store.status().ToString();
    store_ = std::move(store).value();
    AddPlantedRows(*store_, 600);
    OptionMap options = SmallOptions();
    options["checkpoint_seconds"] = "0";
    ASSERT_TRUE(CreatePlantedModel(*store_, options).ok());
    jobs_ = std::make_unique<JobManager>(store_.get(), JobManagerOptions());
  }

  JobRecord Train(const OptionMap& overrides = {}) {
    const auto id = jobs_->SubmitTraining("m", overrides, "TRAIN MODEL m");
    EXPECT_TRUE(id.ok()) << id.status().ToString();
    return id.ok() ? jobs_->Wait(id.value(), {}, {}).value() : JobRecord();
  }

  void TrainAndPublish() {
    const JobRecord job = Train();
    ASSERT_EQ(job.state, JobState::kSucceeded) << job.error;
    query::ReleaseCache releases(store_.get(), &pool_);
    ASSERT_TRUE(query::Publish(*store_, releases, "m", 1).ok());
  }

  Status Refusal(const OptionMap& overrides) {
    return jobs_->SubmitTraining("m", overrides, "TRAIN MODEL m").status();
  }

  void RetainNone() {
    const auto transaction = store_->Begin().value();
    storage::ModelRecord model = *transaction->GetModel("m").value();
    model.retain_releases = 0;
    ASSERT_TRUE(transaction->PutModel(model).ok());
    ASSERT_TRUE(transaction->Commit().ok());
  }

  std::shared_ptr<const storage::View> View() { return store_->NewSnapshot().value(); }
  storage::ReleaseRecord Release(std::uint32_t number) {
    return *View()->GetRelease("m", number).value();
  }
  std::string Weights(std::uint32_t number, std::size_t i) {
    return View()->GetWeights(Release(number).weights[i]).value();
  }

  /// Takes a label away, and adds one with documents and a word that nothing had before.
  void ChangeRows() {
    const auto transaction = store_->Begin().value();
    const auto gone = transaction->FindOrdinal(EntityKind::kLabel, "L4").value();
    ASSERT_TRUE(transaction->DeleteRow(EntityKind::kLabel, *gone).ok());
    ASSERT_TRUE(transaction->Commit().ok());
    std::vector<testing::TinyDocument> documents;
    for (int i = 0; i < 12; ++i) {
      documents.push_back({"late" + std::to_string(i),
                           "novelty noise" + std::to_string(i) + " noise" + std::to_string(i + 7),
                           i < 8 ? "train" : "test",
                           {"new"}});
    }
    testing::AddRows(*store_, {{"new", "something novel"}}, documents);
  }

  double Precision(std::uint32_t number) {
    query::ReleaseCache releases(store_.get(), &pool_);
    const auto records =
        query::Evaluate(*View(), releases, {"m", number, "test", {{"k", "1"}}}, {}, {});
    EXPECT_TRUE(records.ok()) << records.status().ToString();
    return records.ok() ? records->front().value : 0;
  }

  testing::TemporaryDirectory directory_;
  testing::LogWatch watch_{FileGate::System()};
  std::unique_ptr<storage::Store> store_;
  ThreadPool pool_{1};
  std::unique_ptr<JobManager> jobs_;
};

TEST_F(WarmStartTest, GoesOnFromThePublishedReleaseAndSaysSo) {
  TrainAndPublish();
  ChangeRows();
  const JobRecord job = Train(kWarm);
  ASSERT_EQ(job.state, JobState::kSucceeded) << job.error;
  EXPECT_EQ(job.options.at("warm_start"), "m@1");
  const storage::ReleaseRecord release = Release(2);
  EXPECT_EQ(release.options.at("warm_start"), "m@1");
  EXPECT_EQ(Release(1).options.at("warm_start"), "off");
  EXPECT_EQ(release.fusion_encoder, Release(1).fusion_encoder);
  EXPECT_EQ(release.fusion_ranker, Release(1).fusion_ranker);
  // The model asks for 20 epochs, which are for a cold training.
  const auto num_epochs =
      std::count_if(job.metrics.begin(), job.metrics.end(),
                    [](const storage::JobMetric& metric) { return metric.stage == "encoder"; });
  EXPECT_EQ(std::to_string(num_epochs), release.options.at("epochs"));
  EXPECT_LT(num_epochs, 20);
  EXPECT_GT(Precision(2), 0.75);
  EXPECT_EQ(Train({{"warm_start", "on"}, {"epochs", "2"}}).state, JobState::kSucceeded);
  EXPECT_EQ(Release(3).options.at("epochs"), "2");
}

TEST_F(WarmStartTest, TheRankerLearnsAsStronglyAsTheReleaseSays) {
  const JobRecord job = Train({{"ranker_c", "2.5"}});
  ASSERT_EQ(job.state, JobState::kSucceeded) << job.error;
  EXPECT_EQ(Release(1).options.at("ranker_c"), "2.5");
  const auto view = View();
  const TrainingData data = ReadTrainingData(*view, {}, {}).value();
  NgameOptions options;
  options.dim = options.hidden = 32;
  EXPECT_EQ(ReadWarmStart(*view, "m@1", data, options).value()->ranker_c, 2.5);
  ASSERT_GT(Release(1).fusion_ranker, 0);
  // Vectors find all of so few labels, and words add none to the next release either.
  EXPECT_EQ(ParseRanker(Weights(1, 2)).value()->weights().word_candidates, 0U);
  EXPECT_EQ(ReadWarmStart(*view, "m@1", data, options).value()->ranker_word_candidates, 0U);
  ASSERT_EQ(Train({{"warm_start", "m@1"}}).state, JobState::kSucceeded);
  ASSERT_GT(Release(2).fusion_ranker, 0);
  EXPECT_EQ(Release(2).options.at("ranker_c"), "2.5");
  EXPECT_EQ(ParseRanker(Weights(2, 2)).value()->weights().word_candidates, 0U);
  EXPECT_EQ(Train({{"ranker_c", "0"}}).state, JobState::kSucceeded);
  const double c = ReadWarmStart(*View(), "m@3", data, options).value()->ranker_c;
  EXPECT_TRUE(c == 1.0 || c == 4.0) << c;
}

TEST_F(WarmStartTest, IsExplainedLikeATrainingAndRefusedLikeOne) {
  EXPECT_EQ(jobs_->Explain("m", kWarm, {}, {}).status().code(), StatusCode::kInvalidArgument);
  TrainAndPublish();
  const auto warm = jobs_->Explain("m", kWarm, {}, {});
  ASSERT_TRUE(warm.ok()) << warm.status().ToString();
  EXPECT_TRUE(warm->fits.ok()) << warm->fits.ToString();
  EXPECT_TRUE(warm->estimate.time.has_value());
}

TEST_F(WarmStartTest, TakesOverWordsByTheirLettersAndLabelsByTheirOrdinals) {
  TrainAndPublish();
  ChangeRows();
  const auto view = View();
  const TrainingData data = ReadTrainingData(*view, {}, {}).value();
  NgameOptions options;
  options.dim = options.hidden = 32;
  const auto warm = ReadWarmStart(*view, "m@1", data, options);
  ASSERT_TRUE(warm.ok()) << warm.status().ToString();
  const BagEncoderParts before = ParseBagEncoderParts(Weights(1, 0)).value();
  const ClassifierWeights classifiers = ParseClassifier(Weights(1, 1)).value();

  const std::uint32_t vocabulary = data.tokenizer->vocabulary_size();
  ASSERT_EQ((*warm)->known_tokens.size(), vocabulary);
  std::vector<NamedTensor> fresh = (*warm)->encoder;
  constexpr float kFresh = 7.5F;
  fresh[0].values.assign(fresh[0].values.size(), kFresh);
  const std::vector<NamedTensor> taken = TakeOver(**warm, 32, fresh).value();
  std::size_t num_fresh = 0;
  for (std::uint32_t id = 0; id < vocabulary; ++id) {
    const std::string word(data.tokenizer->word(id));
    const std::uint32_t old = before.tokenizer->Find(word);
    std::vector<float> expected(32, kFresh);
    if (old != BagTokenizer::kUnknown) {
      index::FromHalf(before.weights.embeddings.data() + old * 32, expected.data(), 32);
    }
    num_fresh += old == BagTokenizer::kUnknown ? 1 : 0;
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(), taken[0].values.begin() + id * 32))
        << word;
  }
  EXPECT_GE(num_fresh, 1U);
  EXPECT_FALSE((*warm)->known_tokens[data.tokenizer->Find("novelty")]);
  EXPECT_EQ(taken[1].values, before.weights.w1);
  EXPECT_EQ(taken[3].values, before.weights.w2);

  ASSERT_EQ(data.label_ordinals.size(), std::size_t{kNumPlantedLabels});
  for (std::size_t label = 0; label < data.label_ordinals.size(); ++label) {
    const auto found = std::find(classifiers.ordinals.begin(), classifiers.ordinals.end(),
                                 data.label_ordinals[label]);
    ASSERT_EQ((*warm)->known_labels[label] != 0, found != classifiers.ordinals.end());
    if (found != classifiers.ordinals.end()) {
      std::vector<float> expected(32);
      index::FromHalf(classifiers.vectors.data() + (found - classifiers.ordinals.begin()) * 32,
                      expected.data(), 32);
      EXPECT_TRUE(
          std::equal(expected.begin(), expected.end(),
                     (*warm)->classifiers.begin() + static_cast<std::ptrdiff_t>(label) * 32));
    }
  }
  EXPECT_EQ(std::count((*warm)->known_labels.begin(), (*warm)->known_labels.end(), 0), 1);
}

TEST_F(WarmStartTest, WhatHardlyLearnsStaysTheReleaseThatItStartsFrom) {
  TrainAndPublish();
  const JobRecord job = Train({{"warm_start", "on"},
                               {"learning_rate", "1e-9"},
                               {"dense_learning_rate", "0"},
                               {"classifier_learning_rate", "1e-9"},
                               {"classifier_embedding_learning_rate", "0"}});
  ASSERT_EQ(job.state, JobState::kSucceeded) << job.error;
  EXPECT_EQ(Weights(2, 0), Weights(1, 0));
  const ClassifierWeights before = ParseClassifier(Weights(1, 1)).value();
  const ClassifierWeights after = ParseClassifier(Weights(2, 1)).value();
  ASSERT_EQ(before.ordinals, after.ordinals);
  for (std::size_t i = 0; i < before.vectors.size(); ++i) {
    float was = 0;
    float is = 0;
    index::FromHalf(&before.vectors[i], &was, 1);
    index::FromHalf(&after.vectors[i], &is, 1);
    ASSERT_NEAR(was, is, 1e-3) << i;
  }
}

TEST_F(WarmStartTest, OneThreadAndOneSeedGiveTheSameBits) {
  TrainAndPublish();
  ChangeRows();
  for (int i = 0; i < 2; ++i) {
    const JobRecord job = Train({{"warm_start", "m@1"}});
    ASSERT_EQ(job.state, JobState::kSucceeded) << job.error;
  }
  for (std::size_t i = 0; i < Release(2).weights.size(); ++i) {
    EXPECT_EQ(Weights(2, i), Weights(3, i)) << i;
  }
  ASSERT_EQ(Train({{"warm_start", "m@1"}, {"seed", "9"}}).state, JobState::kSucceeded);
  EXPECT_NE(Weights(2, 0), Weights(4, 0));
}

TEST_F(WarmStartTest, AStartIsNotDroppedWhileItsTrainingIsSubmitted) {
  TrainAndPublish();
  const auto drop = store_->Begin().value();
  ASSERT_TRUE(drop->DeleteRelease("m", 1).ok());  // It has not seen the job.
  const auto id = jobs_->SubmitTraining("m", kWarm, "TRAIN MODEL m");
  ASSERT_TRUE(id.ok()) << id.status().ToString();
  EXPECT_EQ(drop->Commit().code(), StatusCode::kAborted);
  const auto job = jobs_->Wait(id.value(), {}, {});
  ASSERT_TRUE(job.ok());
  EXPECT_EQ(job->state, JobState::kSucceeded) << job->error;
}

TEST_F(WarmStartTest, PausedAgainAndAgainAJobEndsWithTheSameBits) {
  TrainAndPublish();
  ChangeRows();
  const OptionMap options{{"warm_start", "on"}, {"epochs", "60"}, {"validation_share", "0.1"}};
  const JobRecord whole = Train(options);
  ASSERT_EQ(whole.state, JobState::kSucceeded) << whole.error;
  // Paused at the first thing that it writes once it trains, at the second after that, the fourth,
  // in its own thread: who looks from another one may come when it is over.
  const std::uint64_t id = whole.id + 1;
  query::ReleaseCache releases(store_.get(), &pool_);
  int num_pauses = 0;
  int num_writes = 0;
  watch_.Set([&] {
    const auto progress = jobs_->CurrentProgress(id);
    if (progress && !progress->phase.empty() && progress->phase != "reading rows" &&
        ++num_writes == 1 << num_pauses) {
      EXPECT_TRUE(jobs_->Pause(id).ok());
    }
  });
  ASSERT_EQ(jobs_->SubmitTraining("m", options, "TRAIN MODEL m").value(), id);
  for (;;) {
    ASSERT_LT(num_pauses, 20);
    const auto job = jobs_->Wait(id, {}, {});
    ASSERT_TRUE(job.ok());
    if (job->state == JobState::kSucceeded) {
      break;
    }
    ASSERT_EQ(job->state, JobState::kPaused) << job->error;
    num_writes = 0;
    // Another release is published meanwhile, and would be the only one that stays; the job has its
    // own start, and keeps it.
    if (++num_pauses == 2) {
      RetainNone();
      ASSERT_TRUE(query::Publish(*store_, releases, "m", 2).ok());
      EXPECT_TRUE(query::CollectReleases(*store_, releases, "m").names.empty());
    }
    ASSERT_TRUE(jobs_->Resume(id).ok());
    EXPECT_TRUE(query::CollectReleases(*store_, releases, "m").names.empty());
  }
  watch_.Set({});
  EXPECT_EQ(query::CollectReleases(*store_, releases, "m").names, std::vector<std::string>{"m@1"});
  EXPECT_GE(num_pauses, 2);
  for (std::size_t i = 0; i < Release(2).weights.size(); ++i) {
    EXPECT_EQ(Weights(2, i), Weights(3, i)) << i;
  }
  EXPECT_EQ(Release(3).options.at("warm_start"), "m@1");
  EXPECT_EQ(Release(2).metrics, Release(3).metrics);
  EXPECT_TRUE(Release(3).metrics.contains("P@1"));  // A hold-out was asked for.
}

TEST_F(WarmStartTest, WhatItCannotStartFromIsRefusedWithBothValues) {
  Status refused = Refusal(kWarm);
  EXPECT_EQ(refused.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(refused.message().find("warm_start"), std::string_view::npos);
  EXPECT_NE(refused.message().find("published"), std::string_view::npos) << refused.message();
  TrainAndPublish();
  EXPECT_EQ(Refusal({{"warm_start", "m@7"}}).message(), "warm_start names an unknown release: m@7");
  EXPECT_EQ(Refusal({{"warm_start", "on"}, {"dim", "16"}}).message(),
            "warm_start needs the encoder of m@1: dim is 32 there, and 16 here");
  EXPECT_EQ(Refusal({{"warm_start", "on"}, {"hidden", "0"}}).message(),
            "warm_start needs the encoder of m@1: hidden is 32 there, and 0 here");
  EXPECT_EQ(Refusal({{"warm_start", "perhaps"}}).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Refusal({{"warm_start", "m@1"}}).code(), StatusCode::kOk);
}

TEST_F(WarmStartTest, ShapesAreComparedAgainWhenWeightsAreRead) {
  TrainAndPublish();
  const TrainingData data = ReadTrainingData(*View(), {}, {}).value();
  NgameOptions options;
  options.dim = 16;
  options.hidden = 32;
  const Status refused = ReadWarmStart(*View(), "m@1", data, options).status();
  EXPECT_EQ(refused.message(),
            "warm_start needs an encoder of the same shape: dim is 32 in the release, and 16 here");
  EXPECT_EQ(ReadWarmStart(*View(), "m@5", data, options).status().code(), StatusCode::kNotFound);
}

}  // namespace
}  // namespace dashi::trainer
