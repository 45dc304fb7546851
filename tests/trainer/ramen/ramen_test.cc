#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/trainer/ngame_tasks.h"
#include "tests/trainer/ramen/graph_tasks.h"
#include "trainer/ngame.h"

namespace dashi::trainer {
namespace {

NgameModel Train(const TrainingTask& task, const NgameOptions& options) {
  auto model = TrainNgame(task, options, Backend(), TrainingControl());
  EXPECT_TRUE(model.ok()) << model.status().ToString();
  return model.ok() ? std::move(model).value() : NgameModel();
}

void ExpectSameBits(const NgameModel& a, const NgameModel& b) {
  ASSERT_EQ(a.encoder.size(), b.encoder.size());
  for (std::size_t i = 0; i < a.encoder.size(); ++i) {
    EXPECT_TRUE(a.encoder[i].values == b.encoder[i].values) << a.encoder[i].name;
  }
  EXPECT_TRUE(a.classifiers == b.classifiers);
  EXPECT_EQ(a.validation_metrics, b.validation_metrics);
}

TEST(RamenTest, WithoutAGraphThatCountsItIsNgameToTheBit) {
  const TrainingTask task = TaskWithPlantedGraph(60, 1);
  TrainingTask plain = task;
  plain.graphs.clear();
  NgameOptions options = FastOptions();
  options.epochs = 5;
  const NgameModel bar = Train(plain, options);
  EXPECT_TRUE(bar.graphs.empty());
  const std::vector<std::function<void(TrainingTask*, RamenOptions*)>> ways{
      [](TrainingTask*, RamenOptions* ramen) {
        ramen->document_graph = false;
        ramen->label_graph = false;
      },
      [](TrainingTask*, RamenOptions* ramen) { ramen->weight = 0; },
      [](TrainingTask* changed, RamenOptions*) {
        for (SparseRows* edges :
             {&changed->graphs[0].document_anchors, &changed->graphs[0].label_anchors}) {
          const std::size_t num_rows = edges->num_rows();
          *edges = SparseRows();
          edges->offsets.assign(num_rows + 1, 0);
        }
      },
  };
  for (std::size_t way = 0; way < ways.size(); ++way) {
    SCOPED_TRACE(way);
    TrainingTask changed = task;
    NgameOptions with = options;
    ways[way](&changed, &with.ramen);
    const NgameModel model = Train(changed, with);
    EXPECT_TRUE(model.graphs.empty());
    ExpectSameBits(model, bar);
  }
  const NgameModel with = Train(task, options);
  EXPECT_EQ(with.graphs.size(), 2U);
  EXPECT_NE(with.encoder[0].values, bar.encoder[0].values);
  ExpectSameBits(with, Train(task, options));
}

TEST(RamenTest, OptionsOutOfRangeAreNamed) {
  const TrainingTask task = TaskWithPlantedGraph(10, 1);
  const std::vector<std::pair<std::string, std::function<void(RamenOptions*)>>> mistakes{
      {"anchors_per_row", [](RamenOptions* ramen) { ramen->anchors_per_row = 0; }},
      {"row_share", [](RamenOptions* ramen) { ramen->row_share = 0; }},
      {"row_share", [](RamenOptions* ramen) { ramen->row_share = 1.5; }},
      {"graph_loss temperature", [](RamenOptions* ramen) { ramen->loss.temperature = 0; }},
      {"graph_loss margin", [](RamenOptions* ramen) { ramen->loss.margin = -1; }},
      {"graph_loss", [](RamenOptions* ramen) { ramen->loss.num_negatives = 0; }},
      {"graph_loss", [](RamenOptions* ramen) { ramen->loss.kind = LossKind::kBinary; }},
      {"graph_warmup_share", [](RamenOptions* ramen) { ramen->warmup_share = 1.5; }},
      {"prune_epochs", [](RamenOptions* ramen) { ramen->prune_epochs = 0; }},
      {"cosine_deviations", [](RamenOptions* ramen) { ramen->cosine_deviations = -1; }},
      {"graph_warmup_terms", [](RamenOptions* ramen) { ramen->warmup_terms = true; }},
      {"cosine_min",
       [](RamenOptions* ramen) { ramen->cosine_min = std::numeric_limits<float>::quiet_NaN(); }},
      {"graph_weight", [](RamenOptions* ramen) { ramen->weight = -0.1; }},
      {"graph_weight_min", [](RamenOptions* ramen) { ramen->weight_min = -0.1; }},
      {"bandit_rate", [](RamenOptions* ramen) { ramen->bandit_rate = 0; }},
      {"bandit_deviation", [](RamenOptions* ramen) { ramen->bandit_deviation = 0; }},
      {"bandit_steps", [](RamenOptions* ramen) { ramen->bandit_steps = 0; }},
      {"bandit_momentum", [](RamenOptions* ramen) { ramen->bandit_momentum = 1.1; }},
      {"bandit_frozen_share", [](RamenOptions* ramen) { ramen->bandit_frozen_share = -0.1; }},
  };
  for (const auto& [name, mistake] : mistakes) {
    SCOPED_TRACE(name);
    NgameOptions options = FastOptions();
    mistake(&options.ramen);
    const auto model = TrainNgame(task, options, Backend(), TrainingControl());
    ASSERT_FALSE(model.ok());
    EXPECT_EQ(model.status().code(), StatusCode::kInvalidArgument);
    EXPECT_TRUE(model.status().message().starts_with(name)) << model.status().ToString();
  }
}

TEST(RamenTest, GraphsThatDoNotFitTheTaskAreRefusedByName) {
  const TrainingTask task = TaskWithPlantedGraph(10, 1);
  const std::vector<std::function<void(TrainingGraph*)>> mistakes{
      [](TrainingGraph* graph) { graph->document_anchors.offsets.push_back(0); },
      [](TrainingGraph* graph) { graph->label_anchors.offsets = {0}; },
      [](TrainingGraph* graph) { graph->label_anchors.columns.own()[3] = 30; },
      [](TrainingGraph* graph) {
        graph->document_anchors.values.assign(graph->document_anchors.columns.size(), 1);
      },
  };
  for (std::size_t i = 0; i < mistakes.size(); ++i) {
    SCOPED_TRACE(i);
    TrainingTask changed = task;
    mistakes[i](&changed.graphs[0]);
    const auto model = TrainNgame(changed, FastOptions(), Backend(), TrainingControl());
    ASSERT_FALSE(model.ok());
    EXPECT_EQ(model.status().code(), StatusCode::kInvalidArgument);
    EXPECT_NE(model.status().message().find("planted"), std::string::npos);
  }
  TrainingTask changed = task;
  changed.graphs[0].anchor_tokens.columns.own()[0] = task.vocabulary_size;
  const auto model = TrainNgame(changed, FastOptions(), Backend(), TrainingControl());
  ASSERT_FALSE(model.ok());
  EXPECT_NE(model.status().message().find("anchor token"), std::string::npos);
}

// With the weights of the options, so that only pruning stands against edges that are wrong.
TEST(RamenTest, PruningFindsEdgesThatAreWrong) {
  const TrainingTask task = TaskWithPlantedGraph(200, 1);
  TrainingTask plain = task;
  plain.graphs.clear();
  TrainingTask noisy = task;
  noisy.graphs[0] = WithNoise(task.graphs[0], 1);
  NgameOptions options = FastOptions();
  options.ranker = false;
  options.ramen.weighting = GraphWeighting::kFixed;
  options.ramen.row_share = 1;  // The steps are few.
  const NgameModel without = Train(plain, options);
  const NgameModel clean = Train(task, options);
  const NgameModel pruned = Train(noisy, options);
  const double bar = without.validation_metrics.at("encoder P@1");
  const double best = clean.validation_metrics.at("encoder P@1");
  EXPECT_GT(best, bar + 0.05);
  EXPECT_GT(pruned.validation_metrics.at("encoder P@1"), bar + 0.5 * (best - bar));
  for (const GraphReport& graph : pruned.graphs) {
    EXPECT_LT(graph.num_edges_kept, graph.num_edges * 7 / 10);
  }
}

// A graph at random is no evidence, so that the training is the one without it.
TEST(RamenTest, AGraphAtRandomGetsNoWeight) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE(seed);
    TrainingTask task = TaskWithPlantedGraph(200, seed);
    TrainingTask plain = task;
    plain.graphs.clear();
    task.graphs[0] = Shuffled(task.graphs[0], seed);
    NgameOptions options = FastOptions();
    options.seed = seed;
    options.ranker = false;
    options.classifier_epochs = 0;
    const NgameModel model = Train(task, options);
    double weights = 0;
    for (const GraphReport& graph : model.graphs) {
      ASSERT_TRUE(graph.evidence.has_value());
      EXPECT_LT(graph.evidence->agreement, graph.evidence->chance + 4 * graph.evidence->error);
      weights += graph.weight;
    }
    EXPECT_LT(weights, 0.02);
    const NgameModel without = Train(plain, options);
    EXPECT_NEAR(model.validation_metrics.at("encoder P@1"),
                without.validation_metrics.at("encoder P@1"), 0.005);
  }
}

