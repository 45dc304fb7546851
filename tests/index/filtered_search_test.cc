// Searches for what passes a filter, by every path, against an exact scan of what passes.

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "index/position_set.h"
#include "index/vector_index.h"
#include "tests/index/random_vectors.h"

namespace dashi::index {
namespace {

constexpr std::size_t kRows = 16'000;
constexpr std::size_t kDim = 96;
constexpr std::size_t kQueries = 60;
constexpr std::size_t kDuplicates = 400;

/// Where the rows that pass stand.
enum class Shape { kRandom, kNear, kFar, kBehind };
constexpr Shape kShapes[] = {Shape::kRandom, Shape::kNear, Shape::kFar, Shape::kBehind};

class FilteredSearchTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    Random random(41);
    std::vector<float> rows = ClusteredRows(kRows + kQueries, kDim, 200, 1.0F, random);
    queries_ = new std::vector<float>(rows.begin() + kRows * kDim, rows.end());
    rows.resize(kRows * kDim);
    vectors_ = new std::vector<std::uint16_t>(HalfRows(rows));
    for (std::size_t i = 0; i < kDuplicates; ++i) {  // Rows that repeat others.
      const std::size_t from = random.Uniform(kRows);
      std::copy_n(vectors_->begin() + static_cast<std::ptrdiff_t>(from * kDim), kDim,
                  vectors_->begin() + static_cast<std::ptrdiff_t>(random.Uniform(kRows) * kDim));
    }
    HnswOptions options;
    options.ef_search = 32;
    graph_ = BuildHnswIndex(*vectors_, kDim, options, {}).value().release();
    exact_ = MakeExactIndex(*vectors_, kDim).release();
  }
  static void TearDownTestSuite() {
    delete queries_;
    delete vectors_;
    delete graph_;
    delete exact_;
  }

  static std::span<const float> Query(std::size_t q) { return {queries_->data() + q * kDim, kDim}; }

  // A set of that many rows: any, the nearest to a query, the farthest, or the nearest but for most
  // of the first ninety.
  static PositionSet Make(Shape shape, std::size_t num_passing, std::size_t query, Random& random) {
    std::vector<Position> order(kRows);
    std::iota(order.begin(), order.end(), Position{0});
    if (shape == Shape::kRandom) {
      for (std::size_t i = 0; i < num_passing; ++i) {
        std::swap(order[i], order[i + random.Uniform(kRows - i)]);
      }
    } else {
      SearchOptions all;
      all.m = kRows;
      const Shortlist ranked = exact_->Search(Query(query), all, nullptr).value();
      std::transform(ranked.begin(), ranked.end(), order.begin(),
                     [](const Candidate& candidate) { return candidate.position; });
      if (shape == Shape::kFar) {
        std::reverse(order.begin(), order.end());
      } else if (shape == Shape::kBehind) {
        const std::set<Position> first(order.begin(), order.begin() + 90);
        std::stable_partition(order.begin(), order.end(), [&](Position position) {
          return !first.contains(position) || random.UniformReal() > 0.6;
        });
      }
    }
    order.resize(num_passing);
    std::sort(order.begin(), order.end());
    return {std::move(order), kRows};
  }

  // What holds of every answer, however it was found.
  static void ExpectAnswers(const Shortlist& found, const Shortlist& truth, const PositionSet& set,
                            std::size_t m, std::size_t query) {
    ASSERT_EQ(found.size(), std::min(m, set.size()));
    std::set<Position> seen;
    for (std::size_t i = 0; i < found.size(); ++i) {
      ASSERT_TRUE(set.Contains(found[i].position));
      ASSERT_TRUE(seen.insert(found[i].position).second);
      ASSERT_LE(found[i].score, truth[i].score);
      ASSERT_EQ(found[i].score,
                DotHalf(Query(query).data(), vectors_->data() + found[i].position * kDim, kDim));
      ASSERT_TRUE(
          i == 0 || found[i - 1].score > found[i].score ||
          (found[i - 1].score == found[i].score && found[i - 1].position < found[i].position));
    }
  }
  static void ExpectSame(const Shortlist& a, const Shortlist& b) {
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
      ASSERT_EQ(a[i].position, b[i].position);
      ASSERT_EQ(a[i].score, b[i].score);
    }
  }

  static std::vector<float>* queries_;
  static std::vector<std::uint16_t>* vectors_;
  static VectorIndex* graph_;
  static VectorIndex* exact_;
  ThreadPool pool_{2};
};

