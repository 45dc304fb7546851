#pragma once

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "index/duplicate_rows.h"
#include "index/exact_scan.h"
#include "index/graph_build.h"
#include "index/hnsw_graph.h"
#include "index/hnsw_search.h"
#include "tests/index/random_vectors.h"

namespace dashi::index {

/// A network of two layers with tanh, which stands for a text encoder: what it makes of the same
/// rows changes when its weights do, as when a model is trained again.
class DriftingEncoder {
 public:
  DriftingEncoder(std::size_t dim_in, std::size_t dim, Random& random)
      : dim_in_(dim_in),
        dim_(dim),
        first_(GaussianRows(dim, dim_in, random)),
        second_(GaussianRows(dim, dim, random)) {}

  /// Replaces a share of each weight by chance.
  void Drift(float share, Random& random) {
    for (std::vector<float>* weights : {&first_, &second_}) {
      for (float& weight : *weights) {
        weight =
            std::sqrt(1 - share * share) * weight + share * static_cast<float>(random.Normal());
      }
    }
  }

  /// Shape: rows [n, dim_in] of unit length; result [n, dim] of unit length.
  std::vector<float> Encode(const std::vector<float>& rows) const {
    const std::size_t num_rows = rows.size() / dim_in_;
    std::vector<float> encoded(num_rows * dim_);
    std::vector<float> hidden(dim_);
    for (std::size_t r = 0; r < num_rows; ++r) {
      MatrixVector(first_.data(), rows.data() + r * dim_in_, dim_, dim_in_, hidden.data());
      for (float& value : hidden) {
        value = std::tanh(2 * value);
      }
      float* out = encoded.data() + r * dim_;
      MatrixVector(second_.data(), hidden.data(), dim_, dim_, out);
      for (std::size_t i = 0; i < dim_; ++i) {
        out[i] = std::tanh(out[i] / std::sqrt(static_cast<float>(dim_)));
      }
      NormalizeInPlace(out, dim_);
    }
    return encoded;
  }

 private:
  std::size_t dim_in_;
  std::size_t dim_;
  std::vector<float> first_;
  std::vector<float> second_;
};

/// Rows of some model, and which of them a graph links.
struct EncodedRows {
  EncodedRows(const std::vector<float>& encoded, std::size_t dim)
      : vectors(HalfRows(encoded)), view{vectors.data(), encoded.size() / dim, dim} {
    linked = DuplicateRows::Find(view).FirstRows(view.rows);
  }
  EncodedRows(const EncodedRows&) = delete;
  EncodedRows& operator=(const EncodedRows&) = delete;

  const std::vector<std::uint16_t> vectors;
  const HalfMatrixView view;
  std::vector<Position> linked;
};

inline std::vector<Position> SamePositions(std::size_t num_rows) {
  std::vector<Position> positions(num_rows);
  std::iota(positions.begin(), positions.end(), Position{0});
  return positions;
}

inline std::vector<bool> ReachableAtLevel0(const HnswGraph& graph) {
  std::vector<bool> reached(graph.num_nodes());
  std::vector<Position> open{graph.entry_point()};
  reached[graph.entry_point()] = true;
  while (!open.empty()) {
    const Position node = open.back();
    open.pop_back();
    for (const Position link : graph.Links(node, 0)) {
      if (!reached[link]) {
        reached[link] = true;
        open.push_back(link);
      }
    }
  }
  return reached;
}

/// Links lead to other, distinct nodes of their level, and none to or from a row that is not
/// linked.
inline void ExpectSoundLinks(const HnswGraph& graph, const std::vector<Position>& linked) {
  ASSERT_EQ(graph.FindFault(), "");
  std::vector<bool> takes_part(graph.num_nodes());
  for (const Position row : linked) {
    takes_part[row] = true;
  }
  for (Position node = 0; node < graph.num_nodes(); ++node) {
    for (std::uint32_t level = 0; level <= graph.level(node); ++level) {
      const auto links = graph.Links(node, level);
      ASSERT_TRUE(takes_part[node] || (links.empty() && level == 0)) << node;
      const std::set<Position> distinct(links.begin(), links.end());
      ASSERT_EQ(distinct.size(), links.size()) << node;
      ASSERT_FALSE(distinct.contains(node)) << node;
      for (const Position link : links) {
        ASSERT_TRUE(takes_part[link]) << link;
      }
    }
  }
}

inline void ExpectSound(const HnswGraph& graph, const std::vector<Position>& linked) {
  ExpectSoundLinks(graph, linked);
  if (!linked.empty()) {
    const std::vector<bool> reached = ReachableAtLevel0(graph);
    for (const Position row : linked) {
      ASSERT_TRUE(reached[row]) << row;
    }
  }
}

inline bool SameLinks(const HnswGraph& a, const HnswGraph& b) {
  return a.entry_point() == b.entry_point() &&
         std::equal(a.levels().begin(), a.levels().end(), b.levels().begin(), b.levels().end()) &&
         std::equal(a.base_links().begin(), a.base_links().end(), b.base_links().begin(),
                    b.base_links().end()) &&
         std::equal(a.upper_links().begin(), a.upper_links().end(), b.upper_links().begin(),
                    b.upper_links().end());
}

/// Recall@10 of searches of the graph, against the exact scan of the linked rows.
inline double GraphRecall(const HnswGraph& graph, const EncodedRows& rows,
                          const std::vector<float>& queries, std::size_t ef) {
  const HnswSearcher searcher(graph, rows.view);
  SearchOptions options;
  options.filter = [&](Position position) {
    return std::binary_search(rows.linked.begin(), rows.linked.end(), position);
  };
  std::vector<Shortlist> truth;
  std::vector<Shortlist> found;
  for (std::size_t begin = 0; begin < queries.size(); begin += rows.view.dim) {
    const std::span<const float> query(queries.data() + begin, rows.view.dim);
    std::size_t num_visited = 0;
    truth.push_back(ScanExactly(rows.view, query, options, nullptr).value());
    found.push_back(searcher.Search(query, ef, options.m, {}, &num_visited).value());
    found.back().resize(std::min(found.back().size(), options.m));
  }
  return Recall(found, truth);
}

inline HnswGraph FreshGraph(const EncodedRows& rows, const HnswOptions& options = {}) {
  auto built = BuildGraph(rows.view, rows.linked, options, {});
  EXPECT_TRUE(built.ok()) << built.status().ToString();
  return std::move(built).value();
}

}  // namespace dashi::index
