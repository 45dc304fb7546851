#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/file_gate.h"
#include "dashi/status.h"
#include "index/position_set.h"
#include "index/segment/mapped_segment.h"
#include "index/segment/segment_writer.h"
#include "index/stored_graph.h"
#include "index/vector_index.h"

namespace dashi::index {

/// Whether a segment's graph is worth relinking for rows with these ids: it has as many links a
/// node as `options` say, was relinked fewer than kRelinksMax times since it was built, and has at
/// least half of the rows.
///
/// Shape: ids ascending.
bool IsWorthRelinking(const MappedSegment& segment, std::span<const std::uint32_t> ids,
                      const HnswOptions& options);

/// Links vectors by the graph that a segment has for older vectors of rows with the same ids: rows
/// that it lacks are inserted, those that are gone are bridged (RelinkGraph).
///
/// Shape:  ids [vectors.rows] ascending.
/// Errors: what is wrong with the segment's file; kCancelled; kResourceExhausted.
/// Cost:   about a tenth of BuildStoredGraph's processor time, where most rows are the same.
Result<StoredGraph> RelinkSegment(const MappedSegment& segment, HalfMatrixView vectors,
                                  std::span<const std::uint32_t> ids, const HnswOptions& options,
                                  const BuildProgress& progress);

/// Links vectors by the graph that a segment has for the same vectors of rows with the same ids and
/// text hashes: other rows are inserted, those that are gone are bridged, and no other link
/// changes.
///
/// Shape:  ids, text_hashes [vectors.rows], ids ascending; the segment has text hashes.
/// Errors: as RelinkSegment.
/// Cost:   InsertRows for the other rows, and a copy of the graph.
Result<StoredGraph> ExtendSegment(const MappedSegment& segment, HalfMatrixView vectors,
                                  std::span<const std::uint32_t> ids,
                                  std::span<const std::uint64_t> text_hashes,
                                  const HnswOptions& options, const BuildProgress& progress);

/// Whether a segment's graph should be linked anew because of the rows that are there: one in five
/// of those that it links is gone, so that searches walk through many that they may not return, or
/// many of those that it leaves out are there again, and are scanned by each search. Never where
/// it links few: these are scanned.
///
/// `live`: of the segment's positions; null: all rows are there.
/// Cost: one pass over the rows that the graph leaves out.
bool IsWorthRewriting(const MappedSegment& segment, const PositionSet* live);

/// Writes a segment again under its own path, with the same rows at the same positions and a graph
/// that links only those that are there; by the links of the old one, or anew after kRelinksMax
/// times.
///
/// Errors: what is wrong with the segment's file; those of RelinkGraph, BuildGraph and
/// WriteSegment. Cost:   that of RelinkGraph, or of BuildGraph, and one pass over the file. Memory:
/// see
///         SegmentRewriteBytes.
Status RewriteSegment(const MappedSegment& segment, const std::string& path,
                      const PositionSet& live, HnswOptions options, const BuildProgress& progress,
                      FileGate& gate);
/// What RewriteSegment takes at most.
std::uint64_t SegmentRewriteBytes(const SegmentHeader& header);

/// Each relinking loses a little (docs/BENCHMARKS.md), so that a graph is built anew in the end.
inline constexpr std::uint32_t kRelinksMax = 8;

}  // namespace dashi::index
