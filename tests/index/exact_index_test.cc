#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "index/vector_index.h"
#include "index/vector_kernels_naive.h"
#include "tests/index/random_vectors.h"

namespace dashi::index {
namespace {

// The definition: score everything in double, sort, cut.
Shortlist NaiveSearch(const std::vector<std::uint16_t>& vectors, std::size_t dim,
                      const float* query, const SearchOptions& options) {
  Shortlist all;
  for (std::size_t r = 0; r < vectors.size() / dim; ++r) {
    const auto position = static_cast<Position>(r);
    if (!options.filter || options.filter(position)) {
      all.push_back({position, naive::DotHalf(query, vectors.data() + r * dim, dim)});
    }
  }
  std::sort(all.begin(), all.end(), [](const Candidate& a, const Candidate& b) {
    return a.score != b.score ? a.score > b.score : a.position < b.position;
  });
  all.resize(std::min(all.size(), options.m));
  return all;
}

void ExpectSame(const Shortlist& got, const Shortlist& want) {
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    EXPECT_NEAR(got[i].score, want[i].score, 1e-4F);
    EXPECT_EQ(got[i].position, want[i].position) << "rank " << i;
  }
}

// Small whole numbers: every product and sum is exact, and ties are many.
std::vector<float> SmallIntegers(std::size_t size, Random& random) {
  std::vector<float> values(size);
  for (float& value : values) {
    value = static_cast<float>(random.Uniform(5)) - 2.0F;
  }
  return values;
}

TEST(ExactIndexTest, AgreesWithSortingAllScoresTiesByPosition) {
  ThreadPool pool(2);
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    const std::size_t dim = 1 + random.Uniform(40);
    const std::size_t rows = random.Uniform(1800);
    const std::size_t num_queries = 1 + random.Uniform(50);
    const std::vector<std::uint16_t> vectors = HalfRows(SmallIntegers(rows * dim, random));
    const std::vector<float> queries = SmallIntegers(num_queries * dim, random);
    const auto index = MakeExactIndex(vectors, dim);
    ASSERT_EQ(index->num_vectors(), rows);
    SearchOptions options;
    options.m = random.Uniform(3) == 0 ? rows + 5 : random.Uniform(60);
    if (random.Uniform(2) == 0) {
      const std::uint64_t modulus = 1 + random.Uniform(90);
      options.filter = [modulus](Position position) { return position % modulus == 0; };
    }
    const auto batch = index->SearchBatch({queries.data(), num_queries, dim}, options, pool);
    ASSERT_TRUE(batch.ok());
    for (std::size_t q = 0; q < num_queries; ++q) {
      const float* query = queries.data() + q * dim;
      const Shortlist want = NaiveSearch(vectors, dim, query, options);
      SearchStatistics statistics;
      const auto got = index->Search({query, dim}, options, &statistics);
      ASSERT_TRUE(got.ok());
      ExpectSame(*got, want);
      ExpectSame((*batch)[q], want);
      EXPECT_TRUE(statistics.exact);
      if (options.m > 0 && !options.filter) {
        EXPECT_EQ(statistics.num_visited, rows);
      }
    }
  }
}

TEST(ExactIndexTest, BatchesReportTheScoresOfSingleSearches) {
  Random random(5);
  const std::size_t dim = 96;
  const auto index = MakeExactIndex(HalfRows(ClusteredRows(3000, dim, 40, 0.4F, random)), dim);
  const std::vector<float> queries = ClusteredRows(200, dim, 40, 0.4F, random);
  SearchOptions options;
  options.m = 20;
  ThreadPool one(1);
  ThreadPool two(2);
  const auto first = index->SearchBatch({queries.data(), 200, dim}, options, one);
  const auto second = index->SearchBatch({queries.data(), 200, dim}, options, two);
  ASSERT_TRUE(first.ok() && second.ok());
  for (std::size_t q = 0; q < 200; ++q) {
    const auto single = index->Search({queries.data() + q * dim, dim}, options, nullptr);
    ASSERT_TRUE(single.ok());
    ASSERT_EQ(single->size(), options.m);
    for (std::size_t i = 0; i < options.m; ++i) {
      ASSERT_EQ((*first)[q][i].position, (*single)[i].position);
      ASSERT_EQ((*first)[q][i].score, (*single)[i].score);
      ASSERT_EQ((*second)[q][i].position, (*single)[i].position);
      ASSERT_EQ((*second)[q][i].score, (*single)[i].score);
    }
  }
}

