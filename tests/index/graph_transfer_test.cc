#include "index/graph_transfer.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "index/graph_relink.h"
#include "tests/index/graph_checks.h"

namespace dashi::index {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Position kNone = HnswGraph::kNoLink;

void SetLinks(HnswGraph* graph, Position node, std::uint32_t level, std::vector<Position> links) {
  std::copy(links.begin(), links.end(), graph->Room(node, level).begin());
}

std::vector<Position> LinksOf(const HnswGraph& graph, Position node, std::uint32_t level) {
  const auto links = graph.Links(node, level);
  return {links.begin(), links.end()};
}

TransferredGraph Transfer(const HnswGraph& graph, const std::vector<Position>& old_positions,
                          const std::vector<Position>& linked) {
  auto transferred = TransferGraph(graph, old_positions, linked);
  EXPECT_TRUE(transferred.ok()) << transferred.status().ToString();
  return std::move(transferred).value();
}

// A chain 0 - 1 - 2 - 3 - 4, in which 1 and 3 have level 1, and 3 is the entry point.
HnswGraph Chain() {
  HnswGraph graph(2, {0, 1, 0, 1, 0}, 3);
  SetLinks(&graph, 0, 0, {1});
  SetLinks(&graph, 1, 0, {0, 2});
  SetLinks(&graph, 2, 0, {1, 3});
  SetLinks(&graph, 3, 0, {2, 4});
  SetLinks(&graph, 4, 0, {3});
  SetLinks(&graph, 1, 1, {3});
  SetLinks(&graph, 3, 1, {1});
  return graph;
}

TEST(TransferGraphTest, KeepsAllLinksOfTheSameRows) {
  const TransferredGraph same = Transfer(Chain(), {0, 1, 2, 3, 4}, {0, 1, 2, 3, 4});
  EXPECT_TRUE(SameLinks(same.graph, Chain()));
  EXPECT_THAT(same.unlinked, IsEmpty());
}

TEST(TransferGraphTest, FollowsRowsToOtherPositions) {
  // Row 2 is new; the others are those of the chain backwards.
  const TransferredGraph moved = Transfer(Chain(), {4, 3, kNewRow, 2, 1, 0}, {0, 1, 2, 3, 4, 5});
  EXPECT_EQ(moved.graph.FindFault(), "");
  EXPECT_EQ(moved.graph.entry_point(), 1U);
  EXPECT_THAT(moved.unlinked, ElementsAre(2));
  EXPECT_THAT(LinksOf(moved.graph, 0, 0), ElementsAre(1));
  EXPECT_THAT(LinksOf(moved.graph, 1, 0), ElementsAre(3, 0));
  EXPECT_THAT(LinksOf(moved.graph, 2, 0), IsEmpty());
  EXPECT_THAT(LinksOf(moved.graph, 5, 0), ElementsAre(4));
  EXPECT_THAT(LinksOf(moved.graph, 4, 1), ElementsAre(1));
}

TEST(TransferGraphTest, BridgesRemovedRows) {
  const TransferredGraph bridged = Transfer(Chain(), {0, 1, 3, 4}, {0, 1, 2, 3});
  EXPECT_THAT(LinksOf(bridged.graph, 1, 0), ElementsAre(0, 2));
  EXPECT_THAT(LinksOf(bridged.graph, 2, 0), ElementsAre(3, 1));
  // Over two rows.
  const TransferredGraph longer = Transfer(Chain(), {0, 3, 4}, {0, 1, 2});
  EXPECT_THAT(LinksOf(longer.graph, 0, 0), ElementsAre(1));
  EXPECT_THAT(LinksOf(longer.graph, 1, 0), ElementsAre(2, 0));
}

TEST(TransferGraphTest, AListDoesNotGrowByBridges) {
  HnswGraph graph(2, {0, 0, 0, 0, 0}, 0);
  SetLinks(&graph, 0, 0, {1});
  SetLinks(&graph, 1, 0, {0, 2, 3, 4});
  for (const Position node : {2U, 3U, 4U}) {
    SetLinks(&graph, node, 0, {1});
  }
  const TransferredGraph bridged = Transfer(graph, {0, 2, 3, 4}, {0, 1, 2, 3});
  for (Position node = 0; node < 4; ++node) {
    EXPECT_EQ(LinksOf(bridged.graph, node, 0).size(), 1U) << node;
  }
}

TEST(TransferGraphTest, AnotherNodeOfTheHighestLevelReplacesARemovedEntryPoint) {
  const TransferredGraph without = Transfer(Chain(), {0, 1, 2, 4}, {0, 1, 2, 3});
  EXPECT_EQ(without.graph.FindFault(), "");
  EXPECT_EQ(without.graph.entry_point(), 1U);
  const TransferredGraph flat = Transfer(Chain(), {0, 2, 4}, {0, 1, 2});
  EXPECT_EQ(flat.graph.FindFault(), "");
  EXPECT_EQ(flat.graph.level(flat.graph.entry_point()), 0U);
}

TEST(TransferGraphTest, RowsThatAreLeftOutCountAsRemovedAndComeBackAsNew) {
  const TransferredGraph without = Transfer(Chain(), {0, 1, 2, 3, 4}, {0, 1, 3, 4});
  EXPECT_EQ(without.graph.num_nodes(), 5U);
  EXPECT_THAT(LinksOf(without.graph, 2, 0), IsEmpty());
  EXPECT_THAT(LinksOf(without.graph, 1, 0), ElementsAre(0, 3));
  const TransferredGraph back = Transfer(without.graph, {0, 1, 2, 3, 4}, {0, 1, 2, 3, 4});
  EXPECT_THAT(back.unlinked, ElementsAre(2));
}

TEST(TransferGraphTest, NothingLeft) {
  const TransferredGraph none = Transfer(Chain(), {}, {});
  EXPECT_EQ(none.graph.num_nodes(), 0U);
  const TransferredGraph all_new = Transfer(Chain(), {kNewRow, kNewRow}, {1});
  EXPECT_EQ(all_new.graph.FindFault(), "");
  EXPECT_THAT(all_new.unlinked, ElementsAre(1));
  EXPECT_EQ(all_new.graph.entry_point(), 1U);
  const TransferredGraph from_nothing = Transfer(HnswGraph(), {kNewRow}, {0});
  EXPECT_THAT(from_nothing.unlinked, ElementsAre(0));
}

TEST(TransferGraphTest, RandomMovesKeepOnlyWhatWasNearby) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    const std::size_t num_rows = 1 + random.Uniform(300);
    const EncodedRows rows(GaussianRows(num_rows, 6, random), 6);
    HnswOptions options;
    options.num_links = 2 + random.Uniform(6);
    options.seed = seed;
    const HnswGraph old_graph = FreshGraph(rows, options);
    std::vector<Position> old_positions = SamePositions(num_rows);
    random.Shuffle(std::span<Position>(old_positions));
    old_positions.resize(random.Uniform(num_rows + 1));
    for (std::uint64_t i = random.Uniform(20); i > 0; --i) {
      old_positions.insert(old_positions.begin() + static_cast<std::ptrdiff_t>(
                                                       random.Uniform(old_positions.size() + 1)),
                           kNewRow);
    }
    std::vector<Position> linked;
    for (Position row = 0; row < old_positions.size(); ++row) {
      if (random.Uniform(10) > 0) {
        linked.push_back(row);
      }
    }
    const TransferredGraph moved = Transfer(old_graph, old_positions, linked);
    ExpectSoundLinks(moved.graph, linked);
    for (const Position row : linked) {
      const bool is_unlinked =
          std::binary_search(moved.unlinked.begin(), moved.unlinked.end(), row);
      ASSERT_EQ(is_unlinked, old_positions[row] == kNone);
      if (is_unlinked) {
        ASSERT_EQ(moved.graph.level(row), 0U);
        continue;
      }
      ASSERT_EQ(moved.graph.level(row), old_graph.level(old_positions[row]));
      // Links whose rows are still there stand first, in their order.
      std::vector<Position> kept;
      for (const Position link : old_graph.Links(old_positions[row], 0)) {
        for (const Position other : linked) {
          if (old_positions[other] == link) {
            kept.push_back(other);
          }
        }
      }
      std::vector<Position> links = LinksOf(moved.graph, row, 0);
      ASSERT_LE(links.size(), old_graph.Links(old_positions[row], 0).size());
      ASSERT_GE(links.size(), kept.size());
      links.resize(kept.size());
      ASSERT_EQ(links, kept);
    }
  }
}

