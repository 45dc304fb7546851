#pragma once

#include <memory>
#include <string>

#include "base/file_gate.h"
#include "dashi/status.h"
#include "index/segment/mapped_segment.h"
#include "index/segment/segment_writer.h"
#include "index/vector_index.h"

namespace dashi::index {

/// Builds a graph over vectors and writes both as a segment.
///
/// Errors: those of BuildHnswIndex and WriteSegment.
Status BuildSegment(const std::string& path, HalfMatrixView vectors, const SegmentRows& rows,
                    const HnswOptions& options, const BuildProgress& progress, FileGate& gate);

/// An index that searches a segment where it lies.
///
/// Errors: searches also return what is wrong with the file, kCorruption or kIoError, once they or
///         others met it.
std::unique_ptr<VectorIndex> MakeSegmentIndex(std::shared_ptr<const MappedSegment> segment);

}  // namespace dashi::index
