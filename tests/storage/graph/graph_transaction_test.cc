// Edges in transactions.

#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "tests/storage/graph/graph_fixture.h"

namespace dashi::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::int64_t kDay = std::int64_t{86'400} * 1'000'000;

class GraphTransactionTest : public GraphFixture {};

TEST_F(GraphTransactionTest, GraphsAreDeclaredOnceAndFoundByName) {
  OpenWithRows(1, 1, 1);
  const GraphRecord clicks = Create("clicks", {EntityKind::kDocument}, {EntityKind::kLabel}, kDay);
  const GraphRecord links = Create("links", {EntityKind::kDocument}, {EntityKind::kDocument});
  EXPECT_NE(clicks.number, links.number);
  auto transaction = Begin();
  EXPECT_EQ(transaction->CreateGraph(clicks).status().sqlstate(), "42P07");
  GraphRecord nameless = clicks;
  nameless.name.clear();
  EXPECT_FALSE(transaction->CreateGraph(nameless).ok());
  EXPECT_EQ(transaction->DropGraph("nothing").sqlstate(), "42704");
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(Snapshot()->GetGraph("clicks").value(), clicks);
    EXPECT_EQ(Snapshot()->GetGraph("click").value(), std::nullopt);
    EXPECT_THAT(Snapshot()->ListGraphs().value(), ElementsAre(clicks, links));
    transaction.reset();
    Open();
  }
}

TEST_F(GraphTransactionTest, EdgesAreSeenFromBothSidesAndAlsoBeforeTheyAreCommitted) {
  OpenWithRows(3, 3, 3);
  const GraphRecord graph = Create("g", {EntityKind::kDocument, EntityKind::kLabel},
                                   {EntityKind::kLabel, EntityKind::kAnchor});
  auto transaction = Begin();
  EXPECT_TRUE(transaction->PutEdge(graph, Document(0), Label(1), {0.5, 2, 7}).value());
  EXPECT_TRUE(transaction->PutEdge(graph, Document(0), Anchor(2), {1, 0, 7}).value());
  EXPECT_FALSE(transaction->PutEdge(graph, Document(0), Label(1), {0.25, 3, 8}).value());
  ASSERT_OK(transaction->AddToEdge(graph, Label(2), Anchor(2), {2, 1, 9}));
  ASSERT_OK(transaction->AddToEdge(graph, Label(2), Anchor(2), {2, 1, 9}));
  const auto expect_edges = [&](const View& view) {
    EXPECT_THAT(Edges(view, graph), ElementsAre("d0-l1 0.25/3", "d0-a2 1/0", "l2-a2 4/2"));
    EXPECT_THAT(Edges(view, graph, EdgeSide::kIn),
                ElementsAre("l1<d0 0.25/3", "a2<d0 1/0", "a2<l2 4/2"));
    const std::vector<Edge> of_anchor = view.EdgesOf(graph, EdgeSide::kIn, Anchor(2)).value();
    ASSERT_EQ(of_anchor.size(), 2U);
    EXPECT_EQ(of_anchor[1], (Edge{Label(2), {4, 2, 9}}));
    const std::vector<GraphNode> nodes = {Label(2), Document(1), Document(0), Label(2)};
    const auto all = view.EdgesOfAll(graph, EdgeSide::kOut, nodes).value();
    ASSERT_EQ(all.size(), 4U);
    EXPECT_EQ(all[0], all[3]);
    EXPECT_THAT(all[1], IsEmpty());
    EXPECT_EQ(all[2].size(), 2U);
  };
  expect_edges(*transaction);
  EXPECT_THAT(Edges(*Snapshot(), graph), IsEmpty());
  ASSERT_OK(transaction->Commit());
  expect_edges(*Snapshot());
  ExpectNoProblems();
  transaction.reset();
  Open();
  expect_edges(*Snapshot());
}