std::vector<float>* FilteredSearchTest::queries_ = nullptr;
std::vector<std::uint16_t>* FilteredSearchTest::vectors_ = nullptr;
VectorIndex* FilteredSearchTest::graph_ = nullptr;
VectorIndex* FilteredSearchTest::exact_ = nullptr;

TEST_F(FilteredSearchTest, EveryPathGivesAsManyRowsAsPassAndNearlyThoseOfTheScan) {
  constexpr std::uint64_t kSeed = 17;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  Random random(kSeed);
  std::map<SearchPath, std::vector<Shortlist>> found_by;
  std::map<SearchPath, std::vector<Shortlist>> truth_of;
  for (const std::size_t num_passing :
       {std::size_t{0}, std::size_t{1}, std::size_t{16}, kRows / 100, kRows / 10, kRows / 2,
        kRows * 9 / 10, kRows - 100, kRows - 1, kRows}) {
    for (const Shape shape : kShapes) {
      for (int round = 0; round < 10; ++round) {
        const std::size_t query = random.Uniform(kQueries);
        SCOPED_TRACE(std::to_string(num_passing) + " pass, shape " +
                     std::to_string(static_cast<int>(shape)) + ", query " + std::to_string(query));
        const PositionSet set = Make(shape, num_passing, query, random);
        SearchOptions options;
        options.m = std::size_t{1} << random.Uniform(7);
        options.ef = random.Uniform(2) == 0 ? 0 : 16;
        options.passing = &set;
        SearchStatistics statistics;
        const Shortlist truth = exact_->Search(Query(query), options, nullptr).value();
        const Shortlist found = graph_->Search(Query(query), options, &statistics).value();
        ExpectAnswers(found, truth, set, options.m, query);
        EXPECT_EQ(statistics.exact, statistics.path == SearchPath::kSubsetScan ||
                                        statistics.path == SearchPath::kGraphThenScan);
        EXPECT_EQ(statistics.num_refills, statistics.path == SearchPath::kGraphThenScan ? 1U : 0U);
        if (statistics.path == SearchPath::kSubsetScan) {
          EXPECT_EQ(statistics.num_visited, num_passing);
        }
        if (statistics.exact) {
          ExpectSame(found, truth);
        }
        found_by[statistics.path].push_back(found);
        truth_of[statistics.path].push_back(truth);
      }
    }
  }
  for (const SearchPath path : {SearchPath::kSubsetScan, SearchPath::kGraph,
                                SearchPath::kWidenedGraph, SearchPath::kGraphThenScan}) {
    const double recall = Recall(found_by[path], truth_of[path]);
    std::cout << SearchPathName(path) << ": " << found_by[path].size() << " searches, recall "
              << recall << "\n";
    EXPECT_GE(found_by[path].size(), 4U) << SearchPathName(path);
    EXPECT_GE(recall, 0.9) << SearchPathName(path);
  }
  EXPECT_EQ(found_by.size(), 4U);
}

