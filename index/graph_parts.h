#pragma once

#include <cstdint>
#include <span>

#include "index/duplicate_rows.h"
#include "index/hnsw_graph.h"
#include "index/stored_graph.h"
#include "index/vector_index.h"

namespace dashi::index {

class VerifiedBlocks;

/// What a search of a graph reads, borrowed.
struct GraphParts {
  HnswGraphView graph;
  HalfMatrixView vectors;
  const std::uint8_t* codes = nullptr;  ///< [rows, CodeRowBytes(dim)]; null: vectors are walked by
  DuplicateRowsView duplicates;
  /// Rows that no link leads to and that repeat no row: searches scan those that pass.  Shape:
  /// ascending
  std::span<const Position> unlinked;
  std::size_t ef_search = 0;
  /// How wide a beam on level 1 looks for the nodes at which a search enters level 0, in percent of
  /// the search's own beam; 0: it enters at the one node to which a greedy walk leads.
  std::uint32_t entry_percent = 0;
  /// When set, links of level 0, codes and vectors stand in blocks that must be touched before they
  /// are read.
  const VerifiedBlocks* blocks = nullptr;
};

/// The parts of a graph in memory, without codes.
GraphParts PartsOf(const StoredGraph& stored, HalfMatrixView vectors);

/// Keeps what GraphParts borrow.
///
/// Threads: const methods may be called at once.
class GraphKeeper {
 public:
  virtual ~GraphKeeper() = default;
  virtual GraphParts parts() const = 0;
  /// Memory of its own; pages of a mapped file are the kernel's.
  virtual std::uint64_t memory_bytes() const = 0;
};

}  // namespace dashi::index
