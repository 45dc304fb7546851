#include "trainer/ramen/graph_evidence.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "index/vector_kernels.h"
#include "tests/trainer/ramen/graph_tasks.h"
#include "trainer/sparse_rows.h"

namespace dashi::trainer {
namespace {

constexpr std::size_t kDim = 24;

std::vector<float> RandomUnits(std::size_t count, Random& random) {
  std::vector<float> vectors(count * kDim);
  for (float& value : vectors) {
    value = static_cast<float>(random.Normal());
  }
  for (std::size_t i = 0; i < count; ++i) {
    index::NormalizeInPlace(vectors.data() + i * kDim, kDim);
  }
  return vectors;
}

// Anchors that have a share of their targets in them, or of the rows.
EvidenceVectors RandomVectors(std::size_t count, float of_targets, float of_rows, Random& random) {
  EvidenceVectors vectors;
  vectors.rows = RandomUnits(count, random);
  vectors.targets = RandomUnits(count, random);
  vectors.anchors = RandomUnits(count, random);
  vectors.others = RandomUnits(count, random);
  for (std::size_t i = 0; i < vectors.anchors.size(); ++i) {
    vectors.anchors[i] += of_targets * vectors.targets[i] + of_rows * vectors.rows[i];
  }
  for (std::size_t i = 0; i < count; ++i) {
    index::NormalizeInPlace(vectors.anchors.data() + i * kDim, kDim);
  }
  return vectors;
}

TEST(GraphEvidenceTest, AnchorsCountThatAreWhereTargetsAre) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const GraphEvidence good = MeasureEvidence(RandomVectors(400, 0.5F, 0, random), kDim);
    EXPECT_GT(good.agreement, 0.3);
    EXPECT_LT(std::abs(good.chance), 0.06);
    EXPECT_LT(good.error, 0.03);
    EXPECT_EQ(EvidenceShare(good), 1);
    const GraphEvidence against = MeasureEvidence(RandomVectors(400, -0.5F, 0, random), kDim);
    EXPECT_EQ(EvidenceShare(against), 0);
    // What an anchor shares with its row pulls nowhere.
    const GraphEvidence near = MeasureEvidence(RandomVectors(400, 0, 3, random), kDim);
    EXPECT_LT(std::abs(near.agreement - near.chance), 4 * near.error);
    EXPECT_LT(EvidenceShare(near), 0.9);
  }
}

TEST(GraphEvidenceTest, TheShareFallsFromOneToNothing) {
  EXPECT_EQ(EvidenceShare({}), 0);
  EXPECT_EQ(EvidenceShare({0.3, 0, 0.01}), 1);
  EXPECT_EQ(EvidenceShare({0.3, 0.3, 0.01}), 0);
  EXPECT_EQ(EvidenceShare({0.3, 0, 0.2}), 0);
  EXPECT_EQ(EvidenceShare({-0.1, -0.4, 0.01}), 0);
  double last = 0;
  for (int i = 0; i <= 40; ++i) {
    const double share = EvidenceShare({0.005 * i, 0, 0.01});
    EXPECT_GE(share, last);
    last = share;
  }
  EXPECT_EQ(last, 1);
  EXPECT_EQ(MeasureEvidence({}, kDim), GraphEvidence());
}

TEST(GraphEvidenceTest, RowsAreOfTheTrainingPartAndHaveWhatTheyAreAskedFor) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    const TrainingTask task = TaskWithPlantedGraph(30, seed);
    const TrainingGraph& graph = task.graphs[0];
    std::vector<std::uint32_t> documents;
    for (std::uint32_t document = 0; document < task.own_label.size(); ++document) {
      if (!std::binary_search(task.held_out->begin(), task.held_out->end(), document)) {
        documents.push_back(document);
      }
    }
    for (const bool of_documents : {true, false}) {
      SCOPED_TRACE(of_documents);
      Random random(seed);
      const EvidenceRows chosen = DrawEvidenceRows(task, graph, of_documents, documents, random);
      const std::size_t count = chosen.rows.size();
      ASSERT_EQ(chosen.targets.size(), count);
      ASSERT_EQ(chosen.anchors.size(), count);
      EXPECT_EQ(count, of_documents ? documents.size() : 30U);
      EXPECT_EQ(std::set<std::uint32_t>(chosen.rows.begin(), chosen.rows.end()).size(), count);
      std::vector<std::uint32_t> others = chosen.others;
      std::vector<std::uint32_t> anchors = chosen.anchors;
      std::sort(others.begin(), others.end());
      std::sort(anchors.begin(), anchors.end());
      EXPECT_EQ(others, anchors);
      for (std::size_t i = 0; i < count; ++i) {
        const std::uint32_t document = of_documents ? chosen.rows[i] : chosen.targets[i];
        const std::uint32_t label = of_documents ? chosen.targets[i] : chosen.rows[i];
        EXPECT_TRUE(std::binary_search(documents.begin(), documents.end(), document));
        const auto labels = RowColumns(task.relevance, document);
        EXPECT_EQ(std::count(labels.begin(), labels.end(), label), 1);
        const auto own =
            RowColumns(of_documents ? graph.document_anchors : graph.label_anchors, chosen.rows[i]);
        EXPECT_EQ(std::count(own.begin(), own.end(), chosen.anchors[i]), 1);
      }
    }
  }
}

}  // namespace
}  // namespace dashi::trainer
