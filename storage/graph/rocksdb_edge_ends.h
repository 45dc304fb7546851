#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "dashi/status.h"
#include "storage/bulk_load.h"
#include "storage/graph/graph_record.h"
#include "storage/rocksdb_id_lookup.h"
#include "storage/rocksdb_reader.h"

namespace dashi::storage {

/// Finds the ends of a load's edges, many at a time.
///
/// Threads: one thread at a time. The reader and the graph must outlive it.
/// Cost:    that of an IdLookup for each table of the graph.
class EdgeEnds {
 public:
  EdgeEnds(const RocksdbReader& reader, const GraphRecord& graph);

  /// Looks up the ends of the edges, which those below then give by the edges' places. Errors:
  /// those of reading; an id that is in no table is none.
  Status Find(std::span<const BulkLoad::NamedEdge> edges);
  /// The rows that an edge starts from, in the order of the graph's tables.
  std::span<const GraphNode> SourcesOf(std::size_t edge) const {
    const std::size_t id = source_of_[edge];
    return std::span(sources_).subspan(sources_begin_[id],
                                       sources_begin_[id + 1] - sources_begin_[id]);
  }
  std::optional<GraphNode> TargetOf(std::size_t edge) const { return targets_[edge]; }
  std::uint64_t bytes() const;
  /// Says about how many edges there will be, and begins to read ids that are certainly asked for.
  ///
  /// Errors: kResourceExhausted when no thread can be started.
  Status Expect(std::uint64_t num_edges);

 private:
  Status FindSources(std::span<const BulkLoad::NamedEdge> edges);
  Status FindTargets(std::span<const BulkLoad::NamedEdge> edges);
  Status Look(EntityKind kind);
  IdLookup& LookupOf(EntityKind kind) { return *lookups_[static_cast<std::size_t>(kind) - 1]; }

  const GraphRecord& graph_;
  std::vector<std::unique_ptr<IdLookup>> lookups_;  // by kind
  // Of the edges: consecutive ones with the same source share it.
  std::vector<std::size_t> source_of_;      // by edge: the place of its source's id
  std::vector<std::size_t> sources_begin_;  // by that place, and the end
  std::vector<GraphNode> sources_;
  std::vector<std::optional<GraphNode>> targets_;  // by edge
  // What is being looked up.
  std::vector<std::string_view> ids_;
  std::vector<std::size_t> edges_of_ids_;
  std::array<std::vector<std::optional<Ordinal>>, 3> found_;  // by kind
};

}  // namespace dashi::storage
