#pragma once

#include <compare>
#include <cstdint>

#include "storage/entity.h"

namespace dashi::storage {

/// A row that is an end of edges.
struct GraphNode {
  EntityKind kind = EntityKind::kDocument;
  Ordinal ordinal{};

  friend auto operator<=>(const GraphNode&, const GraphNode&) = default;
};

/// Kind and ordinal as one number that orders like the node.
inline std::uint64_t PackNode(GraphNode node) {
  return static_cast<std::uint64_t>(node.kind) << 32U | ToInteger(node.ordinal);
}

/// Which edges of a node. Persisted: append only.
enum class EdgeSide : std::uint8_t {
  kOut = 1,  ///< those that start from it: neighbours are targets
  kIn = 2,   ///< those that lead to it: neighbours are sources
};

/// What an edge holds beside its ends.
struct EdgeValues {
  double weight = 1;  ///< at last_seen_micros; finite and not negative
  std::uint64_t clicks = 0;
  std::int64_t last_seen_micros = 0;

  friend bool operator==(const EdgeValues&, const EdgeValues&) = default;
};

/// One edge seen from one of its ends.
struct Edge {
  GraphNode neighbour;
  EdgeValues values;

  friend bool operator==(const Edge&, const Edge&) = default;
};

/// The weight at a time: halved once in each half-life since the edge was last seen. With a
/// half-life of 0, and before that time, it is as stored.
double WeightAt(const EdgeValues& values, std::int64_t half_life_micros, std::int64_t now_micros);

/// Both together: weights at the later of the two times, and clicks, are added up. The order of
/// several sums does not matter but for rounding (at most 1e-15 of the weight a sum).
EdgeValues SumOf(const EdgeValues& a, const EdgeValues& b, std::int64_t half_life_micros);

}  // namespace dashi::storage
