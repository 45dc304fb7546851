#include "trainer/ramen/graph_terms.h"

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "trainer/sparse_rows.h"

namespace dashi::trainer {
namespace {

constexpr std::uint32_t kRows = 40;
constexpr std::uint32_t kAnchors = 60;
constexpr std::uint32_t kTexts = 30;     // of anchors: some have the same
constexpr std::uint32_t kOwnTexts = 10;  // of anchors: texts of rows

using Texts = std::vector<std::vector<std::uint32_t>>;

void AppendText(const std::vector<std::uint32_t>& tokens, SparseRows* rows) {
  rows->columns.insert(rows->columns.end(), tokens.begin(), tokens.end());
  rows->offsets.push_back(rows->columns.size());
}

std::vector<std::uint32_t> TextOf(const SparseRows& texts, std::size_t row) {
  const auto tokens = RowColumns(texts, row);
  return {tokens.begin(), tokens.end()};
}

struct World {
  TrainingGraph graph;
  EncoderBatch batch;          // the texts of rows 0 .. kRows, row r at position r
  std::vector<GraphRow> rows;  // of the batch
};

World RandomWorld(Random& random) {
  World world;
  for (std::uint32_t row = 0; row < kRows; ++row) {
    AppendText({row, row + 1}, &world.batch.texts);
    world.rows.push_back({row, row});
    std::set<std::uint32_t> anchors;
    for (std::uint64_t i = random.Uniform(6); i > 0; --i) {
      anchors.insert(static_cast<std::uint32_t>(random.Uniform(kAnchors)));
    }
    AppendText({anchors.begin(), anchors.end()}, &world.graph.document_anchors);
  }
  for (std::uint32_t anchor = 0; anchor < kAnchors; ++anchor) {
    const auto text = static_cast<std::uint32_t>(random.Uniform(kTexts));
    if (text < kOwnTexts) {
      AppendText({text, text + 1}, &world.graph.anchor_tokens);
    } else {
      AppendText({1000 + text}, &world.graph.anchor_tokens);
    }
  }
  return world;
}

// Compares a term with the graph as texts: a column is a text, and a row's neighbours are the
// texts of its anchors.
void CheckTerm(const World& world, const GraphEdges& edges, const ContrastiveTerm& term,
               const SparseRows& texts, std::size_t anchors_per_row) {
  Texts columns;
  for (const std::uint32_t column : term.columns) {
    columns.push_back(TextOf(texts, column));
  }
  EXPECT_EQ(std::set<std::uint32_t>(term.columns.begin(), term.columns.end()).size(),
            term.columns.size());
  std::set<std::vector<std::uint32_t>> drawn;
  ASSERT_EQ(term.positives.num_rows(), term.rows.size());
  ASSERT_EQ(term.masked.num_rows(), term.rows.size());
  for (std::size_t i = 0; i < term.rows.size(); ++i) {
    const std::uint32_t row = term.rows[i];
    std::vector<std::uint32_t> kept;
    edges.AppendKept(row, &kept);
    std::set<std::vector<std::uint32_t>> neighbours;
    for (const std::uint32_t anchor : kept) {
      neighbours.insert(TextOf(world.graph.anchor_tokens, anchor));
    }
    const std::vector<std::uint32_t> own = TextOf(texts, row);
    std::set<std::uint32_t> no_negatives;
    for (std::uint32_t column = 0; column < columns.size(); ++column) {
      if (neighbours.count(columns[column]) > 0 || columns[column] == own) {
        no_negatives.insert(column);
      }
    }
    const auto positives = RowColumns(term.positives, i);
    const auto masked = RowColumns(term.masked, i);
    neighbours.erase(own);
    EXPECT_EQ(positives.size(), std::min(anchors_per_row, neighbours.size()));
    std::set<std::uint32_t> in_term(positives.begin(), positives.end());
    for (const std::uint32_t positive : positives) {
      EXPECT_EQ(neighbours.count(columns[positive]), 1U);
      drawn.insert(columns[positive]);
    }
    in_term.insert(masked.begin(), masked.end());
    EXPECT_EQ(in_term.size(), positives.size() + masked.size());
    EXPECT_EQ(in_term, no_negatives);
    EXPECT_TRUE(std::is_sorted(positives.begin(), positives.end()));
    EXPECT_TRUE(std::is_sorted(masked.begin(), masked.end()));
  }
  EXPECT_EQ(drawn, std::set<std::vector<std::uint32_t>>(columns.begin(), columns.end()));
}

TEST(GraphTermsTest, NoNeighbourIsANegativeAndEachTextStandsOnce) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    World world = RandomWorld(random);
    std::vector<std::uint32_t> all(kRows);
    for (std::uint32_t row = 0; row < kRows; ++row) {
      all[row] = row;
    }
    GraphEdges edges(world.graph.document_anchors, all);
    for (std::uint32_t row = 0; row < kRows; row += 3) {
      std::vector<float> cosines(edges.anchors(row).size());
      for (float& cosine : cosines) {
        cosine = static_cast<float>(random.UniformReal()) - 0.5F;
      }
      edges.Prune(row, cosines, 0);
    }
    RamenOptions options;
    options.row_share = seed % 2 == 0 ? 1.0 : 0.4;
    options.anchors_per_row = 1 + static_cast<std::uint32_t>(seed % 3);
    GraphTerms terms(world.graph, options);
    SameTexts texts(world.batch.texts);
    for (std::uint32_t text = 0; text < kRows; ++text) {
      texts.Add(text);
    }
    for (int i = 0; i < 3; ++i) {
      ASSERT_TRUE(terms.Append(edges, world.rows, random, &texts, &world.batch));
      const ContrastiveTerm& term = world.batch.terms.back();
      EXPECT_EQ(term.loss.kind, options.loss.kind);
      CheckTerm(world, edges, term, world.batch.texts, options.anchors_per_row);
      if (options.row_share < 1) {
        EXPECT_LT(term.rows.size(), 30U);
        continue;
      }
      for (std::uint32_t row = 0; row < kRows; ++row) {
        std::vector<std::uint32_t> kept;
        edges.AppendKept(row, &kept);
        const bool has_others = std::any_of(kept.begin(), kept.end(), [&](std::uint32_t anchor) {
          return TextOf(world.graph.anchor_tokens, anchor) != TextOf(world.batch.texts, row);
        });
        EXPECT_EQ(std::count(term.rows.begin(), term.rows.end(), row), has_others ? 1 : 0);
      }
    }
    std::set<std::vector<std::uint32_t>> distinct;
    for (std::size_t text = 0; text < world.batch.texts.num_rows(); ++text) {
      EXPECT_TRUE(distinct.insert(TextOf(world.batch.texts, text)).second);
    }
  }
}