TEST_F(GraphTransactionTest, ErrorsNameWhatIsWrong) {
  OpenWithRows(1, 1, 1);
  const GraphRecord graph = Create("g", {EntityKind::kDocument}, {EntityKind::kLabel});
  auto transaction = Begin();
  EXPECT_EQ(transaction->PutEdge(graph, Document(0), Label(9), {}).status().sqlstate(), "23503");
  EXPECT_EQ(transaction->AddToEdge(graph, Document(9), Label(0), {}).sqlstate(), "23503");
  EXPECT_EQ(transaction->PutEdge(graph, Document(0), Label(0), {-1, 0, 0}).status().sqlstate(),
            "22023");
  GraphRecord other = graph;
  other.name = "other";
  other.number = 99;
  EXPECT_EQ(transaction->PutEdge(other, Document(0), Label(0), {}).status().sqlstate(), "42704");
  EXPECT_FALSE(transaction->DeleteEdge(graph, Document(0), Label(0)).value());
}

TEST_F(GraphTransactionTest, SavepointsUndoEdges) {
  OpenWithRows(2, 2, 0);
  const GraphRecord graph = Create("g", {EntityKind::kDocument}, {EntityKind::kLabel});
  auto transaction = Begin();
  ASSERT_OK(transaction->PutEdge(graph, Document(0), Label(0), {1, 1, 0}));
  transaction->SetSavepoint();
  ASSERT_OK(transaction->AddToEdge(graph, Document(0), Label(0), {1, 1, 0}));
  ASSERT_OK(transaction->PutEdge(graph, Document(1), Label(0), {1, 1, 0}));
  ASSERT_OK(transaction->RollbackToSavepoint());
  transaction->SetSavepoint();
  ASSERT_OK(transaction->PutEdge(graph, Document(1), Label(1), {1, 1, 0}));
  transaction->ReleaseSavepoint();
  EXPECT_THAT(Edges(*transaction, graph), ElementsAre("d0-l0 1/1", "d1-l1 1/1"));
  ASSERT_OK(transaction->Commit());
  EXPECT_THAT(Edges(*Snapshot(), graph), ElementsAre("d0-l0 1/1", "d1-l1 1/1"));
}

TEST_F(GraphTransactionTest, DeletingARowTakesItsEdgesAlong) {
  OpenWithRows(3, 3, 1);
  const GraphRecord graph = Create("g", {EntityKind::kDocument, EntityKind::kLabel},
                                   {EntityKind::kLabel, EntityKind::kAnchor});
  const GraphRecord other = Create("other", {EntityKind::kDocument}, {EntityKind::kLabel});
  auto transaction = Begin();
  for (std::uint32_t i = 0; i < 3; ++i) {
    ASSERT_OK(transaction->PutEdge(graph, Document(i), Label(1), {}));
    ASSERT_OK(transaction->PutEdge(graph, Label(i), Label((i + 1) % 3), {}));
    ASSERT_OK(transaction->PutEdge(graph, Label(i), Anchor(0), {}));
    ASSERT_OK(transaction->PutEdge(other, Document(i), Label(i), {}));
  }
  ASSERT_OK(transaction->Commit());
  transaction = Begin();
  ASSERT_OK(transaction->DeleteRow(EntityKind::kLabel, Ordinal{1}));
  ASSERT_OK(transaction->DeleteRow(EntityKind::kAnchor, Ordinal{0}));
  ASSERT_OK(transaction->DeleteRow(EntityKind::kDocument, Ordinal{0}));
  EXPECT_THAT(Edges(*transaction, graph), ElementsAre("l2-l0 1/0"));
  ASSERT_OK(transaction->Commit());
  EXPECT_THAT(Edges(*Snapshot(), graph), ElementsAre("l2-l0 1/0"));
  EXPECT_THAT(Edges(*Snapshot(), graph, EdgeSide::kIn), ElementsAre("l0<l2 1/0"));
  EXPECT_THAT(Edges(*Snapshot(), other), ElementsAre("d2-l2 1/0"));
  ExpectNoProblems();
}

