#include "trainer/graph/random_walk.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "tests/storage/graph/graph_fixture.h"

namespace dashi::trainer {
namespace {

using storage::EdgeSide;
using storage::EntityKind;
using storage::GraphNode;
using storage::GraphRecord;
using storage::StatusOf;
using ::testing::IsEmpty;

constexpr std::size_t kBytes = std::size_t{1} << 20;

class RandomWalkTest : public storage::GraphFixture {
 protected:
  // A graph from documents to anchors with these edges.
  GraphRecord Link(const std::vector<std::pair<std::uint32_t, std::uint32_t>>& edges) {
    GraphRecord graph = Create("g", {EntityKind::kDocument}, {EntityKind::kAnchor});
    auto transaction = Begin();
    for (const auto& [document, anchor] : edges) {
      EXPECT_OK(transaction->PutEdge(graph, Document(document), Anchor(anchor), {}));
    }
    EXPECT_OK(transaction->Commit());
    return graph;
  }

  std::vector<Visit> Walk(const GraphRecord& graph, std::uint32_t document,
                          const WalkOptions& options, std::size_t bytes = kBytes) {
    const auto view = Snapshot();
    NeighbourCache cache(*view, graph, bytes);
    auto visits = WalkFrom(cache, EdgeSide::kOut, Document(document), options);
    EXPECT_OK(visits);
    return std::move(visits).value();
  }
};

/// Where one recorded visit of the walk is, by powers of the transition matrices: a visit is at
/// depth n with probability restart * (1 - restart)^(n-1), and a head ends the walk.
std::vector<double> VisitShares(const std::vector<std::vector<double>>& links, std::size_t start,
                                const WalkOptions& options) {
  const std::size_t num_rows = links.size();
  const std::size_t num_anchors = links[0].size();
  std::vector<double> rows(num_rows, 0);
  std::vector<double> visits(num_anchors, 0);
  rows[start] = 1;
  // rows: the probability that the next hop begins there. Repeated until it does not change, it is
  // where hops begin in the long run.
  for (int step = 0; step < 2000; ++step) {
    std::fill(visits.begin(), visits.end(), 0);
    std::vector<double> next(num_rows, 0);
    for (std::size_t r = 0; r < num_rows; ++r) {
      double degree = 0;
      for (const double link : links[r]) {
        degree += link;
      }
      for (std::size_t a = 0; a < num_anchors && degree > 0; ++a) {
        visits[a] += rows[r] * links[r][a] / degree;
      }
    }
    for (std::size_t a = 0; a < num_anchors; ++a) {
      double degree = 0;
      for (std::size_t r = 0; r < num_rows; ++r) {
        degree += links[r][a];
      }
      const bool head = options.head_degree > 0 && degree > options.head_degree;
      for (std::size_t r = 0; r < num_rows; ++r) {
        const double back = head ? (r == start ? 1 : 0) : degree > 0 ? links[r][a] / degree : 0;
        next[r] += visits[a] * back * (1 - options.restart);
      }
      next[start] += visits[a] * options.restart;
    }
    rows = next;
  }
  return visits;
}

TEST_F(RandomWalkTest, VisitsAreWhatPowersOfTheTransitionMatrixSay) {
  constexpr std::uint64_t kSeed = 11;
  SCOPED_TRACE(kSeed);
  OpenWithRows(12, 0, 10);
  Random random(kSeed);
  std::vector<std::vector<double>> links(12, std::vector<double>(10, 0));
  std::vector<std::pair<std::uint32_t, std::uint32_t>> edges;
  for (std::uint32_t r = 0; r < 12; ++r) {
    for (std::uint32_t a = 0; a < 10; ++a) {
      if (random.Uniform(4) == 0 || a == r % 10) {
        links[r][a] = 1;
        edges.emplace_back(r, a);
      }
    }
  }
  const GraphRecord graph = Link(edges);
  for (const std::uint32_t head_degree : {0U, 4U}) {
    for (const double restart : {0.8, 0.3}) {
      WalkOptions options;
      options.hops = 200'000;
      options.restart = restart;
      options.head_degree = head_degree;
      for (const std::uint32_t start : {0U, 5U}) {
        std::map<GraphNode, double> shares;
        for (const Visit& visit : Walk(graph, start, options)) {
          shares[visit.node] = static_cast<double>(visit.count) / options.hops;
        }
        const std::vector<double> expected = VisitShares(links, start, options);
        for (std::uint32_t a = 0; a < 10; ++a) {
          // Eight standard deviations, as of hops that do not depend on each other.
          const double deviation = std::sqrt(expected[a] * (1 - expected[a]) / options.hops);
          EXPECT_NEAR(shares[Anchor(a)], expected[a], 8 * deviation + 1e-9)
              << "anchor " << a << " from " << start << ", restart " << restart;
        }
      }
    }
  }
}

TEST_F(RandomWalkTest, FourOfFiveVisitsAreAtDepthOne) {
  // d0 has a0 .. a99. Each of them has one document more, d1 .. d100, with 1,000 anchors of its
  // own: a visit at depth two or more is hardly ever at an anchor of d0.
  OpenWithRows(101, 0, 100'100);
  std::vector<std::pair<std::uint32_t, std::uint32_t>> edges;
  for (std::uint32_t i = 0; i < 100; ++i) {
    edges.emplace_back(0, i);
    edges.emplace_back(i + 1, i);
    for (std::uint32_t j = 0; j < 1000; ++j) {
      edges.emplace_back(i + 1, 100 + i * 1000 + j);
    }
  }
  const GraphRecord graph = Link(edges);
  WalkOptions options;
  options.hops = 100'000;
  std::uint32_t near = 0;
  std::uint32_t total = 0;
  for (const Visit& visit : Walk(graph, 0, options)) {
    near += storage::ToInteger(visit.node.ordinal) < 100 ? visit.count : 0;
    total += visit.count;
  }
  EXPECT_EQ(total, options.hops);
  // Depth one: 0.8. From there half of the hops go back to d0: 0.2 * 0.5 at its anchors again, of
  // the other half next to none, and so on: 0.8 / (1 - 0.1).
  EXPECT_NEAR(static_cast<double>(near) / options.hops, 0.8 / 0.9, 0.01);
}

TEST_F(RandomWalkTest, AWalkIsTheSameWhateverWasWalkedBefore) {
  OpenWithRows(30, 0, 30);
  Random random(3);
  std::vector<std::pair<std::uint32_t, std::uint32_t>> edges;
  for (std::uint32_t i = 0; i < 120; ++i) {
    edges.emplace_back(random.Uniform(30), random.Uniform(30));
  }
  const GraphRecord graph = Link(edges);
  WalkOptions options;
  const auto view = Snapshot();
  NeighbourCache roomy(*view, graph, kBytes);
  NeighbourCache tiny(*view, graph, 1);  // Forgets all the time.
  for (std::uint32_t i = 0; i < 30; ++i) {
    const auto once = WalkFrom(roomy, EdgeSide::kOut, Document(i), options).value();
    EXPECT_EQ(WalkFrom(tiny, EdgeSide::kOut, Document(i), options).value(), once);
    EXPECT_EQ(Walk(graph, i, options), once);
  }
  WalkOptions other = options;
  other.seed = 2;
  EXPECT_NE(Walk(graph, edges[0].first, other), Walk(graph, edges[0].first, options));
}

TEST_F(RandomWalkTest, ANodeWithoutEdgesVisitsNothing) {
  OpenWithRows(2, 0, 1);
  const GraphRecord graph = Link({{0, 0}});
  EXPECT_THAT(Walk(graph, 1, {}), IsEmpty());
  const std::vector<Visit> one = Walk(graph, 0, {});
  ASSERT_EQ(one.size(), 1U);
  EXPECT_EQ(one[0].count, 400U);
}

}  // namespace
}  // namespace dashi::trainer
