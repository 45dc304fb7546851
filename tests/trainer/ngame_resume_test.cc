#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/testing/tiny_database.h"
#include "tests/trainer/ngame_tasks.h"
#include "tests/trainer/ramen/graph_tasks.h"
#include "tests/trainer/state_parts.h"
#include "trainer/bag_module.h"
#include "trainer/ngame.h"
#include "trainer/scratch/row_writer.h"
#include "trainer/scratch/scratch_space.h"
#include "trainer/training_state.h"

namespace dashi::trainer {
namespace {

/// Stops the training at the n-th question whether to save or to go on, and saves from then on.
class StoppingCheckpoints final : public TrainingCheckpoints {
 public:
  StoppingCheckpoints(const Parts& begin, std::uint64_t stop_at) : stop_at_(stop_at) {
    if (!begin.empty()) {
      latest_ = std::make_unique<MapReader>(begin);
    }
  }

  bool IsDue() const override { return ShouldStop(); }
  bool ShouldStop() const { return ++num_asked_ >= stop_at_; }
  Status Save(const std::function<Status(StateWriter&)>& write) override {
    saved_.clear();
    MapWriter writer(&saved_);
    return write(writer);
  }
  const StateReader* Latest() const override { return latest_.get(); }

  std::uint64_t num_asked() const { return num_asked_; }
  const Parts& saved() const { return saved_; }

