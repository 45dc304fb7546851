#pragma once

#include <string>
#include <string_view>

#include "dashi/status.h"
#include "index/duplicate_rows.h"
#include "index/hnsw_graph.h"

namespace dashi::index {

/// A graph together with what a file of it records besides.
struct StoredGraph {
  HnswGraph graph;
  DuplicateRows duplicates;  ///< nodes without links
  std::size_t ef_search = 0;
};

/// The graph's file: header, levels, links, duplicates and a checksum over all of it, which also
/// covers the vectors that the graph was built over (docs/FORMATS.md, "HNSW graph files").
std::string SerializeGraph(const StoredGraph& stored, HalfMatrixView vectors);

/// Reads what SerializeGraph wrote. Nothing is trusted: lengths, checksum and every link are
/// tested.
///
/// Errors: kCorruption saying what is wrong (magic, version, length, checksum, shape, levels,
///         links, duplicates, other vectors).
Result<StoredGraph> ParseGraph(std::string_view bytes, HalfMatrixView vectors);

/// Errors: kNotFound when there is no such file, kIoError.
Result<std::string> ReadWholeFile(const std::string& path);

}  // namespace dashi::index