// The reports of all epochs of the encoder stage.
std::vector<std::vector<GraphReport>> GraphsByEpoch(const TrainingTask& task,
                                                    const NgameOptions& options) {
  std::vector<std::vector<GraphReport>> epochs;
  TrainingControl control;
  control.on_epoch = [&epochs](const EpochReport& report) {
    if (report.stage == "encoder") {
      epochs.push_back(report.graphs);
    }
  };
  EXPECT_TRUE(TrainNgame(task, options, Backend(), control).ok());
  return epochs;
}

TEST(RamenTest, AGraphThatConvincesCountsFromTheFirstEpochAndAnyOtherIsAskedAgain) {
  TrainingTask task = TaskWithPlantedGraph(200, 1);
  // Neighbours with the words of the labels are believed by their words, as are the neighbours of
  // the planted graph's labels, which have words of documents.
  TrainingGraph obvious;
  obvious.name = "obvious";
  obvious.document_anchors = task.relevance;
  obvious.label_anchors.offsets = std::vector<std::uint64_t>(201, 0);
  obvious.anchor_tokens = task.label_tokens;
  task.graphs.push_back(obvious);
  task.graphs.push_back(Shuffled(task.graphs[0], 1));
  NgameOptions options = FastOptions();
  options.ranker = false;
  options.classifier_epochs = 0;
  const auto epochs = GraphsByEpoch(task, options);
  ASSERT_EQ(epochs.size(), options.epochs);
  const std::vector<GraphReport>& first = epochs.front();
  const std::vector<GraphReport>& last = epochs.back();
  ASSERT_EQ(last.size(), 5U);
  for (std::size_t side = 0; side < 5; ++side) {
    SCOPED_TRACE(last[side].graph + " " + last[side].side);
    if (side == 1 || side == 2) {
      EXPECT_EQ(first[side].weight, options.ramen.weight);
      // What it was believed for stays: later the encoder knows the edges.
      EXPECT_EQ(last[side].evidence, first[side].evidence);
      continue;
    }
    // Neighbours of planted documents have the words of other documents, not the labels' own.
    EXPECT_EQ(first[side].weight, 0);
    EXPECT_NE(last[side].evidence, first[side].evidence);
    EXPECT_NEAR(last[side].weight, side == 0 ? options.ramen.weight : 0, 0.02);
  }
}