TEST_F(FilteredSearchTest, AFunctionFiltersAsASetDoesAndBothTogether) {
  Random random(18);
  for (const std::size_t num_passing : {kRows / 200, kRows / 3}) {
    const PositionSet set = Make(Shape::kRandom, num_passing, 0, random);
    const PositionSet odd = PositionSet::Where(
        kRows, [&](Position position) { return position % 2 == 1 && set.Contains(position); });
    for (const VectorIndex* index : {graph_, exact_}) {
      for (std::size_t q = 0; q < 10; ++q) {
        SearchOptions options;
        options.passing = &set;
        const Shortlist by_set = index->Search(Query(q), options, nullptr).value();
        options.filter = [](Position position) { return position % 2 == 1; };
        const Shortlist by_both = index->Search(Query(q), options, nullptr).value();
        options.passing = nullptr;
        options.filter = [&](Position position) { return set.Contains(position); };
        ExpectSame(index->Search(Query(q), options, nullptr).value(), by_set);
        options.filter = nullptr;
        options.passing = &odd;
        ExpectSame(index->Search(Query(q), options, nullptr).value(), by_both);
      }
    }
  }
}

TEST_F(FilteredSearchTest, ABatchAnswersLikeSingleSearches) {
  Random random(19);
  for (const std::size_t num_passing : {std::size_t{3}, kRows / 50, kRows / 2}) {
    const PositionSet set = Make(Shape::kRandom, num_passing, 0, random);
    for (const bool exact : {false, true}) {
      SearchOptions options;
      options.passing = &set;
      options.exact = exact;
      const auto batch =
          graph_->SearchBatch({queries_->data(), kQueries, kDim}, options, pool_).value();
      for (std::size_t q = 0; q < kQueries; ++q) {
        ExpectSame(batch[q], graph_->Search(Query(q), options, nullptr).value());
      }
    }
  }
}

TEST_F(FilteredSearchTest, ADuplicateIsFoundWhereTheRowThatItRepeatsDoesNotPass) {
  // Each query is a row that is there twice; of the two, the later passes.
  std::map<std::vector<std::uint16_t>, std::vector<Position>> places;
  for (std::size_t i = 0; i < kRows; ++i) {
    const auto row = vectors_->begin() + static_cast<std::ptrdiff_t>(i * kDim);
    places[{row, row + kDim}].push_back(static_cast<Position>(i));
  }
  std::size_t num_walked = 0;
  for (const auto& [row, positions] : places) {
    if (positions.size() < 2) {
      continue;
    }
    const Position first = positions[0];
    const PositionSet set = PositionSet::AllBut({&first, 1}, kRows);
    std::vector<float> query(kDim);
    FromHalf(row.data(), query.data(), kDim);
    NormalizeInPlace(query.data(), kDim);
    SearchOptions options;
    options.passing = &set;
    options.m = 1;
    SearchStatistics statistics;
    const Shortlist found = graph_->Search(query, options, &statistics).value();
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].position, positions[1]);
    num_walked += statistics.exact ? 0 : 1;
  }
  EXPECT_GT(num_walked, 100U);
}

TEST_F(FilteredSearchTest, WhereAnIndexIsRequiredLargeScansAreRefused) {
  Random random(20);
  const std::size_t wide = 4000;  // So many values a row that few rows may be scanned.
  const std::size_t rows_max = ScanRowsMax(wide);
  const std::size_t rows = rows_max + 50;
  const auto index = MakeExactIndex(HalfRows(GaussianRows(rows, wide, random)), wide);
  const std::vector<float> query = GaussianRows(1, wide, random);
  SearchOptions options;
  options.require_index = true;
  const Status refused = index->Search(query, options, nullptr).status();
  EXPECT_EQ(refused.code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(refused.sqlstate(), "55000");
  EXPECT_EQ(refused.message(), "an index is required and too many rows would be scanned: got " +
                                   std::to_string(rows) + ", at most " + std::to_string(rows_max));
  EXPECT_EQ(index->SearchBatch({query.data(), 1, wide}, options, pool_).status().sqlstate(),
            "55000");
  const PositionSet set =
      PositionSet::Where(rows, [&](Position position) { return position < rows_max; });
  options.passing = &set;
  EXPECT_TRUE(index->Search(query, options, nullptr).ok());
  options.passing = nullptr;
  options.exact = true;
  EXPECT_TRUE(index->Search(query, options, nullptr).ok());
}

}  // namespace
}  // namespace dashi::index
