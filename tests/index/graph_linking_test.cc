#include <algorithm>
#include <atomic>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "index/graph_connect.h"
#include "index/graph_insert.h"
#include "index/graph_relink.h"
#include "index/link_chooser.h"
#include "tests/index/faiss_hnsw_builder.h"
#include "tests/index/graph_checks.h"
#include "tests/index/naive_relink.h"

namespace dashi::index {
namespace {

const BuildProgress kUnreported;

std::vector<ChunkLinks> AllChunks(const HnswGraph& graph, HalfMatrixView vectors,
                                  ThreadPool& pool) {
  std::vector<ChunkLinks> chunks;
  for (std::size_t c = 0; c < NumRelinkChunks(graph); ++c) {
    auto chunk = RelinkChunk(graph, vectors, c, {pool, kUnreported});
    EXPECT_TRUE(chunk.ok());
    chunks.push_back(std::move(chunk).value());
  }
  return chunks;
}

HnswGraph BothPasses(const HnswGraph& graph, HalfMatrixView vectors, ThreadPool& pool) {
  auto merged = MergeReverse(graph, vectors, AllChunks(graph, vectors, pool), {pool, kUnreported});
  EXPECT_TRUE(merged.ok()) << merged.status().ToString();
  return std::move(merged).value();
}

/// A graph whose links lead anywhere.
HnswGraph RandomGraph(std::size_t num_rows, std::size_t num_links, Random& random) {
  std::vector<std::uint8_t> levels(num_rows);
  for (std::uint8_t& level : levels) {
    level = static_cast<std::uint8_t>(random.Uniform(4) == 0 ? 1 + random.Uniform(2) : 0);
  }
  const auto entry = std::max_element(levels.begin(), levels.end()) - levels.begin();
  HnswGraph graph(num_links, levels, static_cast<Position>(entry));
  for (Position node = 0; node < num_rows; ++node) {
    for (std::uint32_t level = 0; level <= graph.level(node); ++level) {
      const auto room = graph.Room(node, level);
      std::vector<Position> others;
      for (Position other = 0; other < num_rows; ++other) {
        if (other != node && graph.level(other) >= level) {
          others.push_back(other);
        }
      }
      random.Shuffle(std::span<Position>(others));
      others.resize(std::min(others.size(), random.Uniform(room.size() + 1)));
      std::copy(others.begin(), others.end(), room.begin());
    }
  }
  return graph;
}

TEST(RelinkPassesTest, ChooseWhatTheNaiveTwinChooses) {
  ThreadPool pool(2);
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    const std::size_t num_rows = 1 + random.Uniform(seed % 4 == 0 ? 400 : 60);
    const std::size_t dim = 1 + random.Uniform(40);
    // Whole numbers have exact products, so that ties are ties, and many.
    std::vector<float> vectors(num_rows * dim);
    for (float& value : vectors) {
      value = static_cast<float>(random.Uniform(9)) - 4;
    }
    const std::vector<std::uint16_t> halves = HalfRows(vectors);
    const HnswGraph graph = RandomGraph(num_rows, 2 + random.Uniform(9), random);
    const HnswGraph merged = BothPasses(graph, {halves.data(), num_rows, dim}, pool);
    ASSERT_TRUE(SameLinks(merged, NaiveRelinker(graph, vectors, dim).Relink()));
  }
}

TEST(RelinkPassesTest, DifferFromTheNaiveTwinByRoundingAlone) {
  SCOPED_TRACE("seed 5");
  Random random(5);
  constexpr std::size_t kRows = 1500;
  constexpr std::size_t kDim = 50;
  const EncodedRows old_rows(ClusteredRows(kRows, kDim, 30, 0.7F, random), kDim);
  const HnswGraph graph = FreshGraph(old_rows);
  std::vector<float> vectors = ClusteredRows(kRows, kDim, 30, 0.7F, random);
  const std::vector<std::uint16_t> halves = HalfRows(vectors);
  FromHalf(halves.data(), vectors.data(), vectors.size());
  ThreadPool pool(1);
  const HnswGraph merged = BothPasses(graph, {halves.data(), kRows, kDim}, pool);
  const HnswGraph naive = NaiveRelinker(graph, vectors, kDim).Relink();
  std::size_t num_same = 0;
  for (Position node = 0; node < kRows; ++node) {
    const auto a = merged.Links(node, 0);
    const auto b = naive.Links(node, 0);
    num_same += std::equal(a.begin(), a.end(), b.begin(), b.end()) ? 1 : 0;
  }
  EXPECT_GE(num_same, kRows - 5);
}

TEST(RelinkPassesTest, ChunksAreIndependentOfEachOtherAndOfThreads) {
  SCOPED_TRACE("seed 6");
  Random random(6);
  constexpr std::size_t kRows = kRelinkChunkNodes + 3000;
  constexpr std::size_t kDim = 8;
  HnswOptions options;
  options.num_links = 4;
  options.ef_construction = 16;
  options.num_threads = 2;
  const EncodedRows old_rows(GaussianRows(kRows, kDim, random), kDim);
  const HnswGraph graph = FreshGraph(old_rows, options);
  const EncodedRows rows(GaussianRows(kRows, kDim, random), kDim);
  ASSERT_EQ(NumRelinkChunks(graph), 2U);
  ThreadPool one(1);
  ThreadPool two(2);
  const std::vector<ChunkLinks> chunks = AllChunks(graph, rows.view, one);
  const auto last = RelinkChunk(graph, rows.view, 1, {two, kUnreported});
  const auto first = RelinkChunk(graph, rows.view, 0, {two, kUnreported});
  ASSERT_TRUE(last.ok() && first.ok());
  EXPECT_EQ(chunks, (std::vector<ChunkLinks>{*first, *last}));
  const auto a = MergeReverse(graph, rows.view, chunks, {one, kUnreported});
  const auto b = MergeReverse(graph, rows.view, chunks, {two, kUnreported});
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_TRUE(SameLinks(*a, *b));
  ExpectSoundLinks(*a, rows.linked);
}

TEST(RelinkPassesTest, RefuseChunksOfAnotherGraph) {
  Random random(7);
  const EncodedRows rows(GaussianRows(500, 8, random), 8);
  const HnswGraph graph = FreshGraph(rows);
  ThreadPool pool(1);
  const std::vector<ChunkLinks> chunks = AllChunks(graph, rows.view, pool);
  const auto code = [&](const std::vector<ChunkLinks>& given) {
    return MergeReverse(graph, rows.view, given, {pool, kUnreported}).status().code();
  };
  EXPECT_EQ(code(chunks), StatusCode::kOk);
  EXPECT_EQ(code({}), StatusCode::kCorruption);
  EXPECT_EQ(code({chunks[0], chunks[0]}), StatusCode::kCorruption);
  std::vector<ChunkLinks> damaged = chunks;
  damaged[0].base_links.pop_back();
  EXPECT_EQ(code(damaged), StatusCode::kCorruption);
  damaged = chunks;
  damaged[0].upper_links.push_back(HnswGraph::kNoLink);
  EXPECT_EQ(code(damaged), StatusCode::kCorruption);
  damaged = chunks;
  damaged[0].base_links[3] = 500;
  EXPECT_EQ(code(damaged), StatusCode::kCorruption);
}

TEST(LinkChooserTest, CandidatesInAnyOrderAndByAnyWayGiveTheSameLinks) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    const EncodedRows rows(ClusteredRows(200, 20, 5, 0.7F, random), 20);
    std::vector<Position> others = SamePositions(200);
    std::vector<Position> plain(12);
    std::vector<Position> by_ways(12);
    LinkChooser chooser(rows.view, 4);
    chooser.Begin(0, 200);
    chooser.Add(others, HnswGraph::kNoLink);
    EXPECT_EQ(chooser.num_candidates(), 199U);
    chooser.Choose(plain);
    random.Shuffle(std::span<Position>(others));
    chooser.Begin(0, 1000);
    for (std::size_t begin = 0; begin < 200; begin += 20) {
      chooser.Add(std::span<const Position>(others).subspan(begin, 20),
                  begin == 0 ? HnswGraph::kNoLink : others[begin / 20]);
    }
    chooser.Add(others, others[3]);
    EXPECT_EQ(chooser.num_candidates(), 199U);
    chooser.Choose(by_ways);
    EXPECT_EQ(plain, by_ways);
  }
}

