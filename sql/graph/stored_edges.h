#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "storage/graph/edge.h"
#include "storage/graph/graph_record.h"

namespace dashi::sql {

/// An edge that a row of `edges` stands for.
struct StoredEdge {
  std::shared_ptr<const storage::GraphRecord> graph;  // Sharers: the edges of one cursor.
  storage::GraphNode source;
  storage::GraphNode target;
};

/// The row numbers that a statement gives to edges, which do not fit 64 bits themselves: each edge
/// has one, whoever meets it how often.
///
/// Threads: one thread at a time.
/// Cost:    about a hundred bytes an edge.
class StoredEdges {
 public:
  /// The row number of an edge, a new one where it has none.
  std::int64_t NumberOf(const StoredEdge& edge);
  /// The edge with this row number, null when no edge has it. Valid until the next NumberOf.
  const StoredEdge* Find(std::int64_t row) const;

 private:
  struct Key {
    std::uint32_t graph = 0;
    std::uint64_t source = 0;
    std::uint64_t target = 0;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const;
  };

  std::vector<StoredEdge> edges_;
  std::unordered_map<Key, std::int64_t, KeyHash> numbers_;
};

}  // namespace dashi::sql
