#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "index/vector_index.h"
#include "tests/index/faiss_hnsw_builder.h"
#include "tests/index/graph_checks.h"
#include "tests/index/graph_file_writer.h"
#include "tests/index/random_vectors.h"

namespace dashi::index {
namespace {

std::unique_ptr<VectorIndex> Build(const std::vector<std::uint16_t>& vectors, std::size_t dim,
                                   const HnswOptions& options = {}) {
  auto index = BuildHnswIndex(vectors, dim, options, {});
  EXPECT_TRUE(index.ok()) << index.status().ToString();
  return std::move(index).value();
}

TEST(HnswBuildTest, IsReproducibleWithAnyNumberOfThreads) {
  Random random(4);
  const EncodedRows rows(ClusteredRows(1000, 16, 20, 0.5F, random), 16);
  const auto build = [&](std::uint64_t seed, int num_threads) {
    HnswOptions options;
    options.seed = seed;
    options.num_threads = num_threads;
    return FreshGraph(rows, options);
  };
  const HnswGraph graph = build(1, 1);
  ExpectSound(graph, rows.linked);
  EXPECT_TRUE(SameLinks(graph, build(1, 1)));
  EXPECT_TRUE(SameLinks(graph, build(1, 2)));
  EXPECT_TRUE(SameLinks(graph, build(1, 5)));
  EXPECT_FALSE(SameLinks(graph, build(2, 1)));
}

/// FAISS is the reference: its graphs are built row by row, in full precision.
TEST(HnswBuildTest, IsNotWorseThanTheGraphsOfFaiss) {
  SCOPED_TRACE("seed 5");
  Random random(5);
  constexpr std::size_t kRows = 3000;
  constexpr std::size_t kDim = 24;
  constexpr std::size_t kQueries = 300;
  std::vector<float> clustered = ClusteredRows(kRows + kQueries, kDim, 40, 0.6F, random);
  std::vector<float> gaussian = GaussianRows(kRows + kQueries, kDim, random);
  for (std::vector<float>* values : {&clustered, &gaussian}) {
    const std::vector<float> queries(values->begin() + kRows * kDim, values->end());
    values->resize(kRows * kDim);
    const EncodedRows rows(*values, kDim);
    HnswOptions options;
    options.ef_construction = 64;
    const auto reference = BuildFaissGraph(rows.view, rows.linked, options, {});
    ASSERT_TRUE(reference.ok()) << reference.status().ToString();
    const HnswGraph graph = FreshGraph(rows, options);
    for (const std::size_t ef : {16UL, 64UL}) {
      EXPECT_GE(GraphRecall(graph, rows, queries, ef),
                GraphRecall(*reference, rows, queries, ef) - 0.01)
          << "ef " << ef;
    }
  }
}

TEST(HnswBuildTest, ReportsProgressAndCanBeCancelled) {
  Random random(6);
  const std::size_t rows = 5000;
  const std::vector<std::uint16_t> vectors = HalfRows(GaussianRows(rows, 4, random));
  std::vector<std::size_t> reports;
  ASSERT_TRUE(BuildHnswIndex(vectors, 4, {}, [&](std::size_t done, std::size_t total) {
                EXPECT_EQ(total, rows);
                reports.push_back(done);
                return true;
              }).ok());
  ASSERT_GE(reports.size(), 3U);
  EXPECT_TRUE(std::is_sorted(reports.begin(), reports.end()));
  EXPECT_EQ(reports.front(), 0U);
  EXPECT_EQ(reports.back(), rows);
  const auto cancelled =
      BuildHnswIndex(vectors, 4, {}, [](std::size_t done, std::size_t) { return done == 0; });
  EXPECT_EQ(cancelled.status().code(), StatusCode::kCancelled);
}

TEST(HnswBuildTest, RefusesOptionsOutOfRange) {
  const std::vector<std::uint16_t> vectors(8, 0x3C00);
  for (const std::size_t bad : {0UL, 1UL, 129UL}) {
    HnswOptions options;
    options.num_links = bad;
    EXPECT_EQ(BuildHnswIndex(vectors, 4, options, {}).status().code(),
              StatusCode::kInvalidArgument);
  }
  HnswOptions options;
  options.ef_construction = 0;
  EXPECT_EQ(BuildHnswIndex(vectors, 4, options, {}).status().code(), StatusCode::kInvalidArgument);
  options = {};
  options.ef_search = 0;
  EXPECT_EQ(BuildHnswIndex(vectors, 4, options, {}).status().code(), StatusCode::kInvalidArgument);
}

TEST(HnswBuildTest, AFewVectorsAreFineAndSurviveAFile) {
  ThreadPool pool(1);
  Random random(7);
  const std::size_t dim = 6;
  for (const std::size_t rows : {0UL, 1UL, 2UL, 5UL, 15UL, 40UL}) {
    SCOPED_TRACE(rows);
    const std::vector<std::uint16_t> vectors = HalfRows(GaussianRows(rows, dim, random));
    const auto built = Build(vectors, dim);
    const std::string path = (std::filesystem::path(::testing::TempDir()) / "graph_few").string();
    WriteGraphFile(path, vectors, dim, {});
    const auto loaded = LoadHnswIndex(path, vectors, dim);
    ASSERT_TRUE(loaded.ok()) << loaded.status().ToString();
    const std::vector<float> query = GaussianRows(1, dim, random);
    for (const VectorIndex* index : {built.get(), loaded->get()}) {
      const auto found = index->Search(query, {}, nullptr);
      ASSERT_TRUE(found.ok());
      EXPECT_EQ(found->size(), std::min<std::size_t>(rows, 10));
      ASSERT_TRUE(index->SearchBatch({query.data(), 1, dim}, {}, pool).ok());
    }
  }
}

TEST(HnswBuildTest, DuplicatesDoNotHideAnswers) {
  // 20,000 rows: 9,000 of 3,000 distinct vectors, 9,000 copies of one, and 2,000 zero vectors.
  Random random(8);
  const std::size_t dim = 12;
  const std::vector<float> distinct = ClusteredRows(3000, dim, 60, 0.5F, random);
  std::vector<float> rows;
  for (std::size_t i = 0; i < 18'000; ++i) {
    const float* row = distinct.data() + (i % 2 == 0 ? 0 : random.Uniform(3000)) * dim;
    rows.insert(rows.end(), row, row + dim);
  }
  rows.resize(20'000 * dim, 0.0F);
  const std::vector<std::uint16_t> vectors = HalfRows(rows);
  const auto index = Build(vectors, dim);
  const auto exact = MakeExactIndex(vectors, dim);
  std::vector<Shortlist> all_found;
  std::vector<Shortlist> all_true;
  std::size_t num_exact = 0;
  for (std::size_t round = 0; round < 200; ++round) {
    // Some look for the vector of many copies.
    const std::vector<float> query =
        round % 8 == 0
            ? std::vector<float>(distinct.begin(), distinct.begin() + dim)
            : std::vector<float>(distinct.begin() + static_cast<std::ptrdiff_t>(round * dim),
                                 distinct.begin() + static_cast<std::ptrdiff_t>((round + 1) * dim));
    SearchOptions options;
    if (round % 3 == 0) {
      options.filter = [](Position position) { return position % 3 != 0; };
      options.ef = 64;  // So narrow that a scan of such short rows does not cost less.
    }
    SearchStatistics statistics;
    auto found = index->Search(query, options, &statistics);
    auto truth = exact->Search(query, options, nullptr);
    ASSERT_TRUE(found.ok() && truth.ok());
    ASSERT_EQ(found->size(), 10U);
    ExpectSorted(*found);
    num_exact += statistics.exact ? 1 : 0;
    all_found.push_back(std::move(found).value());
    all_true.push_back(std::move(truth).value());
  }
  EXPECT_EQ(num_exact, 0U);
  EXPECT_GE(Recall(all_found, all_true), 0.99);  // by position: ties break as in the scan
}

TEST(HnswBuildTest, VectorsOfDifferentLengthAreFoundToo) {
  // Inner product is no metric: long vectors attract. Lengths as trained classifiers have.
  Random random(9);
  const std::size_t rows = 7000;
  const std::size_t dim = 32;
  std::vector<float> values = ClusteredRows(rows, dim, 200, 0.7F, random);
  for (std::size_t r = 0; r < rows; ++r) {
    const auto length = static_cast<float>(0.7 + 0.6 * random.UniformReal());
    for (std::size_t i = 0; i < dim; ++i) {
      values[r * dim + i] *= length;
    }
  }
  const std::vector<std::uint16_t> vectors = HalfRows(values);
  const std::vector<float> queries = ClusteredRows(100, dim, 200, 0.7F, random);
  HnswOptions options;
  options.ef_construction = 100;
  ThreadPool pool(2);
  const auto found =
      Build(vectors, dim, options)->SearchBatch({queries.data(), 100, dim}, {}, pool);
  const auto truth =
      MakeExactIndex(vectors, dim)->SearchBatch({queries.data(), 100, dim}, {}, pool);
  ASSERT_TRUE(found.ok() && truth.ok());
  const double recall = Recall(*found, *truth);
  std::cout << "recall@10 with lengths from 0.7 to 1.3: " << recall << "\n";
  EXPECT_GE(recall, 0.95);
}

}  // namespace
}  // namespace dashi::index
