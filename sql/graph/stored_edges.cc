#include "sql/graph/stored_edges.h"

namespace dashi::sql {

namespace {

// The finalizer of splitmix64: every bit of the result depends on every bit given.
std::uint64_t Mixed(std::uint64_t bits) {
  bits = (bits ^ (bits >> 30U)) * 0xbf58476d1ce4e5b9U;
  bits = (bits ^ (bits >> 27U)) * 0x94d049bb133111ebU;
  return bits ^ (bits >> 31U);
}

}  // namespace

std::size_t StoredEdges::KeyHash::operator()(const Key& key) const {
  return Mixed(Mixed(key.source + key.graph) + key.target);
}

std::int64_t StoredEdges::NumberOf(const StoredEdge& edge) {
  const Key key{edge.graph->number, storage::PackNode(edge.source), storage::PackNode(edge.target)};
  const auto [found, is_new] = numbers_.try_emplace(key, static_cast<std::int64_t>(edges_.size()));
  if (is_new) {
    edges_.push_back(edge);
  }
  return found->second;
}

const StoredEdge* StoredEdges::Find(std::int64_t row) const {
  const bool known = row >= 0 && static_cast<std::uint64_t>(row) < edges_.size();
  return known ? &edges_[static_cast<std::size_t>(row)] : nullptr;
}

}  // namespace dashi::sql