// What regularises teaches words that no training document of a rare label has.
TEST(RamenTest, APlantedGraphHelpsRareLabels) {
  for (std::uint64_t seed = 1; seed <= 2; ++seed) {
    SCOPED_TRACE(seed);
    const TrainingTask task = TaskWithPlantedGraph(200, seed);
    TrainingTask plain = task;
    plain.graphs.clear();
    NgameOptions options = FastOptions();
    options.seed = seed;
    const NgameModel without = Train(plain, options);
    const NgameModel with = Train(task, options);
    for (const char* metric : {"encoder P@1", "encoder PSP@1", "P@1", "PSP@1"}) {
      EXPECT_GT(with.validation_metrics.at(metric), without.validation_metrics.at(metric) + 0.05)
          << metric;
    }
    ASSERT_EQ(with.graphs.size(), 2U);
    for (const GraphReport& graph : with.graphs) {
      EXPECT_EQ(graph.graph, "planted");
      EXPECT_EQ(graph.weight, options.ramen.weight);
      EXPECT_GT(graph.num_edges_kept, graph.num_edges * 4 / 5);
    }
    EXPECT_EQ(with.graphs[0].side, "document");
    EXPECT_EQ(with.graphs[1].side, "label");
  }
}

}  // namespace
}  // namespace dashi::trainer
