#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "dashi/status.h"
#include "index/hnsw_graph.h"
#include "index/linking_control.h"

namespace dashi::index {

/// Nodes of a chunk, the last one may have fewer.
inline constexpr std::size_t kRelinkChunkNodes = 65'536;

/// The links that the nodes of a chunk have chosen.
struct ChunkLinks {
  std::vector<Position> base_links;   ///< as HnswGraph::base_links has them for these nodes
  std::vector<Position> upper_links;  ///< as HnswGraph::upper_links has them for these nodes

  bool operator==(const ChunkLinks&) const = default;
};

/// Chunks that the nodes of a graph fall into.
std::size_t NumRelinkChunks(const HnswGraph& graph);

/// The first pass over a graph whose vectors have changed: each node of a chunk chooses its links
/// anew, at each of its levels, among those that it has and those of the nearest twelve of these.
/// What comes out depends on the graph, the vectors and the chunk alone, so that chunks may be
/// stored, and an interrupted relinking goes on with the next.
///
/// Shape:  vectors [graph.num_nodes(), dim]; chunk < NumRelinkChunks(graph).
/// Errors: kCancelled; kResourceExhausted.
/// Threads: reads the graph and the vectors.
/// Cost:   about 1,000 dot products a node at M = 16, of which this is most.
/// Paper:  candidates as Dong et al. 2011 (NN-descent), choice as Malkov & Yashunin 2018,
///         Algorithm 4.
Result<ChunkLinks> RelinkChunk(const HnswGraph& graph, HalfMatrixView vectors, std::size_t chunk,
                               const LinkingControl& control);

/// The second pass: puts the chunks together and has each link lead back, too; a node whose links
/// find no room any more chooses anew among all of them.
///
/// Shape:  chunks [NumRelinkChunks(graph)], of this graph.
/// Errors: kCorruption for chunks of another shape, or with links out of range; kCancelled;
///         kResourceExhausted.
/// Threads: reads all.
/// Cost:   4 bytes a link and 16 a node besides the new graph and the chunks.
Result<HnswGraph> MergeReverse(const HnswGraph& graph, HalfMatrixView vectors,
                               std::span<const ChunkLinks> chunks, const LinkingControl& control);

/// Makes the graph of old vectors one of new vectors: TransferGraph, InsertRows, RelinkChunk for
/// each chunk, MergeReverse, ConnectRows. All rows to link are reachable in it.
///
/// The same input gives the same graph with any number of threads. `progress` counts rows inserted,
/// and all rows twice, for the two passes.
///
/// Shape:  old_positions [vectors.rows], linked_rows: see TransferGraph.
/// Errors: kInvalidArgument for positions or options out of range, or another number of links than
///         the old graph's; kCancelled when `progress` says so; kResourceExhausted.
/// Threads: reads all; runs options.num_threads threads.
/// Cost:   about 1,000 dot products a row, and what InsertRows costs for new rows. Memory: about
/// three graphs besides the old one.
Result<HnswGraph> RelinkGraph(const HnswGraph& old_graph, std::span<const Position> old_positions,
                              HalfMatrixView vectors, std::span<const Position> linked_rows,
                              const HnswOptions& options, const BuildProgress& progress,
                              std::atomic<std::uint64_t>* num_scored = nullptr);

}  // namespace dashi::index
