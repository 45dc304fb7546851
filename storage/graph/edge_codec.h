#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/graph/edge.h"

namespace dashi::storage {

/// One step of an edge's history. Persisted: append only.
enum class EdgeOperation : std::uint8_t {
  kAdd = 0,     ///< the values are added to those that are there; where there are none, they are it
  kPut = 1,     ///< the values replace those that are there
  kRemove = 2,  ///< the edge goes
};

struct EdgeChange {
  GraphNode neighbour;
  EdgeOperation operation = EdgeOperation::kPut;
  EdgeValues values;  ///< of kRemove: unused

  friend bool operator==(const EdgeChange&, const EdgeChange&) = default;
};

/// The change that does what `first` and then `second` do. Associative but for rounding.
EdgeChange Compose(const EdgeChange& first, const EdgeChange& second,
                   std::int64_t half_life_micros);

// An `edges` value is a list, a delta (a merge operand), or, after damage, an opaque bundle. Lists
// and deltas name the graph's half-life, so that merges need nothing else.

/// Encodes a list that ascends strictly by neighbour.
std::string EncodeEdges(std::int64_t half_life_micros, std::span<const Edge> edges);
/// Reads a list. Returns false for anything else; an empty list is valid and means "no edges".
bool DecodeEdges(std::string_view bytes, std::vector<Edge>* edges);
/// The same with the half-life.
bool DecodeEdges(std::string_view bytes, std::int64_t* half_life_micros, std::vector<Edge>* edges);

/// Encodes changes that ascend strictly by neighbour.
std::string EncodeEdgeDelta(std::int64_t half_life_micros, std::span<const EdgeChange> changes);
/// The same, into memory that is there.
void EncodeEdgeDelta(std::int64_t half_life_micros, std::span<const EdgeChange> changes,
                     std::string* bytes);
/// Appends a delta's changes to *changes. Returns false, with nothing appended, for anything else.
bool DecodeEdgeDelta(std::string_view bytes, std::int64_t* half_life_micros,
                     std::vector<EdgeChange>* changes);

/// Sorts a history by neighbour and composes the changes of each; the order within the history is
/// the order of time.
void CollapseEdgeChanges(std::int64_t half_life_micros, std::vector<EdgeChange>* changes);
/// Applies changes that ascend strictly by neighbour to a list.
std::vector<Edge> ApplyEdgeChanges(std::int64_t half_life_micros, std::span<const Edge> edges,
                                   std::span<const EdgeChange> changes);

/// Merges a history of deltas into an existing value (null: there is none). Undecodable input
/// becomes an opaque bundle of all the bytes, as MergeNeighbours makes it.
std::string MergeEdges(const std::string_view* existing, std::span<const std::string_view> deltas);
/// Combines deltas, oldest first, into one. Returns false when one cannot be decoded.
bool CombineEdgeDeltas(std::span<const std::string_view> deltas, std::string* combined);

}  // namespace dashi::storage
