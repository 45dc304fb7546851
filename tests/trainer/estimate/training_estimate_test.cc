#include "trainer/estimate/training_estimate.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/trainer/ngame_tasks.h"
#include "tests/trainer/ramen/graph_tasks.h"
#include "trainer/ngame.h"
#include "trainer/ngame_encoder.h"
#include "trainer/training_data_state.h"
#include "trainer/training_state.h"

namespace dashi::trainer {
namespace {

using ::testing::HasSubstr;

/// A stage's parts by name.
std::map<std::string, std::uint64_t> PartsOf(const MemoryPhase& phase) {
  std::map<std::string, std::uint64_t> parts;
  for (const MemoryPart& part : phase.parts) {
    parts[part.name] += part.bytes;
  }
  return parts;
}

TrainingSizes SizesOf(TrainingTask task, const NgameOptions& options) {
  TrainingData data;
  data.task = std::move(task);
  return MeasureSizes(data, options, data.task.relevance.num_rows(),
                      data.task.label_tokens.num_rows());
}

TEST(TrainingEstimateTest, CountsTheParametersThatAModuleHas) {
  const TrainingTask bags = SyntheticTask(400, 12, 3);
  const TrainingTask tokens = TaskForTransformer(bags);
  for (const auto& [task, options] :
       {std::pair{bags, FastOptions()}, {tokens, TransformerOptions(tokens.vocabulary_size)}}) {
    const auto module = NewNgameEncoder(task.vocabulary_size, options, 1, Backend());
    ASSERT_TRUE(module.ok()) << module.status().ToString();
    std::uint64_t count = 0;
    for (const NamedTensor& tensor : module.value()->ExportParameters()) {
      count += tensor.values.size();
    }
    EXPECT_EQ(NumEncoderParameters(SizesOf(task, options), options), count);
  }
}

TEST(TrainingEstimateTest, PartsFollowFromTheSizes) {
  NgameOptions options;
  TrainingSizes sizes;
  sizes.num_documents = 1'000'000;
  sizes.num_labels = 300'000;
  sizes.num_label_items = 300'000;
  sizes.num_held_out = 1200;
  sizes.document_tokens = 60'000'000;
  sizes.pairs = 3'000'000;
  sizes.vocabulary_size = 100'000;
  options.rows_memory_mb = 10'000;
  const std::vector<MemoryPhase> phases = EstimateMemory(sizes, options);
  ASSERT_EQ(phases.size(), 4U);
  const auto encoder = PartsOf(phases[0]);
  const std::uint64_t parameters = 4ULL * (100'000ULL * 256 + 2ULL * 256 * 256 + 256);
  EXPECT_EQ(encoder.at("encoder"), parameters);
  EXPECT_EQ(encoder.at("moments of the encoder"), 2 * parameters);
  EXPECT_GE(encoder.at("memory bank"), 1'300'000ULL * 256 * 2);
  EXPECT_GE(encoder.at("token lists and pairs"), 60'000'000ULL * 8);
  const auto classifier = PartsOf(phases[1]);
  EXPECT_EQ(classifier.at("classifiers"), 300'000ULL * 256 * 4);
  EXPECT_EQ(classifier.at("moments of the classifiers"), 2 * 300'000ULL * 256 * 4);
  EXPECT_EQ(classifier.at("best epoch"), parameters + 300'000ULL * 256 * 4);

  // A GPU takes the tensors, and nothing is counted twice.
  for (const MemoryPhase& phase : phases) {
    EXPECT_EQ(phase.HostBytes(/*on_device=*/true) + phase.DeviceBytes(),
              phase.HostBytes(/*on_device=*/false));
  }
  NgameOptions binary = options;
  binary.classifier_loss.kind = LossKind::kBinary;
  EXPECT_EQ(PartsOf(EstimateMemory(sizes, binary)[1]).at("moments of the classifiers"), 0U);
  EXPECT_EQ(EstimateDisk(sizes, options).checkpoint_state_bytes -
                EstimateDisk(sizes, binary).checkpoint_state_bytes,
            2 * 300'000ULL * 256 * 4);
  options.classifier_trains_encoder = false;
  EXPECT_EQ(PartsOf(EstimateMemory(sizes, options)[1]).count("moments of the encoder"), 0U);
  options.classifier_epochs = 0;
  EXPECT_EQ(EstimateMemory(sizes, options).size(), 3U);
}

/// Keeps the sizes of the largest state, and of every kind of part.
class CountingCheckpoints final : public TrainingCheckpoints {
 public:
  bool IsDue() const override { return true; }
  Status Save(const std::function<Status(StateWriter&)>& write) override {
    struct Counter final : StateWriter {
      Status Put(const std::string& /*name*/, std::string_view part) override {
        bytes += part.size();
        return Status();
      }
      std::uint64_t bytes = 0;
    } counter;
    const Status status = write(counter);
    largest_ = std::max(largest_, counter.bytes);
    return status;
  }
  const StateReader* Latest() const override { return nullptr; }
  std::uint64_t largest() const { return largest_; }

 private:
  std::uint64_t largest_ = 0;
};

TEST(TrainingEstimateTest, LargestCheckpointIsAsLargeAsThought) {
  NgameOptions options = FastOptions();
  options.epochs = 2;
  options.classifier_epochs = 2;
  const TrainingTask task = SyntheticTask(3000, 400, 3);
  CountingCheckpoints checkpoints;
  TrainingControl control;
  control.checkpoints = &checkpoints;
  ASSERT_TRUE(TrainNgame(task, options, Backend(), control).ok());
  const auto thought =
      static_cast<double>(EstimateDisk(SizesOf(task, options), options).checkpoint_state_bytes);
  EXPECT_NEAR(thought / static_cast<double>(checkpoints.largest()), 1.0, 0.1);
}

TEST(TrainingEstimateTest, GraphsAreCounted) {
  const auto data_with_words = [] {
    BagTokenizer::Learner learner({});
    learner.AddText("a word");
    TrainingData data;
    data.tokenizer = learner.Build();
    return data;
  };
  TrainingData with = data_with_words();
  with.task = TaskWithPlantedGraph(300, 5);
  with.task.graphs.push_back(Shuffled(with.task.graphs.front(), 6));
  TrainingData without = data_with_words();
  without.task = with.task;
  without.task.graphs.clear();
  NgameOptions options = FastOptions();
  options.ranker = false;
  const TrainingSizes sizes = SizesOf(with.task, options);
  const TrainingSizes no_graphs = SizesOf(without.task, options);
  EXPECT_EQ(no_graphs.num_graphs, 0U);
  EXPECT_EQ(sizes.num_graphs, 2U);
  EXPECT_EQ(sizes.num_anchors, 2 * with.task.graphs.front().anchor_tokens.num_rows());
  EXPECT_EQ(sizes.num_anchors_max, with.task.graphs.front().anchor_tokens.num_rows());

  // What graphs add to the rows that a checkpoint keeps is what is thought to stand in memory, and
  // on the disk.
  CountingCheckpoints all;
  CountingCheckpoints rest;
  const auto save = [](const TrainingData& data) {
    return [&data](StateWriter& to) { return SaveTrainingData(data, to); };
  };
  ASSERT_TRUE(all.Save(save(with)).ok());
  ASSERT_TRUE(rest.Save(save(without)).ok());
  const auto added = static_cast<double>(all.largest() - rest.largest());
  const auto rows = [&](const TrainingSizes& of) { return MeasureRows(of, options).tokens; };
  const auto disk = [&](const TrainingSizes& of) {
    return EstimateDisk(of, options).checkpoint_data_bytes;
  };
  EXPECT_NEAR(static_cast<double>(rows(sizes) - rows(no_graphs)) / added, 1.0, 0.02);
  EXPECT_NEAR(static_cast<double>(disk(sizes) - disk(no_graphs)) / added, 1.0, 0.02);
  EXPECT_EQ(
      PartsOf(EstimateMemory(sizes, options)[0]).count("edges that are kept, anchors by text"), 1U);

  // Time: the anchors of both graphs are embedded before each pruning.
  options.epochs = 12;
  options.ramen.warmup_share = 0.25;
  options.ramen.prune_epochs = 3;
  StepTrial steps;
  steps.stage = "encoder";
  steps.seconds_per_text = 1e-3;
  steps.encode_seconds = 1e-4;
  const double more = EstimateTime(sizes, options, 1, steps, {}).encoder_seconds -
                      EstimateTime(no_graphs, options, 1, steps, {}).encoder_seconds;
  const double tokens_per_document =
      static_cast<double>(sizes.document_tokens) / static_cast<double>(sizes.num_documents);
  EXPECT_NEAR(more, 3 * 1e-4 * static_cast<double>(sizes.anchor_tokens) / tokens_per_document,
              1e-6);
}

TEST(TrainingEstimateTest, RefusesWithTheNumbersAndWhatWouldHelp) {
  NgameOptions options;
  options.device = "cpu";
  TrainingSizes sizes;
  sizes.num_documents = sizes.num_labels = sizes.num_label_items = 100'000;
  sizes.num_held_out = 1200;
  sizes.vocabulary_size = 100'000;
  const auto estimate = EstimateSpace(sizes, options, Backend());
  ASSERT_TRUE(estimate.ok()) << estimate.status().ToString();
  EXPECT_EQ(estimate.value().device_bytes, 0U);
  const std::uint64_t needed = estimate.value().memory_bytes;
  const std::uint64_t held = estimate.value().held_bytes;
  EXPECT_GT(held, 0U);
  const auto check = [&](std::uint64_t limit, std::optional<std::uint64_t> available) {
    return CheckMemory(estimate.value(), options, {limit, available}, Backend());
  };
  EXPECT_TRUE(check(0, std::nullopt).ok());
  EXPECT_TRUE(check(needed, needed).ok());
  // What was read is there already.
  EXPECT_TRUE(check(0, needed - held).ok());
  const Status short_of = check(0, needed - held - 1);
  EXPECT_EQ(short_of.sqlstate(), "53200");
  EXPECT_THAT(std::string(short_of.message()),
              HasSubstr(std::to_string((needed + (1U << 20U) - 1) >> 20U) + " MiB needed, "));
  EXPECT_THAT(std::string(short_of.hint()), HasSubstr("MiB with dim = 128"));
  const Status limited = check(needed - 1, std::nullopt);
  EXPECT_EQ(limited.sqlstate(), "53200");
  EXPECT_THAT(std::string(limited.message()), HasSubstr("option memory_limit_mb"));
}

TEST(TrainingEstimateTest, TimeAddsUpFromStepsAndTrials) {
  NgameOptions options;
  options.epochs = 10;
  options.classifier_epochs = 5;
  options.cluster_size_max = 1;
  TrainingSizes sizes;
  sizes.num_documents = sizes.num_documents_stored = 1000;
  sizes.num_labels = sizes.num_labels_stored = 500;
  sizes.document_tokens = 30'000;
  sizes.label_tokens = 5000;
  StepTrial steps;
  steps.stage = "encoder";
  steps.seconds_per_text = 0.01;
  TrialRates rates;
  rates.classifier_seconds_per_text = 0.004;
  const TimeEstimate time = EstimateTime(sizes, options, 3, steps, rates);
  EXPECT_DOUBLE_EQ(time.reading_seconds, 3);
  EXPECT_DOUBLE_EQ(time.encoder_seconds, 10 * 1000 * 0.01);
  // Of a step's 30 + 10 tokens, 30 are the document's. There is no hold-out, so no repetition.
  EXPECT_NEAR(time.classifier_seconds, 5 * 1000 * (0.004 + 0.01 * 30 / 40), 1e-9);
  EXPECT_DOUBLE_EQ(time.ranker_seconds, 0);
  options.classifier_trains_encoder = false;
  EXPECT_NEAR(EstimateTime(sizes, options, 3, steps, rates).classifier_seconds, 5 * 1000 * 0.004,
              1e-9);
}

TEST(TrainingEstimateTest, TimingTheFirstStepsChangesNoBit) {
  const TrainingTask bags = TaskForRanker();
  const TrainingTask tokens = TaskForTransformer(SyntheticTask(400, 12, 3));
  for (const auto& [task, options] :
       {std::pair{bags, FastOptions()}, {tokens, TransformerOptions(tokens.vocabulary_size)}}) {
    const auto plain = TrainNgame(task, options, Backend(), {});
    ASSERT_TRUE(plain.ok()) << plain.status().ToString();
    std::vector<StepTrial> trials;
    TrainingControl control;
    control.on_trial = [&](const StepTrial& trial) { trials.push_back(trial); };
    const TrainingSizes sizes = SizesOf(task, options);
    ThreadPool pool(1);
    const auto rates = RunTrials(task, sizes, options, Backend(), pool, control);
    ASSERT_TRUE(rates.ok()) << rates.status().ToString();
    EXPECT_GT(rates.value().classifier_seconds_per_text, 0);
    EXPECT_EQ(rates.value().ranker_seconds_per_label > 0, task.num_features > 0);
    const auto timed = TrainNgame(task, options, Backend(), control);
    ASSERT_TRUE(timed.ok()) << timed.status().ToString();
    ASSERT_EQ(trials.size(), 1U);
    EXPECT_EQ(trials[0].stage, "encoder");
    EXPECT_EQ(trials[0].num_steps, 20U);
    EXPECT_GT(trials[0].seconds_per_text, 0);
    EXPECT_GT(trials[0].encode_seconds, 0);
    ASSERT_EQ(plain.value().encoder.size(), timed.value().encoder.size());
    for (std::size_t i = 0; i < plain.value().encoder.size(); ++i) {
      EXPECT_TRUE(plain.value().encoder[i].values == timed.value().encoder[i].values);
    }
    EXPECT_TRUE(plain.value().classifiers == timed.value().classifiers);
    EXPECT_EQ(plain.value().ranker.weights, timed.value().ranker.weights);
    EXPECT_EQ(plain.value().validation_metrics, timed.value().validation_metrics);
    EXPECT_GT(EstimateTime(sizes, options, 0, trials[0], rates.value()).Total(), 0);
  }
}

}  // namespace
}  // namespace dashi::trainer
