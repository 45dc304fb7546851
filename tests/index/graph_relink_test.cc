#include "index/graph_relink.h"

#include <cmath>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "index/graph_insert.h"
#include "index/graph_transfer.h"
#include "tests/index/graph_checks.h"
#include "tests/index/naive_relink.h"

namespace dashi::index {
namespace {

constexpr std::size_t kRows = 3000;
constexpr std::size_t kQueries = 200;
constexpr std::size_t kDimIn = 24;
constexpr std::size_t kDim = 32;
constexpr std::uint64_t kSeed = 41;

/// What encoders of two generations make of the same clustered rows, and queries.
class GraphRelinkTest : public ::testing::Test {
 protected:
  GraphRelinkTest()
      : trace_(__FILE__, __LINE__, "seed " + std::to_string(kSeed)),
        encoder_(kDimIn, kDim, random_) {
    std::vector<float> inputs = ClusteredRows(kRows + kQueries, kDimIn, 60, 0.7F, random_);
    query_inputs_.assign(inputs.begin() + kRows * kDimIn, inputs.end());
    inputs.resize(kRows * kDimIn);
    inputs_ = std::move(inputs);
  }

  std::vector<float> Queries() const { return encoder_.Encode(query_inputs_); }

  static HnswGraph Relink(const HnswGraph& old_graph, const std::vector<Position>& old_positions,
                          const EncodedRows& rows, const HnswOptions& options = {}) {
    auto relinked = RelinkGraph(old_graph, old_positions, rows.view, rows.linked, options, {});
    EXPECT_TRUE(relinked.ok()) << relinked.status().ToString();
    return std::move(relinked).value();
  }

  /// The rows of some inputs, and where they stood.
  std::vector<float> InputsAt(const std::vector<Position>& positions) const {
    std::vector<float> chosen;
    for (const Position position : positions) {
      chosen.insert(chosen.end(), inputs_.begin() + position * kDimIn,
                    inputs_.begin() + (position + 1) * kDimIn);
    }
    return chosen;
  }

  /// Drops each row with a probability.
  std::vector<Position> Survivors(double share_dropped) {
    std::vector<Position> survivors;
    for (Position row = 0; row < kRows; ++row) {
      if (random_.UniformReal() >= share_dropped) {
        survivors.push_back(row);
      }
    }
    return survivors;
  }

