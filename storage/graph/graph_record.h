#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "storage/entity.h"

namespace dashi::storage {

/// A row of `graphs`: a named set of weighted edges. Immutable once written.
struct GraphRecord {
  std::string name;
  std::uint32_t number = 0;  ///< in the keys of its edges, from 1; never given twice
  /// The tables that edges start from. An id that several of them hold is an edge of each.
  std::vector<EntityKind> sources;  ///< distinct, at least one
  /// The tables that edges lead to. An id stands for its row in the first of them that holds it.
  std::vector<EntityKind> targets;  ///< distinct, at least one
  /// Neighbours of a node are the targets of its edges; where this is false, their sources too.
  bool directed = true;
  std::int64_t half_life_micros = 0;  ///< in which weights halve; 0: they stay
  /// For so many days behind the last event that was counted, events are known by their ids.
  std::uint32_t event_days = 30;
  std::int64_t created_at_micros = 0;

  friend bool operator==(const GraphRecord&, const GraphRecord&) = default;
};

}  // namespace dashi::storage