TEST(RelinkGraphTest, RefusesWhatDoesNotFit) {
  Random random(11);
  const EncodedRows rows(GaussianRows(4, 8, random), 8);
  const HnswGraph graph = FreshGraph(rows);
  const auto code = [&](const std::vector<Position>& old_positions,
                        const std::vector<Position>& linked, const HnswOptions& options) {
    return RelinkGraph(graph, old_positions, rows.view, linked, options, {}).status().code();
  };
  EXPECT_EQ(code({0, 1, 2, 3}, {0, 1, 2, 3}, {}), StatusCode::kOk);
  EXPECT_EQ(code({0, 1, 2, 4}, {0, 1, 2, 3}, {}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({0, 1, 2, 2}, {0, 1, 2, 3}, {}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({0, 1, 2}, {0, 1, 2}, {}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({0, 1, 2, 3}, {0, 1, 2, 4}, {}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({0, 1, 2, 3}, {0, 2, 1}, {}), StatusCode::kInvalidArgument);
  HnswOptions options;
  options.num_links = 8;
  EXPECT_EQ(code({0, 1, 2, 3}, {0, 1, 2, 3}, options), StatusCode::kInvalidArgument);
  options.num_links = 1;
  EXPECT_EQ(code({0, 1, 2, 3}, {0, 1, 2, 3}, options), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace dashi::index