  const ::testing::ScopedTrace trace_;
  Random random_{kSeed};
  DriftingEncoder encoder_;
  std::vector<float> inputs_;
  std::vector<float> query_inputs_;
};

TEST_F(GraphRelinkTest, FindsNearlyWhatAFreshGraphFindsAndMoreThanStaleLinks) {
  const EncodedRows old_rows(encoder_.Encode(inputs_), kDim);
  const HnswGraph old_graph = FreshGraph(old_rows);
  encoder_.Drift(0.6F, random_);
  const EncodedRows rows(encoder_.Encode(inputs_), kDim);
  std::atomic<std::uint64_t> num_scored{0};
  const auto relinked =
      RelinkGraph(old_graph, SamePositions(kRows), rows.view, rows.linked, {}, {}, &num_scored);
  ASSERT_TRUE(relinked.ok());
  ExpectSound(*relinked, rows.linked);
  const double stale = GraphRecall(old_graph, rows, Queries(), 16);
  const double recall = GraphRecall(*relinked, rows, Queries(), 16);
  const double fresh = GraphRecall(FreshGraph(rows), rows, Queries(), 16);
  std::cout << "recall@10 stale " << stale << ", relinked " << recall << ", fresh " << fresh
            << ", dot products a row " << num_scored / kRows << "\n";
  EXPECT_GE(recall, fresh - 0.03);
  EXPECT_GE(recall, stale + 0.02);
  EXPECT_GE(GraphRecall(*relinked, rows, Queries(), 64), 0.985);
  EXPECT_LT(num_scored / kRows, 1000U);
}

TEST_F(GraphRelinkTest, TwelveGenerationsInARowKeepRecall) {
  const EncodedRows old_rows(encoder_.Encode(inputs_), kDim);
  const HnswGraph first_graph = FreshGraph(old_rows);
  HnswGraph graph = first_graph;
  for (int generation = 1; generation <= 12; ++generation) {
    SCOPED_TRACE(generation);
    encoder_.Drift(0.3F, random_);
    const EncodedRows rows(encoder_.Encode(inputs_), kDim);
    graph = Relink(graph, SamePositions(kRows), rows);
    ExpectSound(graph, rows.linked);
    if (generation % 6 == 0) {
      const double recall = GraphRecall(graph, rows, Queries(), 12);
      const double fresh = GraphRecall(FreshGraph(rows), rows, Queries(), 12);
      const double never = GraphRecall(first_graph, rows, Queries(), 12);
      std::cout << "generation " << generation << ": recall@10 " << recall << ", fresh " << fresh
                << ", never relinked " << never << "\n";
      EXPECT_GE(recall, fresh - 0.04);
      EXPECT_GE(recall, never + 0.1);
    }
  }
}

TEST_F(GraphRelinkTest, RemovedRowsLeaveTheOthersReachable) {
  const EncodedRows old_rows(encoder_.Encode(inputs_), kDim);
  const HnswGraph old_graph = FreshGraph(old_rows);
  encoder_.Drift(0.4F, random_);
  for (const double share : {0.01, 0.2, 0.6, 0.95}) {
    SCOPED_TRACE("share removed " + std::to_string(share));
    const std::vector<Position> survivors = Survivors(share);
    const EncodedRows rows(encoder_.Encode(InputsAt(survivors)), kDim);
    const HnswGraph graph = Relink(old_graph, survivors, rows);
    ExpectSound(graph, rows.linked);
    const double recall = GraphRecall(graph, rows, Queries(), 64);
    std::cout << "removed " << share << ": recall@10 " << recall << "\n";
    EXPECT_GE(recall, GraphRecall(FreshGraph(rows), rows, Queries(), 64) - 0.02);
  }
}

TEST_F(GraphRelinkTest, AddedRowsAreFound) {
  const std::vector<Position> known = Survivors(0.3);
  const EncodedRows old_rows(encoder_.Encode(InputsAt(known)), kDim);
  const HnswGraph old_graph = FreshGraph(old_rows);
  encoder_.Drift(0.4F, random_);
  const EncodedRows rows(encoder_.Encode(inputs_), kDim);
  std::vector<Position> old_positions(kRows, kNewRow);
  for (Position old = 0; old < known.size(); ++old) {
    old_positions[known[old]] = old;
  }
  const HnswGraph graph = Relink(old_graph, old_positions, rows);
  ExpectSound(graph, rows.linked);
  EXPECT_GE(GraphRecall(graph, rows, Queries(), 32),
            GraphRecall(FreshGraph(rows), rows, Queries(), 32) - 0.02);
  // Every added row is found by its own vector.
  std::vector<float> added;
  for (Position row = 0; row < kRows; ++row) {
    if (old_positions[row] == kNewRow) {
      added.resize(added.size() + kDim);
      FromHalf(rows.view.data + std::size_t{row} * kDim, added.data() + added.size() - kDim, kDim);
    }
  }
  EXPECT_GE(GraphRecall(graph, rows, added, 64), 0.98);
}

TEST_F(GraphRelinkTest, RowsMayComeAndGoAndMoveAtOnce) {
  const std::vector<Position> known = Survivors(0.3);
  const EncodedRows old_rows(encoder_.Encode(InputsAt(known)), kDim);
  const HnswGraph old_graph = FreshGraph(old_rows);
  encoder_.Drift(0.4F, random_);
  std::vector<Position> kept = Survivors(0.3);
  random_.Shuffle(std::span<Position>(kept));
  const EncodedRows rows(encoder_.Encode(InputsAt(kept)), kDim);
  std::vector<Position> old_positions;
  for (const Position input : kept) {
    const auto found = std::lower_bound(known.begin(), known.end(), input);
    const bool is_known = found != known.end() && *found == input;
    old_positions.push_back(is_known ? static_cast<Position>(found - known.begin()) : kNewRow);
  }
  const HnswGraph graph = Relink(old_graph, old_positions, rows);
  ExpectSound(graph, rows.linked);
  EXPECT_GE(GraphRecall(graph, rows, Queries(), 32),
            GraphRecall(FreshGraph(rows), rows, Queries(), 32) - 0.02);
  // And with any number of threads.
  for (const int num_threads : {2, 3}) {
    HnswOptions options;
    options.num_threads = num_threads;
    EXPECT_TRUE(SameLinks(graph, Relink(old_graph, old_positions, rows, options)));
  }
  HnswOptions options;
  options.seed = 2;
  EXPECT_FALSE(SameLinks(graph, Relink(old_graph, old_positions, rows, options)));
}

TEST_F(GraphRelinkTest, EverythingNewIsAFreshGraph) {
  const EncodedRows rows(encoder_.Encode(inputs_), kDim);
  const std::vector<Position> all_new(kRows, kNewRow);
  const HnswGraph graph = Relink(HnswGraph(), all_new, rows);
  ExpectSound(graph, rows.linked);
  EXPECT_GE(graph.level(graph.entry_point()), 2U);
  EXPECT_GE(GraphRecall(graph, rows, Queries(), 16),
            GraphRecall(FreshGraph(rows), rows, Queries(), 16) - 0.01);
  EXPECT_TRUE(SameLinks(graph, Relink(FreshGraph(rows), all_new, rows)));
}

TEST_F(GraphRelinkTest, FewRowsOrNone) {
  const EncodedRows old_rows(encoder_.Encode(inputs_), kDim);
  const HnswGraph old_graph = FreshGraph(old_rows);
  for (std::size_t num_rows = 0; num_rows <= 4; ++num_rows) {
    SCOPED_TRACE(num_rows);
    const std::vector<Position> kept = {7, 1234, 9, 2999};
    const std::vector<Position> old_positions(kept.begin(),
                                              kept.begin() + static_cast<std::ptrdiff_t>(num_rows));
    const EncodedRows rows(encoder_.Encode(InputsAt(old_positions)), kDim);
    ExpectSound(Relink(old_graph, old_positions, rows), rows.linked);
    const HnswGraph all_new = Relink(HnswGraph(), std::vector(num_rows, kNewRow), rows);
    ExpectSound(all_new, rows.linked);
    EXPECT_EQ(all_new.num_links(), HnswOptions().num_links);
    if (num_rows % 3 != 0) {
      continue;
    }
    // From a small graph to a large one.
    std::vector<Position> grown(kRows, kNewRow);
    for (Position old = 0; old < num_rows; ++old) {
      grown[kept[old]] = old;
    }
    const HnswGraph large = Relink(all_new, grown, old_rows);
    ExpectSound(large, old_rows.linked);
    EXPECT_GE(GraphRecall(large, old_rows, Queries(), 64), 0.97);
  }
}

TEST_F(GraphRelinkTest, RepeatedRowsStayOutAndStepInForTheFirst) {
  std::vector<Position> kept = Survivors(0.5);
  const std::size_t num_distinct = kept.size();
  for (std::size_t i = 0; i < num_distinct; i += 2) {
    kept.push_back(kept[i]);  // Repeats an earlier row.
  }
  const EncodedRows old_rows(encoder_.Encode(InputsAt(kept)), kDim);
  ASSERT_EQ(old_rows.linked.size(), num_distinct);
  const HnswGraph old_graph = FreshGraph(old_rows);
  encoder_.Drift(0.4F, random_);
  // Without the first third of the rows, so that some of the repeated become the first.
  std::vector<Position> old_positions;
  for (Position old = static_cast<Position>(num_distinct) / 3; old < kept.size(); ++old) {
    old_positions.push_back(old);
  }
  const std::vector<Position> still(kept.begin() + old_positions.front(), kept.end());
  const EncodedRows rows(encoder_.Encode(InputsAt(still)), kDim);
  ASSERT_LT(rows.linked.size(), still.size());
  ASSERT_GT(rows.linked.size(), num_distinct - num_distinct / 3);
  const HnswGraph graph = Relink(old_graph, old_positions, rows);
  ExpectSound(graph, rows.linked);
  EXPECT_GE(GraphRecall(graph, rows, Queries(), 32), 0.97);
}

TEST_F(GraphRelinkTest, VectorsOfAnyLengthAndNone) {
  std::vector<float> encoded = encoder_.Encode(inputs_);
  for (std::size_t row = 0; row < kRows; ++row) {
    const float length = row % 100 == 0 ? 0.0F : static_cast<float>(random_.UniformReal() + 0.5);
    for (std::size_t i = 0; i < kDim; ++i) {
      encoded[row * kDim + i] *= length;
    }
  }
  const EncodedRows old_rows(encoder_.Encode(inputs_), kDim);
  const EncodedRows rows(encoded, kDim);
  const HnswGraph graph = Relink(FreshGraph(old_rows), SamePositions(kRows), rows);
  ExpectSound(graph, rows.linked);
  EXPECT_GE(GraphRecall(graph, rows, Queries(), 64),
            GraphRecall(FreshGraph(rows), rows, Queries(), 64) - 0.03);
}

TEST_F(GraphRelinkTest, CanBeCancelledAtAnyReport) {
  const EncodedRows old_rows(encoder_.Encode(inputs_), kDim);
  const HnswGraph old_graph = FreshGraph(old_rows);
  std::vector<Position> old_positions = SamePositions(kRows);
  for (Position row = 0; row < 300; ++row) {
    old_positions[row] = kNewRow;
  }
  std::size_t num_reports = 0;
  std::size_t last = 0;
  const auto relink = [&](std::size_t reports_max) {
    num_reports = 0;
    last = 0;
    const auto progress = [&](std::size_t done, std::size_t total) {
      EXPECT_GE(done, last);
      EXPECT_EQ(total, 300 + 2 * kRows);
      last = done;
      return ++num_reports < reports_max;
    };
    return RelinkGraph(old_graph, old_positions, old_rows.view, old_rows.linked, {}, progress)
        .status();
  };
  ASSERT_TRUE(relink(1000).ok());
  EXPECT_EQ(last, 300 + 2 * kRows);
  const std::size_t all = num_reports;
  ASSERT_GE(all, 4U);
  for (std::size_t reports = 1; reports <= all; ++reports) {
    EXPECT_EQ(relink(reports).code(), StatusCode::kCancelled) << reports;
    EXPECT_EQ(num_reports, reports);
  }
}

}  // namespace
}  // namespace dashi::index