 private:
  const std::uint64_t stop_at_;
  mutable std::uint64_t num_asked_ = 0;
  std::unique_ptr<StateReader> latest_;
  Parts saved_;
};

constexpr std::uint64_t kNever = ~std::uint64_t{0};

struct Case {
  std::string name;
  TrainingTask task;
  NgameOptions options;
};

std::vector<Case> Cases() {
  std::vector<Case> cases;
  NgameOptions options = FastOptions();
  options.epochs = 5;
  options.classifier_epochs = 3;
  options.retrieval = true;
  cases.push_back({"bag with ranker and votes", TaskForRanker(), options});
  options.retrieval = false;
  options.classifier_trains_encoder = false;
  options.hidden = 0;
  options.validation_share = 0;
  cases.push_back({"frozen bag without hold-out", SyntheticTask(600, 30, 2), options});
  TrainingTask task = TaskForTransformer(SyntheticTask(400, 12, 3));
  NgameOptions transformer = TransformerOptions(task.vocabulary_size);
  transformer.epochs = 8;
  cases.push_back({"transformer", std::move(task), transformer});
  TrainingTask graphs = TaskWithPlantedGraph(20, 4);
  graphs.graphs.push_back(Shuffled(graphs.graphs[0], 5));
  options = FastOptions();
  options.epochs = 9;
  options.classifier_epochs = 0;
  options.ramen.weighting = GraphWeighting::kBandit;
  options.ramen.warmup_terms = true;
  options.ramen.prune_epochs = 2;
  options.ramen.bandit_steps = 3;
  cases.push_back({"bag with graphs", std::move(graphs), options});
  return cases;
}

struct TrainedRun {
  Result<NgameModel> model;
  std::vector<EpochReport> epochs;
  Parts saved;
  std::uint64_t num_asked = 0;
};

TrainedRun Train(const Case& one, const Parts& begin, std::uint64_t stop_at,
                 ScratchSpace* scratch = nullptr) {
  StoppingCheckpoints checkpoints(begin, stop_at);
  std::vector<EpochReport> epochs;
  TrainingControl control;
  control.checkpoints = &checkpoints;
  control.scratch = scratch;
  control.should_stop = [&] { return checkpoints.ShouldStop(); };
  control.on_epoch = [&](const EpochReport& report) { epochs.push_back(report); };
  Result<NgameModel> model = TrainNgame(one.task, one.options, Backend(), control);
  return {std::move(model), std::move(epochs), checkpoints.saved(), checkpoints.num_asked()};
}

void ExpectSameBits(const NgameModel& a, const NgameModel& b) {
  ASSERT_EQ(a.encoder.size(), b.encoder.size());
  for (std::size_t i = 0; i < a.encoder.size(); ++i) {
    EXPECT_TRUE(a.encoder[i].values == b.encoder[i].values) << a.encoder[i].name;
  }
  EXPECT_TRUE(a.classifiers == b.classifiers);
  EXPECT_EQ(a.fusion_encoder, b.fusion_encoder);
  EXPECT_EQ(a.fusion_classifier, b.fusion_classifier);
  EXPECT_EQ(a.fusion_ranker, b.fusion_ranker);
  EXPECT_EQ(a.fusion_votes, b.fusion_votes);
  EXPECT_EQ(a.ranker.offsets, b.ranker.offsets);
  EXPECT_EQ(a.ranker.features, b.ranker.features);
  EXPECT_EQ(a.ranker.weights, b.ranker.weights);
  EXPECT_EQ(a.ranker.biases, b.ranker.biases);
  EXPECT_EQ(a.validation_metrics, b.validation_metrics);
  EXPECT_EQ(a.num_validation_documents, b.num_validation_documents);
  EXPECT_EQ(a.classifier_epochs_run, b.classifier_epochs_run);
  EXPECT_EQ(a.graphs, b.graphs);
}

TEST(NgameResumeTest, BatchesThatAreReadAheadChangeNoBit) {
  for (Case one : Cases()) {
    SCOPED_TRACE(one.name);
    one.options.batches_ahead = 0;
    const TrainedRun between = Train(one, {}, kNever);
    ASSERT_TRUE(between.model.ok()) << between.model.status().ToString();
    // Half of it with one way of reading, the rest with another.
    const TrainedRun half = Train(one, {}, between.num_asked / 2);
    ASSERT_FALSE(half.model.ok());
    for (const std::uint32_t ahead : {1U, 2U, 1000U}) {
      SCOPED_TRACE(ahead);
      one.options.batches_ahead = ahead;
      const TrainedRun whole = Train(one, {}, kNever);
      ASSERT_TRUE(whole.model.ok()) << whole.model.status().ToString();
      ExpectSameBits(*whole.model, *between.model);
      const TrainedRun rest = Train(one, half.saved, kNever);
      ASSERT_TRUE(rest.model.ok()) << rest.model.status().ToString();
      ExpectSameBits(*rest.model, *between.model);
    }
  }
}

// Copies rows into files.
SparseRows InFiles(const SparseRows& rows, ScratchSpace* scratch) {
  RowWriter writer(scratch);
  EXPECT_TRUE(writer.Append(rows).ok());
  auto written = writer.Finish();
  EXPECT_TRUE(written.ok()) << written.status().ToString();
  EXPECT_EQ(written->columns.is_mapped(), !rows.columns.empty());
  return std::move(written).value();
}

TEST(NgameResumeTest, RowsInFilesChangeNoBit) {
  const testing::TemporaryDirectory folder;
  ScratchSpace scratch({folder.path(), &FileGate::System(), /*memory_bytes_max=*/0, {}});
  for (Case one : Cases()) {
    SCOPED_TRACE(one.name);
    const TrainedRun memory = Train(one, {}, kNever);
    ASSERT_TRUE(memory.model.ok()) << memory.model.status().ToString();
    const TrainedRun half = Train(one, {}, memory.num_asked / 3);
    for (SparseRows* rows : {&one.task.document_tokens, &one.task.label_tokens, &one.task.relevance,
                             &one.task.document_features, &one.task.label_features}) {
      *rows = InFiles(*rows, &scratch);
    }
    const std::uint64_t before = scratch.file_bytes_written();
    const TrainedRun files = Train(one, {}, kNever, &scratch);
    ASSERT_TRUE(files.model.ok()) << files.model.status().ToString();
    EXPECT_GT(scratch.file_bytes_written(), before);  // Of the memory bank.
    ExpectSameBits(*files.model, *memory.model);
    // A stop in memory goes on in files, and the other way round.
    const TrainedRun rest = Train(one, half.saved, kNever, &scratch);
    ASSERT_TRUE(rest.model.ok()) << rest.model.status().ToString();
    ExpectSameBits(*rest.model, *memory.model);
    const TrainedRun half_in_files = Train(one, {}, memory.num_asked / 3, &scratch);
    EXPECT_EQ(half_in_files.saved.size(), half.saved.size());
    const TrainedRun rest_in_memory = Train(one, half_in_files.saved, kNever);
    ASSERT_TRUE(rest_in_memory.model.ok()) << rest_in_memory.model.status().ToString();
    ExpectSameBits(*rest_in_memory.model, *memory.model);
  }
}

TEST(NgameResumeTest, AStopAtAnyQuestionChangesNoBit) {
  for (const Case& one : Cases()) {
    SCOPED_TRACE(one.name);
    const TrainedRun whole = Train(one, {}, kNever);
    ASSERT_TRUE(whole.model.ok()) << whole.model.status().ToString();
    ASSERT_GT(whole.num_asked, 30U);
    for (const EpochReport& report : whole.epochs) {
      EXPECT_GT(report.step_seconds, 0);
      EXPECT_LE(report.cluster_seconds + report.wait_seconds + report.step_seconds, report.seconds);
    }
    const std::uint64_t stride = whole.num_asked / 25;
    for (std::uint64_t stop_at = 1; stop_at <= whole.num_asked; stop_at += stride) {
      SCOPED_TRACE(stop_at);
      const TrainedRun first = Train(one, {}, stop_at);
      ASSERT_FALSE(first.saved.empty());
      if (!first.model.ok()) {  // The last question comes when nothing is left to stop.
        ASSERT_EQ(first.model.status().code(), StatusCode::kCancelled);
      }
      const TrainedRun second = Train(one, first.saved, kNever);
      ASSERT_TRUE(second.model.ok()) << second.model.status().ToString();
      ExpectSameBits(*whole.model, *second.model);
      ASSERT_EQ(first.epochs.size() + second.epochs.size(), whole.epochs.size());
      for (std::size_t i = 0; i < whole.epochs.size(); ++i) {
        const EpochReport& report =
            i < first.epochs.size() ? first.epochs[i] : second.epochs[i - first.epochs.size()];
        EXPECT_EQ(report.stage, whole.epochs[i].stage);
        EXPECT_EQ(report.epoch, whole.epochs[i].epoch);
        EXPECT_EQ(report.loss, whole.epochs[i].loss);
        EXPECT_EQ(report.psp5, whole.epochs[i].psp5);
        EXPECT_EQ(report.graphs, whole.epochs[i].graphs);
      }
    }
  }
}

// What measures evidence and prunes asks while it encodes: between two epochs, where no batch is
// under way.
TEST(NgameResumeTest, AStopInsidePruningChangesNoBit) {
  Case one{"pruning", TaskWithPlantedGraph(30, 6), FastOptions()};
  one.options.epochs = 5;
  one.options.classifier_epochs = 0;
  one.options.ramen.warmup_share = 0.6;
  one.options.ramen.prune_epochs = 1;
  const TrainedRun whole = Train(one, {}, kNever);
  ASSERT_TRUE(whole.model.ok()) << whole.model.status().ToString();
  EXPECT_GT(whole.model->graphs[0].weight, 0);
  EXPECT_LT(whole.model->graphs[0].num_edges_kept, whole.model->graphs[0].num_edges);
  for (std::uint64_t stop_at = 1; stop_at <= whole.num_asked; ++stop_at) {
    SCOPED_TRACE(stop_at);
    const TrainedRun first = Train(one, {}, stop_at);
    ASSERT_FALSE(first.saved.empty());
    const TrainedRun second = Train(one, first.saved, kNever);
    ASSERT_TRUE(second.model.ok()) << second.model.status().ToString();
    ExpectSameBits(*whole.model, *second.model);
  }
}

TEST(NgameResumeTest, ManyStopsAddUp) {
  for (const Case& one : Cases()) {
    SCOPED_TRACE(one.name);
    const TrainedRun whole = Train(one, {}, kNever);
    ASSERT_TRUE(whole.model.ok());
    Parts saved;
    for (int runs = 1;; ++runs) {
      ASSERT_LT(runs, 200);
      TrainedRun run = Train(one, saved, 9 + 2 * static_cast<std::uint64_t>(runs));
      if (run.model.ok()) {
        EXPECT_GT(runs, 4);
        ExpectSameBits(*whole.model, *run.model);
        break;
      }
      saved = std::move(run.saved);
      ASSERT_FALSE(saved.empty());
    }
  }
}

TEST(NgameResumeTest, AStateThatDoesNotFitIsRefusedByPart) {
  for (const std::size_t number : {std::size_t{0}, Cases().size() - 1}) {
    const Case one = Cases()[number];
    SCOPED_TRACE(one.name);
    const Parts saved = Train(one, {}, 24).saved;
    ASSERT_GT(saved.size(), 15U);
    for (const auto& [name, bytes] : saved) {
      SCOPED_TRACE(name);
      Parts damaged = saved;
      damaged.erase(name);
      EXPECT_EQ(Train(one, damaged, kNever).model.status().code(), StatusCode::kNotFound);
      damaged = saved;
      damaged[name] += "abc";
      EXPECT_EQ(Train(one, damaged, kNever).model.status().code(), StatusCode::kCorruption);
    }
    Case other = one;
    other.options.dim = 16;
    EXPECT_EQ(Train(other, saved, kNever).model.status().code(), StatusCode::kCorruption);
  }
}

TEST(NgameResumeTest, NumbersThatAreNotFiniteAreNeverSaved) {
  BagModuleOptions options;
  options.vocabulary_size = 5;
  options.dim = 8;
  options.hidden = 4;
  options.device = "cpu";
  const auto module = Backend().NewBagModule(options);
  ASSERT_TRUE(module.ok()) << module.status().ToString();
  std::vector<NamedTensor> parameters = (*module)->ExportParameters();
  Parts saved;
  MapWriter good(&saved);
  EXPECT_TRUE((*module)->Save(good).ok());
  for (NamedTensor& tensor : parameters) {
    SCOPED_TRACE(tensor.name);
    const float before = std::exchange(tensor.values[2], std::numeric_limits<float>::infinity());
    ASSERT_TRUE((*module)->ImportParameters(parameters).ok());
    saved.clear();
    MapWriter writer(&saved);
    const Status status = (*module)->Save(writer);
    EXPECT_EQ(status.code(), StatusCode::kInternal);
    EXPECT_NE(status.message().find("training diverged"), std::string::npos);
    tensor.values[2] = before;
  }
}

}  // namespace
}  // namespace dashi::trainer
