#include "index/graph_relink.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

#include "base/status.h"
#include "index/graph_connect.h"
#include "index/graph_insert.h"
#include "index/graph_transfer.h"
#include "index/link_chooser.h"

namespace dashi::index {

namespace {

/// Links of a node whose own links are candidates too: the cost grows with their number, and so
/// does recall, by less and less.
constexpr std::size_t kExpandedLinks = 12;
/// Nodes between two calls of the progress function, and of a task of a thread.
constexpr std::size_t kBlockNodes = 4096;
constexpr std::size_t kNodesPerTask = 128;

/// A node has at least three quarters of M links where there are candidates. Without that, nodes in
/// the midst of others have few, and a search with a small beam misses what lies behind them.
std::size_t NumLinksMin(const HnswGraph& graph) { return graph.num_links() * 3 / 4; }

/// A list of nodes for each node.
struct ReverseLists {
  std::vector<std::size_t> begins;  // [num_nodes + 1]
  std::vector<Position> sources;    // of a node ascending

  std::span<const Position> Of(Position node) const {
    return std::span<const Position>(sources).subspan(begins[node],
                                                      begins[node + 1] - begins[node]);
  }
};

ReverseLists ReverseLinks(const HnswGraph& graph, std::uint32_t level) {
  ReverseLists lists;
  lists.begins.assign(graph.num_nodes() + 1, 0);
  const auto for_each_link = [&](const auto& body) {
    for (Position node = 0; node < graph.num_nodes(); ++node) {
      if (graph.level(node) >= level) {
        for (const Position link : graph.Links(node, level)) {
          body(node, link);
        }
      }
    }
  };
  for_each_link([&](Position /*node*/, Position link) { ++lists.begins[link + 1]; });
  std::partial_sum(lists.begins.begin(), lists.begins.end(), lists.begins.begin());
  lists.sources.resize(lists.begins.back());
  std::vector<std::size_t> ends(lists.begins.begin(), lists.begins.end() - 1);
  for_each_link([&](Position node, Position link) { lists.sources[ends[link]++] = node; });
  return lists;
}

/// Runs body(begin, end) over [begin, end) with the pool, in blocks with reports between.
template <typename Body>
Status ForEachBlock(std::size_t begin, std::size_t end, const LinkingControl& control,
                    const Body& body) {
  for (std::size_t done = begin; done < end;) {
    if (!control.Report(done - begin, end - begin)) {
      return Status::Cancelled("relinking of a graph cancelled");
    }
    const std::size_t size = std::min(kBlockNodes, end - done);
    control.pool.ParallelFor(size, kNodesPerTask, [&](std::size_t first, std::size_t last) {
      body(done + first, done + last);
    });
    done += size;
  }
  return Status::Ok();
}

std::size_t ChunkBegin(const HnswGraph& graph, std::size_t chunk) {
  return std::min(chunk * kRelinkChunkNodes, graph.num_nodes());
}

/// Rooms above level 0 of the nodes from begin to end.
std::size_t NumUpperRooms(const HnswGraph& graph, std::size_t begin, std::size_t end) {
  const auto levels = graph.levels().subspan(begin, end - begin);
  return std::accumulate(levels.begin(), levels.end(), std::size_t{0});
}

void ChooseLinks(const HnswGraph& graph, Position node, std::uint32_t level, LinkChooser* chooser,
                 std::span<Position> room) {
  const std::span<const Position> links = graph.Links(node, level);
  chooser->Begin(node, room.size() * (1 + kExpandedLinks));
  chooser->Add(links, HnswGraph::kNoLink);
  for (const Position near : chooser->Nearest(kExpandedLinks)) {
    chooser->Add(graph.Links(near, level), near);
  }
  chooser->Choose(room);
}

/// Has the links of a level lead back, too.
Status LinkBack(HalfMatrixView vectors, std::uint32_t level, const LinkingControl& control,
                HnswGraph* graph) {
  const ReverseLists reverse = ReverseLinks(*graph, level);
  return ForEachBlock(0, graph->num_nodes(), control, [&](std::size_t first, std::size_t last) {
    LinkChooser chooser(vectors, NumLinksMin(*graph));
    for (std::size_t node = first; node < last; ++node) {
      const auto position = static_cast<Position>(node);
      if (graph->level(position) >= level) {
        chooser.AddReverse(position, reverse.Of(position), graph->Room(position, level));
      }
    }
    control.Count(chooser.num_scored());
  });
}

/// Puts the links of all chunks into a graph with the same nodes.
Result<HnswGraph> JoinChunks(const HnswGraph& graph, std::span<const ChunkLinks> chunks) {
  if (chunks.size() != NumRelinkChunks(graph)) {
    return Status::Corruption("chunks of a relinked graph missing: got " +
                              std::to_string(chunks.size()) + ", want " +
                              std::to_string(NumRelinkChunks(graph)));
  }
  HnswGraph joined(graph.num_links(), {graph.levels().begin(), graph.levels().end()},
                   graph.entry_point());
  auto base = joined.base_links().begin();
  auto upper = joined.upper_links().begin();
  for (std::size_t c = 0; c < chunks.size(); ++c) {
    const std::size_t begin = ChunkBegin(graph, c);
    const std::size_t end = ChunkBegin(graph, c + 1);
    if (chunks[c].base_links.size() != (end - begin) * 2 * graph.num_links() ||
        chunks[c].upper_links.size() != NumUpperRooms(graph, begin, end) * graph.num_links()) {
      return Status::Corruption("chunk of a relinked graph has another shape: " +
                                std::to_string(c));
    }
    base = std::copy(chunks[c].base_links.begin(), chunks[c].base_links.end(), base);
    upper = std::copy(chunks[c].upper_links.begin(), chunks[c].upper_links.end(), upper);
  }
  const std::string fault = joined.FindFault();
  return fault.empty() ? Result<HnswGraph>(std::move(joined))
                       : Status::Corruption("chunks of a relinked graph: " + fault);
}

}  // namespace

std::size_t NumRelinkChunks(const HnswGraph& graph) {
  return (graph.num_nodes() + kRelinkChunkNodes - 1) / kRelinkChunkNodes;
}

Result<ChunkLinks> RelinkChunk(const HnswGraph& graph, HalfMatrixView vectors, std::size_t chunk,
                               const LinkingControl& control) {
  DASHI_CHECK(graph.num_nodes() == vectors.rows && chunk < NumRelinkChunks(graph));
  return CatchAsStatus("relinking of a graph", [&]() -> Result<ChunkLinks> {
    const std::size_t begin = ChunkBegin(graph, chunk);
    const std::size_t end = ChunkBegin(graph, chunk + 1);
    const std::size_t upper_size = graph.num_links();
    const std::size_t base_size = 2 * upper_size;
    ChunkLinks chosen;
    chosen.base_links.resize((end - begin) * base_size);
    std::vector<std::size_t> upper_begins(end - begin);
    const auto levels = graph.levels().subspan(begin, end - begin);
    std::exclusive_scan(levels.begin(), levels.end(), upper_begins.begin(), std::size_t{0});
    chosen.upper_links.resize(NumUpperRooms(graph, begin, end) * upper_size);
    DASHI_RETURN_IF_ERROR(
        ForEachBlock(begin, end, control, [&](std::size_t first, std::size_t last) {
          LinkChooser chooser(vectors, NumLinksMin(graph));
          for (std::size_t node = first; node < last; ++node) {
            const auto position = static_cast<Position>(node);
            ChooseLinks(graph, position, 0, &chooser,
                        {&chosen.base_links[(node - begin) * base_size], base_size});
            for (std::uint32_t level = 1; level <= graph.level(position); ++level) {
              const std::size_t room = upper_begins[node - begin] + level - 1;
              ChooseLinks(graph, position, level, &chooser,
                          {&chosen.upper_links[room * upper_size], upper_size});
            }
          }
          control.Count(chooser.num_scored());
        }));
    return chosen;
  });
}

Result<HnswGraph> MergeReverse(const HnswGraph& graph, HalfMatrixView vectors,
                               std::span<const ChunkLinks> chunks, const LinkingControl& control) {
  DASHI_CHECK(graph.num_nodes() == vectors.rows);
  return CatchAsStatus("relinking of a graph", [&]() -> Result<HnswGraph> {
    DASHI_ASSIGN_OR_RETURN(HnswGraph merged, JoinChunks(graph, chunks));
    const std::uint32_t level_max =
        merged.num_nodes() == 0 ? 0 : merged.level(merged.entry_point());
    const BuildProgress none;
    const LinkingControl unreported{control.pool, none, control.num_scored};
    for (std::uint32_t level = 0; level <= level_max; ++level) {
      // Level 0 has nearly all of the work.
      DASHI_RETURN_IF_ERROR(LinkBack(vectors, level, level == 0 ? control : unreported, &merged));
    }
    return merged;
  });
}

Result<HnswGraph> RelinkGraph(const HnswGraph& old_graph, std::span<const Position> old_positions,
                              HalfMatrixView vectors, std::span<const Position> linked_rows,
                              const HnswOptions& options, const BuildProgress& progress,
                              std::atomic<std::uint64_t>* num_scored) {
  DASHI_RETURN_IF_ERROR(CheckHnswOptions(options));
  if (old_positions.size() != vectors.rows) {
    return Status::InvalidArgument("old positions do not fit the vectors: got " +
                                   std::to_string(old_positions.size()) + ", want " +
                                   std::to_string(vectors.rows));
  }
  DASHI_ASSIGN_OR_RETURN(TransferredGraph transferred,
                         TransferGraph(old_graph, old_positions, linked_rows));
  const std::size_t num_new = transferred.unlinked.size();
  const std::size_t num_carried = linked_rows.size() - num_new;
  if (linked_rows.empty()) {
    return HnswGraph(options.num_links, std::vector<std::uint8_t>(vectors.rows), 0);
  }
  const std::size_t total = num_new + 2 * vectors.rows;
  std::size_t done = 0;  // in the steps before
  const BuildProgress report = [&](std::size_t in_step, std::size_t /*of_step*/) {
    return !progress || progress(std::min(done + in_step, total), total);
  };
  ThreadPool pool(std::max(1, options.num_threads));
  const LinkingControl control{pool, report, num_scored};
  DASHI_ASSIGN_OR_RETURN(HnswGraph graph, InsertRows(transferred.graph, vectors,
                                                     transferred.unlinked, options, control));
  transferred = {};
  done += num_new;
  if (num_carried > 0) {
    std::vector<ChunkLinks> chunks(NumRelinkChunks(graph));
    for (std::size_t c = 0; c < chunks.size(); ++c) {
      DASHI_ASSIGN_OR_RETURN(chunks[c], RelinkChunk(graph, vectors, c, control));
      done = num_new + ChunkBegin(graph, c + 1);
    }
    DASHI_ASSIGN_OR_RETURN(graph, MergeReverse(graph, vectors, chunks, control));
  }
  done = total;  // What is left to connect is next to nothing.
  const auto connected =
      ConnectRows(vectors, linked_rows, options.ef_construction, control, &graph);
  DASHI_RETURN_IF_ERROR(connected.status());
  if (!report(0, total)) {
    return Status::Cancelled("relinking of a graph cancelled");
  }
  return graph;
}

}  // namespace dashi::index