TEST(InsertRowsTest, BuildsAGraphThatDoesNotDependOnThreads) {
  SCOPED_TRACE("seed 8");
  Random random(8);
  constexpr std::size_t kRows = 3000;
  const EncodedRows rows(ClusteredRows(kRows, 32, 60, 0.7F, random), 32);
  const std::vector<float> queries = ClusteredRows(200, 32, 60, 0.7F, random);
  const HnswGraph empty(16, std::vector<std::uint8_t>(kRows), 0);
  ThreadPool one(1);
  ThreadPool three(3);
  std::atomic<std::uint64_t> num_scored{0};
  const auto a = InsertRows(empty, rows.view, rows.linked, {}, {one, kUnreported, &num_scored});
  const auto b = InsertRows(empty, rows.view, rows.linked, {}, {three, kUnreported});
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_TRUE(SameLinks(*a, *b));
  EXPECT_GT(num_scored, kRows * 200);
  ExpectSoundLinks(*a, rows.linked);
  EXPECT_GE(
      GraphRecall(*a, rows, queries, 32),
      GraphRecall(BuildFaissGraph(rows.view, rows.linked, {}, {}).value(), rows, queries, 32) -
          0.01);
}

TEST(InsertRowsTest, TellsWhatIsWrong) {
  Random random(9);
  const EncodedRows rows(GaussianRows(50, 8, random), 8);
  const HnswGraph empty(16, std::vector<std::uint8_t>(50), 0);
  ThreadPool pool(1);
  const auto code = [&](std::vector<Position> inserted, const HnswOptions& options,
                        const BuildProgress& progress) {
    return InsertRows(empty, rows.view, inserted, options, {pool, progress}).status().code();
  };
  EXPECT_EQ(code({0, 7, 49}, {}, {}), StatusCode::kOk);
  EXPECT_EQ(code({}, {}, {}), StatusCode::kOk);
  EXPECT_EQ(code({0, 50}, {}, {}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({0, 8, 7}, {}, {}), StatusCode::kInvalidArgument);
  HnswOptions options;
  options.ef_construction = 0;
  EXPECT_EQ(code({0, 7}, options, {}), StatusCode::kInvalidArgument);
  options = {};
  options.num_links = 5;
  EXPECT_EQ(code({1, 7}, options, {}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({0, 7}, {}, [](std::size_t, std::size_t) { return false; }),
            StatusCode::kCancelled);
}

TEST(ConnectRowsTest, ReachesEveryRowAndLosesNone) {
  ThreadPool pool(1);
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    const std::size_t num_rows = 1 + random.Uniform(200);
    const EncodedRows rows(GaussianRows(num_rows, 4, random), 4);
    HnswGraph graph = RandomGraph(num_rows, 2, random);
    // Only links to a few, so that most rows are not reached, and rooms are full.
    for (Position& link : graph.base_links()) {
      link = seed % 2 == 0 ? static_cast<Position>(random.Uniform(1 + num_rows / 8)) : link;
    }
    std::size_t num_missing = 0;
    for (const bool reached : ReachableAtLevel0(graph)) {
      num_missing += reached ? 0 : 1;
    }
    const auto added = ConnectRows(rows.view, rows.linked, /*ef=*/8, {pool, kUnreported}, &graph);
    ASSERT_TRUE(added.ok());
    ASSERT_EQ(graph.FindFault(), "");
    for (const bool reached : ReachableAtLevel0(graph)) {
      ASSERT_TRUE(reached);
    }
    ASSERT_LE(*added, num_missing);
    ASSERT_EQ(*added == 0, num_missing == 0);
    ASSERT_EQ(ConnectRows(rows.view, rows.linked, 8, {pool, kUnreported}, &graph).value(), 0U);
  }
}

TEST(HnswSearcherLevelTest, FindsTheBestNodesOfALevel) {
  SCOPED_TRACE("seed 10");
  Random random(10);
  const EncodedRows rows(ClusteredRows(3000, 16, 30, 0.7F, random), 16);
  const HnswGraph graph = FreshGraph(rows);
  const HnswSearcher searcher(graph, rows.view);
  const std::vector<float> queries = ClusteredRows(50, 16, 30, 0.7F, random);
  ASSERT_GE(graph.level(graph.entry_point()), 1U);
  std::vector<Shortlist> truth;
  std::vector<Shortlist> found;
  for (std::size_t q = 0; q < 50; ++q) {
    const std::span<const float> query(queries.data() + q * 16, 16);
    std::size_t num_visited = 0;
    SearchOptions options;
    options.m = 20;
    options.filter = [&](Position row) { return graph.level(row) >= 1; };
    truth.push_back(ScanExactly(rows.view, query, options, nullptr).value());
    found.push_back(searcher.SearchLevel(query, 1, 40, &num_visited));
    for (std::size_t i = 0; i < found.back().size(); ++i) {
      ASSERT_GE(graph.level(found.back()[i].position), 1U);
      ASSERT_TRUE(i == 0 || IsBetter(found.back()[i - 1], found.back()[i]));
    }
    const Shortlist base = searcher.SearchLevel(query, 0, 40, &num_visited);
    const Shortlist searched = searcher.Search(query, 40, 40, {}, &num_visited).value();
    ASSERT_TRUE(std::equal(base.begin(), base.end(), searched.begin(), searched.end(),
                           [](const Candidate& a, const Candidate& b) {
                             return a.position == b.position && a.score == b.score;
                           }));
    EXPECT_TRUE(searcher.SearchLevel(query, HnswGraph::kLevelMax, 40, &num_visited).empty());
  }
  EXPECT_GE(Recall(found, truth), 0.9);
}

}  // namespace
}  // namespace dashi::index