TEST(ExactIndexTest, ZeroVectorsAndNoVectorsAreFine) {
  ThreadPool pool(1);
  const std::vector<float> query(4, 0.0F);
  SearchOptions options;
  options.m = 3;
  const auto zeros = MakeExactIndex(std::vector<std::uint16_t>(20, 0), 4);
  const auto found = zeros->Search(query, options, nullptr);
  ASSERT_TRUE(found.ok());
  ASSERT_EQ(found->size(), 3U);
  for (Position i = 0; i < 3; ++i) {
    EXPECT_EQ((*found)[i].position, i);
    EXPECT_EQ((*found)[i].score, 0.0F);
  }
  const auto empty = MakeExactIndex({}, 4);
  EXPECT_TRUE(empty->Search(query, options, nullptr)->empty());
  EXPECT_TRUE((*empty->SearchBatch({query.data(), 1, 4}, options, pool))[0].empty());
  options.m = 0;
  EXPECT_TRUE(zeros->Search(query, options, nullptr)->empty());
  EXPECT_TRUE((*zeros->SearchBatch({query.data(), 1, 4}, options, pool))[0].empty());
  EXPECT_TRUE(zeros->SearchBatch({nullptr, 0, 4}, options, pool)->empty());
}

TEST(ExactIndexTest, InfiniteAndUndefinedScoresRankLast) {
  // Rows: infinity - infinity, -infinity, finite.
  const auto index = MakeExactIndex({0x7C00, 0x7C00, 0x0000, 0xFC00, 0x3C00, 0x0000}, 2);
  const std::vector<float> query = {1.0F, -1.0F};
  const std::vector<float> other = {1.0F, 1.0F};
  SearchOptions options;
  options.m = 3;
  const auto found = index->Search(query, options, nullptr);
  ASSERT_TRUE(found.ok());
  ASSERT_EQ(found->size(), 3U);
  EXPECT_EQ((*found)[0].position, 1U);
  EXPECT_EQ((*found)[2].position, 0U);
  EXPECT_EQ((*index->Search(other, options, nullptr))[2].position, 1U);
}

TEST(ExactIndexTest, RefusesBadQueries) {
  ThreadPool pool(1);
  const auto index = MakeExactIndex(std::vector<std::uint16_t>(8, 0x3C00), 4);
  const std::vector<float> three(3, 1.0F);
  EXPECT_EQ(index->Search(three, {}, nullptr).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(index->SearchBatch({three.data(), 1, 3}, {}, pool).status().code(),
            StatusCode::kInvalidArgument);
  std::vector<float> four(4, 1.0F);
  for (const float bad : {std::nanf(""), std::numeric_limits<float>::infinity()}) {
    four[2] = bad;
    EXPECT_EQ(index->Search(four, {}, nullptr).status().code(), StatusCode::kInvalidArgument);
  }
}

TEST(ExactIndexTest, StopsWhenAsked) {
  ThreadPool pool(2);
  Random random(8);
  const std::size_t dim = 8;
  const auto index = MakeExactIndex(HalfRows(GaussianRows(5000, dim, random)), dim);
  const std::vector<float> queries = GaussianRows(100, dim, random);
  std::atomic<int> polls{0};
  SearchOptions options;
  options.should_stop = [&] { return ++polls > 3; };
  EXPECT_EQ(index->Search({queries.data(), dim}, options, nullptr).status().code(),
            StatusCode::kCancelled);
  polls = 0;
  EXPECT_EQ(index->SearchBatch({queries.data(), 100, dim}, options, pool).status().code(),
            StatusCode::kCancelled);
}

TEST(ExactIndexTest, ReconstructsWhatItWasGiven) {
  const auto index = MakeExactIndex({0x3C00, 0x4000, 0xBC00, 0x0000}, 2);
  float row[2] = {};
  ASSERT_TRUE(index->Reconstruct(1, row).ok());
  EXPECT_EQ(row[0], -1.0F);
  EXPECT_EQ(row[1], 0.0F);
  EXPECT_EQ(index->kind(), "exact");
  EXPECT_GE(index->memory_bytes(), 8U);
}

TEST(IndexKindTest, SmallSetsAreScanned) {
  EXPECT_EQ(ChooseIndexKind(0, 256), "exact");
  EXPECT_EQ(ChooseIndexKind(19'000, 512), "exact");
  EXPECT_EQ(ChooseIndexKind(1'000'000, 384), "hnsw");
}

}  // namespace
}  // namespace dashi::index
