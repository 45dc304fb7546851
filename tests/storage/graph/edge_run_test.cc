#include "storage/graph/edge_run.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "storage/key_codec.h"
#include "tests/storage/store_fixture.h"

namespace dashi::storage {
namespace {

constexpr std::int64_t kHalfLife = 86'400'000'000;

struct GivenEdge {
  GraphNode source;
  GraphNode target;
  EdgeValues values;
};

using Visited = std::vector<std::pair<std::string, std::vector<EdgeChange>>>;

Visited VisitedOf(const EdgeRun& run, const GraphRecord& graph, EdgeSide side,
                  EdgeOperation operation) {
  Visited visited;
  EXPECT_OK(
      run.VisitSide(graph, side, operation, [&](std::string_view key, std::string_view bytes) {
        std::int64_t half_life = 0;
        std::vector<EdgeChange> changes;
        EXPECT_EQ(DecodeEdgeDelta(bytes, &half_life, &changes), !bytes.empty());
        visited.emplace_back(key, changes);
        return Status();
      }));
  return visited;
}

/// The naive twin: lists in a map.
Visited ListsOf(const std::vector<GivenEdge>& edges, const GraphRecord& graph, EdgeSide side,
                EdgeOperation operation) {
  std::map<std::string, std::vector<EdgeChange>> lists;
  for (const GivenEdge& edge : edges) {
    const bool out = side == EdgeSide::kOut;
    lists[EdgeKey(graph.number, side, out ? edge.source : edge.target)].push_back(
        {out ? edge.target : edge.source, operation, edge.values});
  }
  for (auto& [key, changes] : lists) {
    CollapseEdgeChanges(graph.half_life_micros, &changes);
  }
  return {lists.begin(), lists.end()};
}

GraphNode RandomNode(std::uint32_t num_ordinals, Random* random) {
  return {static_cast<EntityKind>(1 + random->Uniform(3)),
          Ordinal{static_cast<std::uint32_t>(random->Uniform(num_ordinals))}};
}

TEST(EdgeRunTest, GivesTheListsThatAMapGives) {
  constexpr std::uint64_t kSeed = 20261128;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  Random random(kSeed);
  GraphRecord graph;
  graph.number = 7;
  graph.half_life_micros = kHalfLife;
  EdgeRun run;  // Its memory is used again.
  for (const std::size_t num_edges : {0U, 1U, 10U, 4095U, 4097U, 50'000U}) {
    for (const std::uint32_t num_ordinals : {3U, 1000U, 4'000'000'000U}) {
      for (const EdgeOperation operation : {EdgeOperation::kPut, EdgeOperation::kAdd}) {
        std::vector<GivenEdge> edges;
        for (std::size_t i = 0; i < num_edges; ++i) {
          edges.push_back({RandomNode(num_ordinals, &random),
                           RandomNode(num_ordinals, &random),
                           {static_cast<double>(random.Uniform(9)), random.Uniform(2), 5}});
          run.Add(edges.back().source, edges.back().target, edges.back().values);
        }
        for (const EdgeSide side : {EdgeSide::kOut, EdgeSide::kIn}) {
          ASSERT_EQ(VisitedOf(run, graph, side, operation), ListsOf(edges, graph, side, operation))
              << num_edges << " edges among " << num_ordinals;
        }
        run.Clear();
        ASSERT_TRUE(run.empty());
        ASSERT_EQ(run.bytes(), 0U);
      }
    }
  }
}

TEST(EdgeRunTest, GivesGatheredKeysAfterTheListsOfTheSecondSide) {
  GraphRecord graph;
  graph.number = 1;
  EdgeRun run;
  run.AddKey("z2");
  run.Add({EntityKind::kDocument, Ordinal{1}}, {EntityKind::kLabel, Ordinal{2}}, {});
  run.AddKey("z1");
  EXPECT_EQ(VisitedOf(run, graph, EdgeSide::kOut, EdgeOperation::kAdd).size(), 1U);
  const Visited in = VisitedOf(run, graph, EdgeSide::kIn, EdgeOperation::kAdd);
  ASSERT_EQ(in.size(), 3U);
  EXPECT_EQ(in[0].second.size(), 1U);
  EXPECT_EQ(in[1].first, "z1");
  EXPECT_EQ(in[2].first, "z2");
}

TEST(EdgeRunTest, EndsWithTheVisitorsError) {
  GraphRecord graph;
  graph.number = 1;
  EdgeRun run;
  run.Add({EntityKind::kDocument, Ordinal{1}}, {EntityKind::kLabel, Ordinal{2}}, {});
  run.Add({EntityKind::kDocument, Ordinal{2}}, {EntityKind::kLabel, Ordinal{2}}, {});
  int num_visited = 0;
  const Status status = run.VisitSide(graph, EdgeSide::kOut, EdgeOperation::kPut, [&](auto, auto) {
    ++num_visited;
    return Status::IoError("no more");
  });
  EXPECT_EQ(status.code(), StatusCode::kIoError);
  EXPECT_EQ(num_visited, 1);
}

}  // namespace
}  // namespace dashi::storage