TEST_F(GraphTransactionTest, AdditionsDoNotConflictAndEverythingElseDoes) {
  OpenWithRows(2, 3, 0);
  const GraphRecord graph = Create("g", {EntityKind::kDocument}, {EntityKind::kLabel}, kDay);
  // Two that only add.
  auto first = Begin();
  auto second = Begin();
  ASSERT_OK(first->AddToEdge(graph, Document(0), Label(0), {1, 1, 0}));
  ASSERT_OK(second->AddToEdge(graph, Document(0), Label(0), {1, 1, kDay}));
  ASSERT_OK(first->Commit());
  ASSERT_OK(second->Commit());
  EXPECT_THAT(Edges(*Snapshot(), graph), ElementsAre("d0-l0 1.5/2"));
  // One that asks whether an edge exists, and one that adds to another of the same source.
  first = Begin();
  second = Begin();
  ASSERT_OK(first->PutEdge(graph, Document(0), Label(1), {1, 1, 0}));
  ASSERT_OK(second->AddToEdge(graph, Document(0), Label(0), {1, 1, kDay}));
  ASSERT_OK(second->Commit());
  EXPECT_EQ(first->Commit().sqlstate(), "40001");
  // An end that goes while an edge to it comes.
  for (const bool deleter_first : {true, false}) {
    const std::uint32_t label = deleter_first ? 1 : 2;
    first = Begin();
    second = Begin();
    ASSERT_OK(first->DeleteRow(EntityKind::kLabel, Ordinal{label}));
    ASSERT_OK(second->AddToEdge(graph, Document(1), Label(label), {}));
    ASSERT_OK(deleter_first ? first->Commit() : second->Commit());
    EXPECT_EQ((deleter_first ? second->Commit() : first->Commit()).sqlstate(), "40001");
  }
  // A graph that goes while an edge comes.
  first = Begin();
  second = Begin();
  ASSERT_OK(first->DropGraph("g"));
  ASSERT_OK(second->AddToEdge(graph, Document(1), Label(0), {}));
  ASSERT_OK(first->Commit());
  EXPECT_EQ(second->Commit().sqlstate(), "40001");
  ExpectNoProblems();
}

TEST_F(GraphTransactionTest, ADroppedGraphIsGoneAtOnceAndItsEdgesSoon) {
  OpenWithRows(50, 50, 0);
  const GraphRecord graph = Create("g", {EntityKind::kDocument}, {EntityKind::kLabel});
  const GraphRecord kept = Create("kept", {EntityKind::kDocument}, {EntityKind::kLabel});
  auto transaction = Begin();
  for (std::uint32_t i = 0; i < 50; ++i) {
    ASSERT_OK(transaction->PutEdge(graph, Document(i), Label(49 - i), {}));
    ASSERT_OK(transaction->PutEdge(kept, Document(i), Label(i), {}));
  }
  ASSERT_TRUE(transaction->PutGraphEvent(graph, 5, "event").value());
  ASSERT_OK(transaction->Commit());
  EXPECT_FALSE(store().HasIndexWork().value());
  const auto before = Snapshot();
  transaction = Begin();
  ASSERT_OK(transaction->DropGraph("g"));
  ASSERT_OK(transaction->Commit());
  EXPECT_EQ(Snapshot()->GetGraph("g").value(), std::nullopt);
  EXPECT_TRUE(store().HasIndexWork().value());
  ExpectNoProblems();
  while (store().StepIndexWork().value()) {
  }
  EXPECT_EQ(Edges(*before, graph).size(), 50U);  // A snapshot keeps what it saw.
  EXPECT_THAT(Edges(*Snapshot(), graph), IsEmpty());
  EXPECT_EQ(Edges(*Snapshot(), kept).size(), 50U);
  const GraphRecord again = Create("g", {EntityKind::kDocument}, {EntityKind::kLabel});
  EXPECT_GT(again.number, kept.number);  // A number is never given twice.
  EXPECT_THAT(Edges(*Snapshot(), again), IsEmpty());
  ExpectNoProblems();
}

