#include "trainer/ramen/graph_edges.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "tests/trainer/state_parts.h"
#include "trainer/sparse_rows.h"

namespace dashi::trainer {
namespace {

constexpr std::uint32_t kRows = 50;
constexpr std::uint32_t kAnchors = 40;

SparseRows RandomEdges(Random& random) {
  SparseRows edges;
  for (std::uint32_t row = 0; row < kRows; ++row) {
    for (std::uint32_t anchor = 0; anchor < kAnchors; ++anchor) {
      if (random.Uniform(8) == 0) {
        edges.columns.push_back(anchor);
      }
    }
    edges.offsets.push_back(edges.columns.size());
  }
  return edges;
}

std::vector<std::uint32_t> Kept(const GraphEdges& edges, std::size_t row) {
  std::vector<std::uint32_t> anchors;
  edges.AppendKept(row, &anchors);
  return anchors;
}

// Prunes rows again and again; what is kept must hang on the last cosines alone.
TEST(GraphEdgesTest, EachPruningBeginsWithAllEdges) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const SparseRows all = RandomEdges(random);
    std::vector<std::uint32_t> training;
    std::uint64_t num_edges = 0;
    for (std::uint32_t row = 0; row < kRows;
         row += 1 + static_cast<std::uint32_t>(random.Uniform(2))) {
      training.push_back(row);
      num_edges += RowColumns(all, row).size();
    }
    GraphEdges edges(all, training);
    EXPECT_EQ(edges.num_edges(), num_edges);
    EXPECT_EQ(edges.num_kept(), num_edges);
    std::vector<std::vector<std::uint32_t>> expected;
    for (std::uint32_t row = 0; row < kRows; ++row) {
      const auto anchors = RowColumns(all, row);
      expected.emplace_back(anchors.begin(), anchors.end());
      EXPECT_EQ(Kept(edges, row), expected.back());
    }
    for (int round = 0; round < 4; ++round) {
      std::uint64_t num_kept = 0;
      for (const std::uint32_t row : training) {
        expected[row].clear();
        std::vector<float> cosines;
        for (const std::uint32_t anchor : RowColumns(all, row)) {
          cosines.push_back(static_cast<float>(random.Uniform(5)) / 4.0F - 0.5F);
          if (cosines.back() > 0.25F) {
            expected[row].push_back(anchor);
          }
        }
        edges.Prune(row, cosines, 0.25F);
        num_kept += expected[row].size();
      }
      EXPECT_EQ(edges.num_kept(), num_kept);
      EXPECT_EQ(edges.num_edges(), num_edges);
      for (std::uint32_t row = 0; row < kRows; ++row) {
        EXPECT_EQ(Kept(edges, row), expected[row]);
      }
    }
    Parts parts;
    MapWriter writer(&parts);
    ASSERT_TRUE(edges.Save(writer, "e").ok());
    GraphEdges loaded(all, training);
    ASSERT_TRUE(loaded.Load(MapReader(parts), "e").ok());
    EXPECT_EQ(loaded.num_kept(), edges.num_kept());
    for (std::uint32_t row = 0; row < kRows; ++row) {
      EXPECT_EQ(Kept(loaded, row), expected[row]);
    }
    parts["e/kept"] += std::string(8, '\0');
    EXPECT_EQ(loaded.Load(MapReader(parts), "e").code(), StatusCode::kCorruption);
  }
}

}  // namespace
}  // namespace dashi::trainer