TEST(GraphTermsTest, EveryNeighbourIsDrawnAlikeOften) {
  World world;
  AppendText({0}, &world.batch.texts);
  AppendText({0, 1, 2, 3}, &world.graph.document_anchors);
  for (std::uint32_t anchor = 0; anchor < 4; ++anchor) {
    AppendText({10 + anchor}, &world.graph.anchor_tokens);
  }
  const std::vector<std::uint32_t> all{0};
  const GraphEdges edges(world.graph.document_anchors, all);
  RamenOptions options;
  options.row_share = 0.5;
  GraphTerms terms(world.graph, options);
  const std::vector<GraphRow> rows{{0, 0}};
  Random random(5);
  std::map<std::uint32_t, int> counts;
  constexpr int kDraws = 8000;
  for (int i = 0; i < kDraws; ++i) {
    EncoderBatch batch = world.batch;
    SameTexts texts(batch.texts);
    texts.Add(0);
    if (terms.Append(edges, rows, random, &texts, &batch)) {
      ASSERT_EQ(batch.texts.num_rows(), 2U);
      ++counts[RowColumns(batch.texts, 1)[0]];
    }
  }
  ASSERT_EQ(counts.size(), 4U);
  for (const auto& [token, count] : counts) {
    EXPECT_NEAR(count, kDraws / 8.0, 120) << token;  // 4 deviations are 119
  }
}

TEST(GraphTermsTest, ABatchWithoutNeighboursHasNoTerm) {
  World world;
  AppendText({0}, &world.batch.texts);
  AppendText({1}, &world.batch.texts);
  AppendText({}, &world.graph.document_anchors);
  AppendText({0, 1}, &world.graph.document_anchors);
  AppendText({1}, &world.graph.anchor_tokens);  // the row's own text
  AppendText({}, &world.graph.anchor_tokens);   // no text
  const std::vector<std::uint32_t> all{0, 1};
  const GraphEdges edges(world.graph.document_anchors, all);
  RamenOptions options;
  options.row_share = 1;
  GraphTerms terms(world.graph, options);
  SameTexts texts(world.batch.texts);
  Random random(1);
  const std::vector<GraphRow> rows{{0, 0}, {1, 1}};
  EXPECT_FALSE(terms.Append(edges, rows, random, &texts, &world.batch));
  EXPECT_TRUE(world.batch.terms.empty());
  EXPECT_EQ(world.batch.texts.num_rows(), 2U);
}

}  // namespace
}  // namespace dashi::trainer
