#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/file_gate.h"
#include "dashi/status.h"
#include "index/graph_parts.h"
#include "index/segment/segment_header.h"

namespace dashi::index {

/// What stands in a segment beside its graph and vectors.
struct SegmentRows {
  std::span<const std::uint32_t> ids;          ///< [rows] ascending
  std::span<const std::uint64_t> text_hashes;  ///< [rows], or empty
  SegmentOwner owner;
  std::uint32_t generation = 0;  ///< how often the graph was relinked since it was built
};

/// Writes a segment: temporary name, sync, rename, sync of the folder. Codes are made of the
/// vectors on the way; `graph.codes` and `graph.blocks` are not looked at. The same contents give
/// the same bytes.
///
/// Errors: kResourceExhausted (53100), kIoError; what had the name before has it then, and the
///         temporary file is removed if it can be.
/// Cost:   one pass over the vectors; memory of a megabyte and of 8 bytes for each 64 KiB written.
Status WriteSegment(const std::string& path, const GraphParts& graph, const SegmentRows& rows,
                    FileGate& gate);

}  // namespace dashi::index
