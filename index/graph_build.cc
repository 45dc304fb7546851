#include "index/graph_build.h"

#include <algorithm>
#include <vector>

#include "base/status.h"
#include "index/graph_connect.h"
#include "index/graph_insert.h"

namespace dashi::index {

Result<HnswGraph> BuildGraph(HalfMatrixView vectors, std::span<const Position> linked_rows,
                             const HnswOptions& options, const BuildProgress& progress,
                             std::atomic<std::uint64_t>* num_scored) {
  DASHI_RETURN_IF_ERROR(CheckHnswOptions(options));
  return CatchAsStatus("building of a graph", [&]() -> Result<HnswGraph> {
    const Position first = linked_rows.empty() ? 0 : linked_rows.front();
    const HnswGraph unlinked(options.num_links, std::vector<std::uint8_t>(vectors.rows), first);
    if (linked_rows.empty()) {
      return unlinked;
    }
    ThreadPool pool(std::max(1, options.num_threads));
    DASHI_ASSIGN_OR_RETURN(HnswGraph graph, InsertRows(unlinked, vectors, linked_rows, options,
                                                       {pool, progress, num_scored}));
    // What is left to connect is next to nothing.
    const std::size_t total = linked_rows.size();
    const BuildProgress connecting = [&](std::size_t /*done*/, std::size_t /*of*/) {
      return !progress || progress(total, total);
    };
    DASHI_RETURN_IF_ERROR(ConnectRows(vectors, linked_rows, options.ef_construction,
                                      {pool, connecting, num_scored}, &graph)
                              .status());
    if (!connecting(0, 0)) {
      return Status::Cancelled("building of a graph cancelled");
    }
    return graph;
  });
}

}  // namespace dashi::index
