#include "trainer/graph/training_graphs.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/storage/graph/graph_fixture.h"
#include "tests/trainer/state_parts.h"
#include "trainer/sparse_rows.h"
#include "trainer/training_data_state.h"

namespace dashi::trainer {
namespace {

using storage::EntityKind;
using storage::GraphNode;
using storage::GraphRecord;
using storage::Ordinal;
using storage::StatusOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class TrainingGraphsTest : public storage::GraphFixture {
 protected:
  // Documents d0 .. d3, of which d3 is of the test; labels l0 .. l2; anchors a0 .. a2.
  void SetUp() override {
    Open();
    Insert(EntityKind::kDocument, "d0", "red shoes");
    Insert(EntityKind::kDocument, "d1", "blue shoes");
    Insert(EntityKind::kDocument, "d2", "red hat");
    auto transaction = Begin();
    storage::EntityRow test = Row("d3", "blue hat");
    test.split = "test";
    ASSERT_OK(transaction->InsertRow(EntityKind::kDocument, test));
    for (const auto& [id, text] :
         {std::pair("l0", "shoes"), std::pair("l1", "hat"), std::pair("l2", "red")}) {
      ASSERT_OK(transaction->InsertRow(EntityKind::kLabel, Row(id, text)));
    }
    for (const auto& [id, text] : {std::pair("a0", "red shoes and blue shoes"),
                                   std::pair("a1", "hat"), std::pair("a2", "strange words")}) {
      ASSERT_OK(transaction->InsertRow(EntityKind::kAnchor, Row(id, text)));
    }
    for (std::uint32_t document = 0; document < 4; ++document) {
      ASSERT_OK(transaction->PutRelevance(Ordinal{document}, Ordinal{document / 2}, 1));
    }
    ASSERT_OK(transaction->Commit());
  }

  void Link(const GraphRecord& graph, const std::vector<std::pair<GraphNode, GraphNode>>& edges) {
    auto transaction = Begin();
    for (const auto& [source, target] : edges) {
      ASSERT_OK(transaction->PutEdge(graph, source, target, {}));
    }
    ASSERT_OK(transaction->Commit());
  }

  Result<TrainingData> Read(const GraphReading& graphs) {
    TrainingDataOptions options;
    options.ranker = false;
    options.graphs = graphs;
    return ReadTrainingData(*Snapshot(), options, {});
  }

  // The texts of a row's anchors, as numbers of their tokens.
  static std::vector<std::uint32_t> Anchors(const SparseRows& rows, std::size_t row) {
    const auto columns = RowColumns(rows, row);
    return {columns.begin(), columns.end()};
  }
};

TEST_F(TrainingGraphsTest, RowsOfTheTrainingGetTheTargetsOfTheirEdges) {
  const GraphRecord graph = Create("g", {EntityKind::kDocument, EntityKind::kLabel},
                                   {EntityKind::kLabel, EntityKind::kAnchor});
  Link(graph, {{Document(0), Anchor(0)},
               {Document(0), Label(2)},
               {Document(2), Anchor(1)},
               {Document(3), Anchor(2)},  // Of the test: it does not train.
               {Label(1), Anchor(1)}});
  GraphReading reading;
  reading.names = {"g"};
  reading.walk.hops = 0;
  const auto data = Read(reading);
  ASSERT_OK(data);
  ASSERT_EQ(data->task.graphs.size(), 1U);
  const TrainingGraph& read = data->task.graphs[0];
  EXPECT_EQ(read.name, "g");
  // Anchors by node: the label, then a0, a1; a2 is nobody's.
  ASSERT_EQ(read.anchor_tokens.num_rows(), 3U);
  ASSERT_EQ(read.document_anchors.num_rows(), 3U);
  EXPECT_THAT(Anchors(read.document_anchors, 0), ElementsAre(0, 1));
  EXPECT_THAT(Anchors(read.document_anchors, 1), IsEmpty());
  EXPECT_THAT(Anchors(read.document_anchors, 2), ElementsAre(2));
  ASSERT_EQ(read.label_anchors.num_rows(), 3U);
  EXPECT_THAT(Anchors(read.label_anchors, 0), IsEmpty());
  EXPECT_THAT(Anchors(read.label_anchors, 1), ElementsAre(2));
  // The same words, the same tokens as those of the labels.
  EXPECT_EQ(Anchors(read.anchor_tokens, 2), Anchors(data->task.label_tokens, 1));
  EXPECT_EQ(Anchors(read.anchor_tokens, 0), Anchors(data->task.label_tokens, 2));
  reading.anchor_words = 2;
  const auto cut = Read(reading);
  ASSERT_OK(cut);
  EXPECT_EQ(Anchors(cut->task.graphs[0].anchor_tokens, 1), Anchors(data->task.document_tokens, 0));
}

TEST_F(TrainingGraphsTest, AWalkCompletesRowsAndBoundsThem) {
  const GraphRecord graph = Create("g", {EntityKind::kDocument}, {EntityKind::kAnchor});
  Link(graph, {{Document(0), Anchor(0)}, {Document(1), Anchor(0)}, {Document(1), Anchor(1)}});
  GraphReading reading;
  reading.names = {"g"};
  const auto walked = Read(reading);
  ASSERT_OK(walked);
  EXPECT_THAT(Anchors(walked->task.graphs[0].document_anchors, 0), ElementsAre(0, 1));
  reading.walk_anchors = 1;
  const auto bounded = Read(reading);
  ASSERT_OK(bounded);
  EXPECT_EQ(Anchors(bounded->task.graphs[0].document_anchors, 1).size(), 1U);
}

TEST_F(TrainingGraphsTest, AGraphThatIsNotDirectedGivesNeighboursToBothEnds) {
  GraphRecord declared;
  declared.name = "g";
  declared.sources = {EntityKind::kDocument};
  declared.targets = {EntityKind::kLabel};
  declared.directed = false;
  auto transaction = Begin();
  const auto graph = transaction->CreateGraph(declared);
  ASSERT_OK(graph);
  ASSERT_OK(transaction->PutEdge(*graph, Document(0), Label(2), {}));
  ASSERT_OK(transaction->Commit());
  GraphReading reading;
  reading.names = {"g"};
  reading.walk.hops = 0;
  const auto data = Read(reading);
  ASSERT_OK(data);
  const TrainingGraph& read = data->task.graphs[0];
  EXPECT_THAT(Anchors(read.document_anchors, 0), ElementsAre(1));  // l2; anchor 0 is d0.
  EXPECT_THAT(Anchors(read.label_anchors, 2), ElementsAre(0));
}

TEST_F(TrainingGraphsTest, ErrorsNameTheGraph) {
  Create("empty", {EntityKind::kDocument}, {EntityKind::kLabel});
  GraphReading reading;
  reading.names = {"empty"};
  const Status empty = Read(reading).status();
  EXPECT_EQ(empty.sqlstate(), "55000");
  EXPECT_THAT(std::string(empty.message()), HasSubstr("\"empty\""));
  reading.names = {"absent"};
  EXPECT_EQ(Read(reading).status().sqlstate(), "42704");
}

TEST_F(TrainingGraphsTest, ACheckpointHoldsTheGraphs) {
  const GraphRecord graph = Create("g", {EntityKind::kDocument}, {EntityKind::kAnchor});
  Link(graph, {{Document(0), Anchor(0)}, {Document(1), Anchor(1)}});
  GraphReading reading;
  reading.names = {"g"};
  const auto data = Read(reading);
  ASSERT_OK(data);
  Parts parts;
  MapWriter writer(&parts);
  ASSERT_OK(SaveTrainingData(*data, writer));
  const auto again = LoadTrainingData(MapReader(parts), nullptr);
  ASSERT_OK(again);
  ASSERT_EQ(again->task.graphs.size(), 1U);
  EXPECT_EQ(again->task.graphs[0].name, "g");
  for (std::size_t row = 0; row < 3; ++row) {
    EXPECT_EQ(Anchors(again->task.graphs[0].document_anchors, row),
              Anchors(data->task.graphs[0].document_anchors, row));
  }
  EXPECT_EQ(again->task.graphs[0].anchor_tokens.num_rows(), 2U);
}

}  // namespace
}  // namespace dashi::trainer
