#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/entity.h"

namespace dashi::storage {

/// One step of a neighbour list's history: the pair gets this weight, or goes when there is none.
struct NeighbourChange {
  Ordinal ordinal;
  std::optional<float> weight;
};

// A `relevance` value is a list, a delta (a merge operand), or, after damage, an opaque bundle.

/// Encodes a list that ascends strictly by ordinal.
std::string EncodeNeighbours(std::span<const RelevanceNeighbour> neighbours);
/// Reads a list. Returns false for anything else; an empty list is valid and means "no pairs".
bool DecodeNeighbours(std::string_view bytes, std::vector<RelevanceNeighbour>* neighbours);

/// Encodes changes that ascend strictly by ordinal.
std::string EncodeNeighbourDelta(std::span<const NeighbourChange> changes);
/// Appends a delta's changes to *changes. Returns false, with nothing appended, for anything else.
bool DecodeNeighbourDelta(std::string_view bytes, std::vector<NeighbourChange>* changes);

/// Sorts a history by ordinal and keeps the last change of each; the order within the history is
/// the order of time.
void CollapseChanges(std::vector<NeighbourChange>* changes);
/// Applies changes that ascend strictly by ordinal to a list.
std::vector<RelevanceNeighbour> ApplyChanges(std::span<const RelevanceNeighbour> neighbours,
                                             std::span<const NeighbourChange> changes);

/// Merges a history of deltas into an existing value (null: there is none). Undecodable input
/// becomes an opaque bundle of all the bytes, which later reads report as damaged: a merge that
/// failed would make the whole database read-only.
std::string MergeNeighbours(const std::string_view* existing,
                            std::span<const std::string_view> deltas);
/// Combines deltas, oldest first, into one. Returns false when one cannot be decoded.
bool CombineDeltas(std::span<const std::string_view> deltas, std::string* combined);

}  // namespace dashi::storage