TEST_F(GraphTransactionTest, EventsCountOnceAndAreForgottenInTheEnd) {
  OpenWithRows(1, 1, 0);
  GraphRecord declared;
  declared.name = "g";
  declared.sources = {EntityKind::kDocument};
  declared.targets = {EntityKind::kLabel};
  declared.event_days = 10;
  auto transaction = Begin();
  const GraphRecord graph = transaction->CreateGraph(declared).value();
  EXPECT_TRUE(transaction->PutGraphEvent(graph, 100, "a").value());
  EXPECT_FALSE(transaction->PutGraphEvent(graph, 100, "a").value());
  EXPECT_TRUE(transaction->PutGraphEvent(graph, 101, "a").value());  // Another day, another event.
  ASSERT_OK(transaction->Commit());
  EXPECT_FALSE(store().HasIndexWork().value());
  transaction = Begin();
  EXPECT_FALSE(transaction->PutGraphEvent(graph, 101, "a").value());
  EXPECT_EQ(transaction->PutGraphEvent(graph, 90, "old").status().sqlstate(), "22008");
  EXPECT_TRUE(transaction->PutGraphEvent(graph, 91, "old").value());
  EXPECT_TRUE(transaction->PutGraphEvent(graph, 111, "new").value());
  ASSERT_OK(transaction->Commit());
  EXPECT_TRUE(store().HasIndexWork().value());
  while (store().StepIndexWork().value()) {
  }
  EXPECT_FALSE(store().HasIndexWork().value());
  transaction = Begin();
  EXPECT_FALSE(transaction->PutGraphEvent(graph, 101, "a").value());  // In the last ten days.
  EXPECT_EQ(transaction->PutGraphEvent(graph, 100, "a").status().sqlstate(), "22008");
  ExpectNoProblems();
}

/// Random commits against a plain map, in memory and on the disk.
TEST_F(GraphTransactionTest, ManyCommitsComeToWhatAPlainMapSays) {
  constexpr std::uint64_t kSeed = 20261128;
  SCOPED_TRACE(kSeed);
  Random random(kSeed);
  OpenWithRows(8, 8, 0);
  const GraphRecord graph = Create("g", {EntityKind::kDocument}, {EntityKind::kLabel});
  std::map<std::pair<std::uint32_t, std::uint32_t>, EdgeValues> model;
  for (int round = 0; round < 60; ++round) {
    auto transaction = Begin();
    auto next = model;
    for (std::uint64_t i = random.Uniform(12); i > 0; --i) {
      const auto source = static_cast<std::uint32_t>(random.Uniform(8));
      const auto target = static_cast<std::uint32_t>(random.Uniform(8));
      const auto key = std::pair(source, target);
      const EdgeValues values{static_cast<double>(random.Uniform(8)), random.Uniform(3),
                              static_cast<std::int64_t>(random.Uniform(50))};
      switch (random.Uniform(3)) {
        case 0:
          EXPECT_EQ(transaction->PutEdge(graph, Document(source), Label(target), values).value(),
                    !next.contains(key));
          next[key] = values;
          break;
        case 1:
          ASSERT_OK(transaction->AddToEdge(graph, Document(source), Label(target), values));
          if (const auto [place, is_new] = next.emplace(key, values); !is_new) {
            place->second = SumOf(place->second, values, 0);
          }
          break;
        default:
          EXPECT_EQ(transaction->DeleteEdge(graph, Document(source), Label(target)).value(),
                    next.erase(key) > 0);
      }
    }
    if (random.Uniform(5) > 0) {
      ASSERT_OK(transaction->Commit());
      model = next;
    }
    transaction.reset();
    if (random.Uniform(10) == 0) {
      Open();
    }
    const auto view = Snapshot();
    std::size_t num_edges = 0;
    for (std::uint32_t source = 0; source < 8; ++source) {
      const auto edges = view->EdgesOf(graph, EdgeSide::kOut, Document(source)).value();
      for (const Edge& edge : edges) {
        ++num_edges;
        EXPECT_EQ(edge.values, model.at({source, ToInteger(edge.neighbour.ordinal)}));
      }
    }
    ASSERT_EQ(num_edges, model.size());
    EXPECT_EQ(Edges(*view, graph, EdgeSide::kIn).size(), model.size());
  }
  ExpectNoProblems();
}

}  // namespace
}  // namespace dashi::storage
