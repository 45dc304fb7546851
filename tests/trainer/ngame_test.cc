#include "trainer/ngame.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "tests/trainer/ngame_tasks.h"
#include "trainer/bag_module.h"
#include "trainer/bag_weights.h"
#include "trainer/transformer/transformer_config.h"

namespace dashi::trainer {
namespace {

void ExpectUsable(const NgameModel& model, const TrainingTask& task, const NgameOptions& options) {
  const auto encoder = ToBagWeights(model.encoder, options.dim);
  ASSERT_TRUE(encoder.ok()) << encoder.status().ToString();
  EXPECT_EQ(encoder->vocabulary_size, task.vocabulary_size);
  EXPECT_EQ(encoder->hidden, options.hidden);
  EXPECT_EQ(model.classifiers.size(), task.label_tokens.num_rows() * options.dim);
  for (const float value : model.classifiers) {
    ASSERT_TRUE(std::isfinite(value));
  }
  EXPECT_NEAR(model.fusion_encoder + model.fusion_classifier, 1.0, 1e-9);
}

TEST(NgameTest, LearnsWhatWordsMean) {
  const TrainingTask task = SyntheticTask(1500, 60, 1);
  const NgameOptions options = FastOptions();
  const auto model = TrainNgame(task, options, Backend(), TrainingControl());
  ASSERT_TRUE(model.ok()) << model.status().ToString();
  ExpectUsable(*model, task, options);
  EXPECT_GT(model->num_validation_documents, 100U);
  EXPECT_GT(model->validation_metrics.at("P@1"), 0.95);
  EXPECT_GT(model->validation_metrics.at("encoder P@1"), 0.9);
  EXPECT_GT(model->validation_metrics.at("classifier P@1"), 0.9);
}

TEST(NgameTest, TheRankerSeesWhatTheDenseScoresCannot) {
  const TrainingTask task = TaskForRanker();
  NgameOptions options = FastOptions();
  options.epochs = 4;
  const auto model = TrainNgame(task, options, Backend(), TrainingControl());
  ASSERT_TRUE(model.ok()) << model.status().ToString();
  ExpectUsable(*model, task, options);
  EXPECT_GT(model->fusion_ranker, 0.0);
  EXPECT_EQ(model->ranker.num_labels(), 60U);
  EXPECT_LT(model->validation_metrics.at("dense P@1"), 0.9);
  EXPECT_GT(model->validation_metrics.at("P@1"), 0.97);

  options.ranker = false;
  const auto without = TrainNgame(task, options, Backend(), TrainingControl());
  ASSERT_TRUE(without.ok());
  EXPECT_EQ(without->fusion_ranker, 0.0);
  EXPECT_EQ(without->ranker.num_labels(), 0U);
}

// Documents whose tokens tell nothing, and that name their label in a word of the ranker's.
TEST(NgameTest, WordsFindLabelsThatTheVectorsMiss) {
  constexpr std::uint32_t kLabels = 600;
  TrainingTask task = SyntheticTask(1500, kLabels, 4);
  task.num_features = task.vocabulary_size + kLabels;
  task.document_tokens = SparseRows();
  for (std::uint32_t d = 0; d < 1500; ++d) {
    AppendBag({4 * kLabels + d % 50}, &task.document_tokens);
    AppendBag({task.vocabulary_size + task.relevance.columns[d]}, &task.document_features);
  }
  for (std::uint32_t label = 0; label < kLabels; ++label) {
    AppendBag({task.vocabulary_size + label}, &task.label_features);
  }
  NgameOptions options = FastOptions();
  options.epochs = 2;
  options.classifier_epochs = 1;
  const auto model = TrainNgame(task, options, Backend(), TrainingControl());
  ASSERT_TRUE(model.ok()) << model.status().ToString();
  EXPECT_GT(model->ranker.word_candidates, 0U);
  EXPECT_LT(model->validation_metrics.at("dense found"), 0.9);
  EXPECT_GT(model->validation_metrics.at("found"), 0.99);
  EXPECT_GT(model->validation_metrics.at("P@1"), 0.9);

  // Vectors find all of 60 labels: words would cost time for nothing.
  const auto few = TrainNgame(TaskForRanker(), options, Backend(), TrainingControl());
  ASSERT_TRUE(few.ok()) << few.status().ToString();
  EXPECT_GT(few->fusion_ranker, 0.0);
  EXPECT_EQ(few->ranker.word_candidates, 0U);
  EXPECT_EQ(few->validation_metrics.at("found"), 1.0);
  EXPECT_EQ(few->validation_metrics.at("dense found"), 1.0);
}

// Both rankers are tried where labels have many documents, and the hold-out chooses.
TEST(NgameTest, TheHoldOutChoosesHowStrongTheRankerLearns) {
  TrainingTask task = TaskForRanker();
  // A word of the label is wrong in a third of the documents.
  Random random(3);
  std::uint32_t* columns = task.document_features.columns.own();
  for (std::size_t d = 0; d < task.document_features.num_rows(); ++d) {
    if (d % 3 == 0) {
      columns[task.document_features.offsets[d + 1] - 1] =
          task.vocabulary_size + static_cast<std::uint32_t>(random.Uniform(60));
    }
  }
  NgameOptions options = FastOptions();
  options.epochs = 4;
  options.objective = RankingObjective::kTail;
  std::vector<NgameModel> models;
  for (const double c : {1.0, 4.0, 0.0}) {
    options.ranker_c = c;
    auto model = TrainNgame(task, options, Backend(), TrainingControl());
    ASSERT_TRUE(model.ok()) << model.status().ToString();
    models.push_back(std::move(*model));
  }
  EXPECT_EQ(models[0].ranker_c, 1.0);
  EXPECT_EQ(models[1].ranker_c, 4.0);
  EXPECT_NE(models[0].ranker.weights, models[1].ranker.weights);
  const auto value = [&](std::size_t i) {
    const auto& metrics = models[i].validation_metrics;
    return metrics.at("PSP@1") + metrics.at("PSP@5");
  };
  const double doubt = 0.1 / std::sqrt(static_cast<double>(models[0].num_validation_documents));
  const std::size_t best = value(1) > value(0) + doubt ? 1 : 0;
  EXPECT_EQ(models[2].ranker_c, models[best].ranker_c) << value(0) << " " << value(1);
  EXPECT_EQ(models[2].ranker.weights, models[best].ranker.weights);
  EXPECT_EQ(models[2].validation_metrics, models[best].validation_metrics);

  // Few documents a label: nothing is tried.
  TrainingTask small = SyntheticTask(1500, 200, 1);
  small.num_features = small.vocabulary_size;
  small.label_features = small.label_tokens;
  small.document_features = small.document_tokens;
  const auto few = TrainNgame(small, options, Backend(), TrainingControl());
  ASSERT_TRUE(few.ok()) << few.status().ToString();
  EXPECT_EQ(few->ranker_c, 1.0);
}

// After one epoch the encoder knows little of the synonyms; documents that share them are near.
TEST(NgameTest, VotesOfTheNearestDocumentsJoinTheScoreWhereTheyHelp) {
  const TrainingTask task = SyntheticTask(1500, 60, 6);
  NgameOptions options = FastOptions();
  options.epochs = 1;
  options.classifier_epochs = 0;
  const auto without = TrainNgame(task, options, Backend(), TrainingControl());
  options.retrieval = true;
  const auto with = TrainNgame(task, options, Backend(), TrainingControl());
  ASSERT_TRUE(without.ok()) << without.status().ToString();
  ASSERT_TRUE(with.ok()) << with.status().ToString();
  EXPECT_EQ(without->fusion_votes, 0.0);
  EXPECT_GT(with->fusion_votes, 0.0);
  EXPECT_EQ(with->validation_metrics.at("dense P@1"), without->validation_metrics.at("P@1"));
  EXPECT_GT(with->validation_metrics.at("P@1"), without->validation_metrics.at("P@1") + 0.05);

  // Nothing to add.
  options.epochs = FastOptions().epochs;
  options.classifier_epochs = FastOptions().classifier_epochs;
  const auto trained = TrainNgame(task, options, Backend(), TrainingControl());
  ASSERT_TRUE(trained.ok()) << trained.status().ToString();
  EXPECT_EQ(trained->fusion_votes, 0.0);
}

TEST(NgameTest, WithoutAHoldOutThereIsNoRanker) {
  const TrainingTask task = TaskForRanker();
  NgameOptions options = FastOptions();
  options.epochs = 1;
  options.validation_share = 0;
  const auto model = TrainNgame(task, options, Backend(), TrainingControl());
  ASSERT_TRUE(model.ok()) << model.status().ToString();
  EXPECT_EQ(model->fusion_ranker, 0.0);
  EXPECT_EQ(model->ranker.num_labels(), 0U);
}

TEST(NgameTest, SameSeedAndOneThreadGiveTheSameBits) {
  const TrainingTask task = SyntheticTask(600, 30, 2);
  NgameOptions options = FastOptions();
  options.epochs = 5;
  const auto a = TrainNgame(task, options, Backend(), TrainingControl());
  const auto b = TrainNgame(task, options, Backend(), TrainingControl());
  options.seed = 2;
  const auto c = TrainNgame(task, options, Backend(), TrainingControl());
  ASSERT_TRUE(a.ok() && b.ok() && c.ok());
  ASSERT_EQ(a->encoder.size(), b->encoder.size());
  for (std::size_t i = 0; i < a->encoder.size(); ++i) {
    EXPECT_EQ(a->encoder[i].values, b->encoder[i].values) << a->encoder[i].name;
  }
  EXPECT_EQ(a->classifiers, b->classifiers);
  EXPECT_EQ(a->fusion_encoder, b->fusion_encoder);
  EXPECT_NE(a->classifiers, c->classifiers);
}

TEST(NgameTest, EveryLossTrains) {
  const TrainingTask task = SyntheticTask(800, 30, 3);
  for (const LossKind kind :
       {LossKind::kSoftmax, LossKind::kTriplet, LossKind::kTripletHardest, LossKind::kBinary}) {
    SCOPED_TRACE(static_cast<int>(kind));
    NgameOptions options = FastOptions();
    options.encoder_loss.kind = kind == LossKind::kSoftmax ? kind : LossKind::kTriplet;
    options.encoder_loss.temperature = kind == LossKind::kSoftmax ? 0.05F : 0.1F;
    options.classifier_loss.kind = kind;
    options.classifier_loss.margin = 0.2F;
    options.classifier_loss.num_negatives = 5;
    const auto model = TrainNgame(task, options, Backend(), TrainingControl());
    ASSERT_TRUE(model.ok()) << model.status().ToString();
    EXPECT_GT(model->validation_metrics.at("P@1"), 0.8);
  }
}

TEST(NgameTest, FrozenEncoderAndNoLabelDocumentsTrain) {
  const TrainingTask task = SyntheticTask(800, 30, 4);
  NgameOptions options = FastOptions();
  options.classifier_trains_encoder = false;
  options.label_documents = false;
  options.hidden = 0;
  const auto model = TrainNgame(task, options, Backend(), TrainingControl());
  ASSERT_TRUE(model.ok()) << model.status().ToString();
  EXPECT_GT(model->validation_metrics.at("P@1"), 0.9);
  ExpectUsable(*model, task, options);
}

TEST(NgameTest, TrainsATransformer) {
  const TrainingTask task = TaskForTransformer(SyntheticTask(600, 12, 3));
  for (const bool trains_encoder : {false, true}) {
    SCOPED_TRACE(trains_encoder);
    NgameOptions options = TransformerOptions(task.vocabulary_size);
    options.classifier_trains_encoder = trains_encoder;
    const auto a = TrainNgame(task, options, Backend(), TrainingControl());
    ASSERT_TRUE(a.ok()) << a.status().ToString();
    EXPECT_GT(a->validation_metrics.at("encoder P@1"), 0.9);
    EXPECT_GT(a->validation_metrics.at("P@1"), 0.9);
    const auto parameters = TransformerParameters(options.transformer->config);
    ASSERT_EQ(a->encoder.size(), parameters.size());
    EXPECT_EQ(a->encoder[0].name, parameters[0].name);
    const auto b = TrainNgame(task, options, Backend(), TrainingControl());
    ASSERT_TRUE(b.ok()) << b.status().ToString();
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      EXPECT_EQ(a->encoder[i].values, b->encoder[i].values) << parameters[i].name;
    }
    EXPECT_EQ(a->classifiers, b->classifiers);
  }
}

TEST(NgameTest, RefusesATransformerOfAnotherShape) {
  const TrainingTask task = TaskForTransformer(SyntheticTask(100, 12, 3));
  NgameOptions options = TransformerOptions(task.vocabulary_size);
  options.dim = 16;
  EXPECT_EQ(TrainNgame(task, options, Backend(), TrainingControl()).status().code(),
            StatusCode::kInvalidArgument);
  options = TransformerOptions(task.vocabulary_size - 1);
  EXPECT_EQ(TrainNgame(task, options, Backend(), TrainingControl()).status().code(),
            StatusCode::kInvalidArgument);
}

TEST(NgameTest, OddDataSetsAreLegal) {
  const NgameOptions options = FastOptions();
  {
    SCOPED_TRACE("one document, one label");
    const TrainingTask task = SyntheticTask(1, 1, 5);
    const auto model = TrainNgame(task, options, Backend(), TrainingControl());
    ASSERT_TRUE(model.ok()) << model.status().ToString();
    ExpectUsable(*model, task, options);
    EXPECT_EQ(model->num_validation_documents, 0U);
  }
  {
    SCOPED_TRACE("labels without documents, documents and labels without tokens or labels");
    TrainingTask task = SyntheticTask(200, 20, 6);
    for (int i = 0; i < 5; ++i) {
      AppendBag({}, &task.label_tokens);
      AppendBag({static_cast<std::uint32_t>(i)}, &task.document_tokens);  // no label
      task.relevance.offsets.push_back(task.relevance.columns.size());
      task.own_label.push_back(TrainingTask::kNoLabel);
      AppendBag({}, &task.document_tokens);  // no token
      task.relevance.columns.push_back(20);  // the label has a document, yet no text
      task.relevance.offsets.push_back(task.relevance.columns.size());
      task.own_label.push_back(3);
    }
    AppendBag({1}, &task.document_tokens);
    task.relevance.columns.push_back(21);
    task.relevance.offsets.push_back(task.relevance.columns.size());
    task.own_label.push_back(21);
    const auto model = TrainNgame(task, options, Backend(), TrainingControl());
    ASSERT_TRUE(model.ok()) << model.status().ToString();
    ExpectUsable(*model, task, options);
  }
  {
    SCOPED_TRACE("no label has a text");
    TrainingTask task = SyntheticTask(300, 10, 7);
    task.label_tokens = SparseRows();
    task.label_tokens.offsets.assign(11, 0);
    const auto model = TrainNgame(task, options, Backend(), TrainingControl());
    ASSERT_TRUE(model.ok()) << model.status().ToString();
    EXPECT_GT(model->validation_metrics.at("classifier P@1"), 0.9);
  }
}

TEST(NgameTest, NothingToLearnFromIsAnError) {
  for (const bool has_tokens : {true, false}) {
    TrainingTask task = SyntheticTask(20, 4, 8);
    if (has_tokens) {
      task.relevance = SparseRows();
      task.relevance.offsets.assign(21, 0);
    } else {
      task.document_tokens = SparseRows();
      task.document_tokens.offsets.assign(21, 0);
    }
    const auto model = TrainNgame(task, FastOptions(), Backend(), TrainingControl());
    ASSERT_FALSE(model.ok());
    EXPECT_EQ(model.status().code(), StatusCode::kInvalidArgument);
    EXPECT_NE(model.status().message().find("nothing to learn from"), std::string::npos);
  }
  EXPECT_EQ(TrainNgame(TrainingTask(), FastOptions(), Backend(), TrainingControl()).status().code(),
            StatusCode::kInvalidArgument);
}

TEST(NgameTest, BadTasksAndOptionsAreRefusedByName) {
  const TrainingTask good = SyntheticTask(50, 5, 9);
  const auto expect_refusal = [&](const TrainingTask& task, const NgameOptions& options,
                                  const std::string& word) {
    const auto model = TrainNgame(task, options, Backend(), TrainingControl());
    ASSERT_FALSE(model.ok()) << word;
    EXPECT_EQ(model.status().code(), StatusCode::kInvalidArgument) << model.status().ToString();
    EXPECT_NE(model.status().message().find(word), std::string::npos) << model.status().ToString();
  };
  TrainingTask task = good;
  task.relevance.columns.own()[0] = 5;
  expect_refusal(task, FastOptions(), "relevance label");
  task = good;
  task.own_label.own()[0] = 5;
  expect_refusal(task, FastOptions(), "own label");
  task = good;
  task.document_tokens.columns.own()[0] = task.vocabulary_size;
  expect_refusal(task, FastOptions(), "document token");
  task = good;
  task.label_tokens.values.own()[0] = std::numeric_limits<float>::quiet_NaN();
  expect_refusal(task, FastOptions(), "label token");
  task = good;
  task.own_label.resize(task.own_label.size() - 1);
  expect_refusal(task, FastOptions(), "shape mismatch");

  NgameOptions options = FastOptions();
  options.dim = 0;
  expect_refusal(good, options, "dim");
  options = FastOptions();
  options.classifier_dropout = 1;
  expect_refusal(good, options, "classifier_dropout");
  options = FastOptions();
  options.encoder_loss.temperature = 0;
  expect_refusal(good, options, "temperature");
  options = FastOptions();
  options.device = "abacus";
  expect_refusal(good, options, "device");
}

TEST(NgameTest, DivergenceIsAnErrorWithTheStep) {
  const TrainingTask task = SyntheticTask(300, 10, 10);
  NgameOptions options = FastOptions();
  options.learning_rate_embeddings = 1e30F;
  options.learning_rate_dense = 1e6F;
  const auto model = TrainNgame(task, options, Backend(), TrainingControl());
  ASSERT_FALSE(model.ok());
  EXPECT_EQ(model.status().code(), StatusCode::kInternal);
  EXPECT_NE(model.status().message().find("at step"), std::string::npos);
}

TEST(NgameTest, StopIsHeededAtEveryStage) {
  const TrainingTask task = SyntheticTask(400, 20, 11);
  int num_polls = 0;
  TrainingControl count;
  count.should_stop = [&] { return ++num_polls < 0; };
  ASSERT_TRUE(TrainNgame(task, FastOptions(), Backend(), count).ok());
  ASSERT_GT(num_polls, 10);
  for (const int stop_at : {1, 2, num_polls / 2, num_polls - 1}) {
    int polls = 0;
    TrainingControl stop;
    stop.should_stop = [&] { return ++polls >= stop_at; };
    const auto model = TrainNgame(task, FastOptions(), Backend(), stop);
    ASSERT_FALSE(model.ok()) << stop_at;
    EXPECT_EQ(model.status().code(), StatusCode::kCancelled);
    EXPECT_EQ(polls, stop_at) << "nothing is polled after a stop";
  }
}

TEST(NgameTest, ProgressNamesPhasesAndReachesTheTotals) {
  const TrainingTask task = SyntheticTask(600, 20, 12);
  std::vector<Progress> reports;
  TrainingControl control;
  control.on_progress = [&](const Progress& progress) { reports.push_back(progress); };
  ASSERT_TRUE(TrainNgame(task, FastOptions(), Backend(), control).ok());
  std::vector<std::string> phases;
  for (std::size_t i = 0; i < reports.size(); ++i) {
    if (phases.empty() || phases.back() != reports[i].phase) {
      phases.push_back(reports[i].phase);
    } else {
      EXPECT_GE(reports[i].done, reports[i - 1].done);
    }
    EXPECT_LE(reports[i].done, reports[i].total);
    EXPECT_GT(reports[i].memory_bytes, 1U << 20U);
    if (reports[i].phase != "fusion" && reports[i].total > 0) {
      ASSERT_TRUE(reports[i].loss.has_value());
      EXPECT_TRUE(std::isfinite(*reports[i].loss));
    }
  }
  EXPECT_EQ(phases, (std::vector<std::string>{"encoder", "classifier", "fusion", "refit"}));
  EXPECT_EQ(reports.back().done, reports.back().total);
}

}  // namespace
}  // namespace dashi::trainer
