#include "index/entry_choice.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "index/exact_scan.h"
#include "index/graph_build.h"
#include "index/graph_parts.h"
#include "index/hnsw_search.h"
#include "tests/index/random_vectors.h"

namespace dashi::index {
namespace {

constexpr std::size_t kRows = 12'000;
constexpr std::size_t kDim = 64;
constexpr std::size_t kQueries = 200;
constexpr std::size_t kEf = 32;

HnswOptions Narrow() {
  HnswOptions options;
  options.ef_construction = 60;
  options.ef_search = kEf;
  options.num_threads = 2;
  return options;
}

std::vector<Position> AllRows() {
  std::vector<Position> rows(kRows);
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

/// Sums of two words, as means of very short texts are, and a little of something else. What is
/// near one shares a word with it, this one or that one.  Shape: [rows, dim].
std::vector<float> ShortTexts(std::size_t rows, Random& random) {
  constexpr std::size_t kWords = 200;
  constexpr std::size_t kWordsAText = 2;
  constexpr float kElse = 0.05F;
  const std::vector<float> words = GaussianRows(kWords, kDim, random);
  std::vector<float> texts = GaussianRows(rows, kDim, random);
  for (std::size_t row = 0; row < rows; ++row) {
    float* text = texts.data() + row * kDim;
    std::transform(text, text + kDim, text, [](float value) { return kElse * value; });
    for (std::size_t i = 0; i < kWordsAText; ++i) {
      const float* word = words.data() + random.Uniform(kWords) * kDim;
      for (std::size_t d = 0; d < kDim; ++d) {
        text[d] += word[d];
      }
    }
    NormalizeInPlace(text, kDim);
  }
  return texts;
}

class EntryChoiceTest : public ::testing::Test {
 protected:
  void Use(std::vector<float> values) {
    queries_.assign(values.begin() + kRows * kDim, values.end());
    values.resize(kRows * kDim);
    vectors_ = HalfRows(values);
    view_ = {vectors_.data(), kRows, kDim};
  }
  /// Recall@10 of searches with a beam, and what they visited in all.
  double Recall(const HnswGraph& graph, std::uint32_t entry_percent, std::size_t ef,
                std::size_t* num_visited) const {
    GraphParts parts;
    parts.graph = graph.view();
    parts.vectors = view_;
    parts.entry_percent = entry_percent;
    const HnswSearcher searcher(parts);
    std::vector<Shortlist> found;
    std::vector<Shortlist> truth;
    SearchOptions options;
    options.m = 10;
    for (std::size_t q = 0; q < kQueries; ++q) {
      const std::span<const float> query(queries_.data() + q * kDim, kDim);
      found.push_back(searcher.Search(query, ef, options.m, {}, num_visited).value());
      truth.push_back(ScanExactly(view_, query, options, nullptr).value());
    }
    return index::Recall(found, truth);
  }

  Random random_{23};
  std::vector<float> queries_;
  std::vector<std::uint16_t> vectors_;
  HalfMatrixView view_;
};

TEST_F(EntryChoiceTest, ABeamEntersWhereWhatIsNearLiesInSeveralPlaces) {
  Use(ShortTexts(kRows + kQueries, random_));
  const StoredGraph stored = BuildStoredGraph(view_, Narrow(), {}).value();
  EXPECT_EQ(stored.graph.FindFault(), "");
  ASSERT_GT(stored.entry_percent, 0U);
  std::size_t visited_by_beam = 0;
  std::size_t visited_from_one = 0;
  std::size_t visited_wider = 0;
  const double by_beam = Recall(stored.graph, stored.entry_percent, kEf, &visited_by_beam);
  const double from_one = Recall(stored.graph, 0, kEf, &visited_from_one);
  const double wider = Recall(stored.graph, 0, 2 * kEf, &visited_wider);
  std::printf("recall@10 %.4f of %zu nodes by a beam, %.4f of %zu and %.4f of %zu from one entry\n",
              by_beam, visited_by_beam, from_one, visited_from_one, wider, visited_wider);
  // More than the line between the two gives for as many nodes.
  const double share = static_cast<double>(visited_by_beam - visited_from_one) /
                       static_cast<double>(visited_wider - visited_from_one);
  ASSERT_LT(share, 1);
  EXPECT_GT(by_beam, from_one + share * (wider - from_one) + 0.01);
}

TEST_F(EntryChoiceTest, OneEntryIsEnoughInClusters) {
  Use(ClusteredRows(kRows + kQueries, kDim, kRows / 50, 1.0F, random_));
  const StoredGraph stored = BuildStoredGraph(view_, Narrow(), {}).value();
  EXPECT_EQ(stored.entry_percent, 0U);
}

TEST_F(EntryChoiceTest, ThreadsChangeNeitherTheGraphNorTheChoice) {
  Use(ShortTexts(kRows + kQueries, random_));
  const std::vector<Position> rows = AllRows();
  HnswOptions options = Narrow();
  std::uint32_t chosen = 0;
  const HnswGraph two = BuildGraph(view_, rows, options, {}, nullptr, &chosen).value();
  options.num_threads = 1;
  std::uint32_t chosen_by_one = 0;
  const HnswGraph one = BuildGraph(view_, rows, options, {}, nullptr, &chosen_by_one).value();
  EXPECT_EQ(chosen, chosen_by_one);
  EXPECT_TRUE(std::equal(one.base_links().begin(), one.base_links().end(), two.base_links().begin(),
                         two.base_links().end()));
}

TEST_F(EntryChoiceTest, WhatTheOptionsSayIsTaken) {
  Use(ShortTexts(kRows + kQueries, random_));
  HnswOptions options = Narrow();
  options.ef_construction = 8;
  for (const std::uint32_t percent : {0U, 50U}) {
    options.entry_percent = percent;
    EXPECT_EQ(BuildStoredGraph(view_, options, {}).value().entry_percent, percent);
  }
  options.entry_percent = 101;
  EXPECT_EQ(BuildStoredGraph(view_, options, {}).status().code(), StatusCode::kInvalidArgument);
}

TEST_F(EntryChoiceTest, ProgressCountsEachRowOnceAndMayCancel) {
  Use(ShortTexts(kRows + kQueries, random_));
  HnswOptions options = Narrow();
  options.ef_construction = 8;
  std::size_t before = 0;
  const auto counts = [&](std::size_t done, std::size_t total) {
    EXPECT_EQ(total, kRows);
    EXPECT_GE(done, before);
    before = done;
    return true;
  };
  ASSERT_TRUE(BuildStoredGraph(view_, options, counts).ok());
  EXPECT_EQ(before, kRows);
  const auto near_the_end = [&](std::size_t done, std::size_t) {
    return done <= kRows - kEntryQueries;
  };
  EXPECT_EQ(BuildStoredGraph(view_, options, near_the_end).status().code(), StatusCode::kCancelled);
}

// Entries are nodes like others: they count when they pass, and a beam that holds all of level 0
// finds all that there is.
TEST_F(EntryChoiceTest, AFilteredSearchThatEntersByABeamFindsWhatPasses) {
  Use(ShortTexts(kRows + kQueries, random_));
  const StoredGraph stored = BuildStoredGraph(view_, Narrow(), {}).value();
  GraphParts parts = PartsOf(stored, view_);
  parts.entry_percent = 100;
  const HnswSearcher searcher(parts);
  const PositionSet passing =
      PositionSet::Where(kRows, [](Position position) { return position % 3 == 0; });
  const std::vector<bool> none;
  const PassingNodes nodes{passing, stored.duplicates.view(), none, passing.size(), kRows};
  const auto go_on = [](const WalkProgress&) { return true; };
  SearchOptions options;
  options.m = 10;
  options.passing = &passing;
  for (std::size_t q = 0; q < 20; ++q) {
    const std::span<const float> query(queries_.data() + q * kDim, kDim);
    WalkProgress progress;
    const auto found = searcher.SearchPassing(query, kRows, options.m, nodes, go_on, {}, &progress);
    ASSERT_TRUE(found.ok() && found->has_value());
    const Shortlist truth = ScanExactly(view_, query, options, nullptr).value();
    ASSERT_GE((*found)->size(), truth.size());
    for (std::size_t i = 0; i < truth.size(); ++i) {
      EXPECT_EQ((**found)[i].score, truth[i].score);
    }
  }
}

}  // namespace
}  // namespace dashi::index
