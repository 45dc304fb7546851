#include "index/segment/segment_index.h"

#include <utility>

#include "base/status.h"
#include "index/graph_index.h"
#include "index/stored_graph.h"

namespace dashi::index {

Status BuildSegment(const std::string& path, HalfMatrixView vectors, const SegmentRows& rows,
                    const HnswOptions& options, const BuildProgress& progress, FileGate& gate) {
  DASHI_ASSIGN_OR_RETURN(const StoredGraph stored, BuildStoredGraph(vectors, options, progress));
  return WriteSegment(path, PartsOf(stored, vectors), rows, gate);
}

std::unique_ptr<VectorIndex> MakeSegmentIndex(std::shared_ptr<const MappedSegment> segment) {
  return std::make_unique<GraphIndex>(std::move(segment));
}

}  // namespace dashi::index
