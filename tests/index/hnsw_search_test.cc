#include "index/hnsw_search.h"

#include <numeric>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "index/best_candidates.h"
#include "index/exact_scan.h"
#include "index/graph_build.h"
#include "index/vector_kernels.h"
#include "tests/index/random_vectors.h"

namespace dashi::index {
namespace {

constexpr std::size_t kRows = 4000;
constexpr std::size_t kDim = 48;
constexpr std::size_t kNumQueries = 200;

/// A graph over clustered vectors, walked by codes and by the vectors.
class HnswSearcherTest : public ::testing::Test {
 protected:
  HnswSearcherTest() {
    std::vector<Position> all(kRows);
    std::iota(all.begin(), all.end(), 0);
    auto built = BuildGraph(view_, all, {}, {});
    EXPECT_TRUE(built.ok());
    graph_ = std::move(built).value();
  }

  GraphParts Parts(const RowCodes* codes) const {
    GraphParts parts;
    parts.graph = graph_.view();
    parts.vectors = view_;
    parts.codes = codes == nullptr ? nullptr : codes->view().data;
    return parts;
  }
  std::span<const float> Query(std::size_t i) const { return {queries_.data() + i * kDim, kDim}; }

  std::vector<Shortlist> SearchAll(const HnswSearcher& searcher, std::size_t ef,
                                   std::size_t num_wanted) const {
    std::vector<Shortlist> found;
    for (std::size_t i = 0; i < kNumQueries; ++i) {
      std::size_t num_visited = 0;
      auto shortlist = searcher.Search(Query(i), ef, num_wanted, {}, &num_visited);
      EXPECT_TRUE(shortlist.ok());
      EXPECT_GT(num_visited, 0U);
      found.push_back(std::move(shortlist).value());
    }
    return found;
  }

  Random random_{17};
  const std::vector<std::uint16_t> vectors_ =
      HalfRows(ClusteredRows(kRows, kDim, kRows / 50, 1.0F, random_));
  const std::vector<float> queries_ = ClusteredRows(kNumQueries, kDim, kRows / 50, 1.0F, random_);
  const HalfMatrixView view_{vectors_.data(), kRows, kDim};
  HnswGraph graph_;
};

TEST_F(HnswSearcherTest, ScoresAreExactAndDescend) {
  const RowCodes codes(view_);
  for (const RowCodes* used : {&codes, static_cast<const RowCodes*>(nullptr)}) {
    const HnswSearcher searcher(Parts(used));
    const std::vector<Shortlist> found = SearchAll(searcher, 300, 200);
    for (std::size_t q = 0; q < found.size(); ++q) {
      ASSERT_GE(found[q].size(), 200U);
      for (std::size_t i = 0; i < found[q].size(); ++i) {
        const std::uint16_t* row = vectors_.data() + std::size_t{found[q][i].position} * kDim;
        ASSERT_EQ(found[q][i].score, DotHalf(Query(q).data(), row, kDim));
        ASSERT_TRUE(i == 0 || IsBetter(found[q][i - 1], found[q][i]));
      }
    }
  }
}

TEST_F(HnswSearcherTest, CodesFindWhatTheVectorsFind) {
  const RowCodes codes(view_);
  const HnswSearcher by_codes(Parts(&codes));
  const HnswSearcher by_vectors(Parts(nullptr));
  std::vector<Shortlist> truth;
  SearchOptions options;
  for (std::size_t i = 0; i < kNumQueries; ++i) {
    truth.push_back(ScanExactly(view_, Query(i), options, nullptr).value());
  }
  for (const std::size_t ef : {16U, 64U, 256U}) {
    std::vector<Shortlist> found = SearchAll(by_codes, ef, options.m);
    for (Shortlist& shortlist : found) {
      ASSERT_GE(shortlist.size(), options.m);
      ASSERT_LE(shortlist.size(), ef);
      shortlist.resize(options.m);
    }
    std::vector<Shortlist> expected = SearchAll(by_vectors, ef, options.m);
    for (Shortlist& shortlist : expected) {
      ASSERT_EQ(shortlist.size(), ef);
      shortlist.resize(options.m);
    }
    EXPECT_GE(Recall(found, truth), Recall(expected, truth) - 0.01) << ef;
  }
}

}  // namespace
}  // namespace dashi::index
