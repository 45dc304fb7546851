#pragma once

#include <string>
#include <string_view>

#include "dashi/status.h"
#include "index/stored_graph.h"

namespace dashi::index {

/// Reads the graph file of programs from before segments: header, levels, links, duplicates and a
/// checksum over all of it, which also covers the vectors that the graph was built over
/// (docs/FORMATS.md, "HNSW graph files"). Nothing is trusted: lengths, checksum and every link are
/// tested.
///
/// Errors: kCorruption saying what is wrong (magic, version, length, checksum, shape, levels,
///         links, duplicates, other vectors).
Result<StoredGraph> ParseGraph(std::string_view bytes, HalfMatrixView vectors);

/// Whether a file says of itself that it is one. False when it cannot be read.
bool IsGraphFile(const std::string& path);

/// Errors: kNotFound when there is no such file, kIoError.
Result<std::string> ReadWholeFile(const std::string& path);

}  // namespace dashi::index
