#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/status.h"
#include "storage/catalog_codec.h"
#include "storage/graph/graph_ends.h"
#include "storage/graph/rocksdb_events.h"
#include "storage/rocksdb_status.h"
#include "storage/rocksdb_transaction.h"
#include "storage/row_check.h"
#include "storage/row_codec.h"

namespace dashi::storage {

namespace {

constexpr std::uint64_t kEdgeBytes = 400;  // of a pending edge, its ends' keys included
constexpr std::array kSides = {EdgeSide::kOut, EdgeSide::kIn};

bool HasTable(const std::vector<EntityKind>& tables, EntityKind table) {
  return std::find(tables.begin(), tables.end(), table) != tables.end();
}

Status NoSuchGraph(std::string_view name) {
  return Status::NotFound(fmt::format("graph \"{}\" does not exist", name)).WithSqlState("42704");
}

}  // namespace

Result<GraphRecord> RocksdbTransaction::CreateGraph(GraphRecord graph) {
  DASHI_RETURN_IF_ERROR(CheckName("graph", graph.name));
  DASHI_CHECK(!graph.sources.empty() && !graph.targets.empty() && graph.half_life_micros >= 0);
  DASHI_ASSIGN_OR_RETURN(const std::optional<GraphRecord> taken, GetGraph(graph.name));
  if (taken) {
    return Status::AlreadyExists(fmt::format("graph \"{}\" exists already", graph.name))
        .WithSqlState("42P07");
  }
  DASHI_ASSIGN_OR_RETURN(const std::uint64_t number, NextId("graph"));
  graph.number = static_cast<std::uint32_t>(number);
  DASHI_RETURN_IF_ERROR(PutRecord(Family::kMeta, GraphKey(graph.name), EncodeGraph(graph)));
  graphs_.reset();
  return graph;
}

Status RocksdbTransaction::DropGraph(std::string_view name) {
  DASHI_ASSIGN_OR_RETURN(const std::optional<GraphRecord> graph, GetGraph(name));
  if (!graph) {
    return NoSuchGraph(name);
  }
  DASHI_RETURN_IF_ERROR(DeleteRecord(Family::kMeta, GraphKey(name)));
  DASHI_RETURN_IF_ERROR(PutRecord(Family::kMeta, GraphCleanupKey(graph->number), EncodeCounter(0)));
  graphs_.reset();
  return Status::Ok();
}

// The graph must be there still when the transaction commits.
Status RocksdbTransaction::RequireGraph(const GraphRecord& graph) {
  if (graphs_read_.contains(graph.number)) {
    return Status::Ok();
  }
  DASHI_ASSIGN_OR_RETURN(const std::optional<GraphRecord> stored, GetGraph(graph.name));
  if (!stored || stored->number != graph.number) {
    return NoSuchGraph(graph.name);
  }
  Track(Family::kMeta, GraphKey(graph.name));
  graphs_read_.insert(graph.number);
  return Status::Ok();
}

Status RocksdbTransaction::RequireEnds(const GraphRecord& graph, GraphNode source,
                                       GraphNode target) {
  DASHI_RETURN_IF_ERROR(CheckSize(kEdgeBytes));
  DASHI_CHECK(HasTable(graph.sources, source.kind) && HasTable(graph.targets, target.kind));
  DASHI_RETURN_IF_ERROR(RequireGraph(graph));
  DASHI_RETURN_IF_ERROR(RequirePairRow(source.kind, source.ordinal));
  return RequirePairRow(target.kind, target.ordinal);
}

Result<bool> RocksdbTransaction::HasEdge(const GraphRecord& graph, GraphNode source,
                                         GraphNode target) {
  if (const EdgeChange* pending = pending_->edges.Find(graph.number, source, target)) {
    if (pending->operation != EdgeOperation::kAdd) {
      return pending->operation == EdgeOperation::kPut;
    }
    return true;  // It exists now, whatever is stored.
  }
  const EdgeList list{graph.number, EdgeSide::kOut, source};
  if (cached_edge_list_ != list) {
    cached_edge_list_.reset();
    std::string value;
    cached_edges_.clear();
    const std::string key = EdgeKey(graph.number, EdgeSide::kOut, source);
    DASHI_ASSIGN_OR_RETURN(const bool found, reader().GetStored(Family::kEdges, key, &value));
    if (found && !DecodeEdges(value, &cached_edges_)) {
      return Status::Corruption(fmt::format("edges of graph {} cannot be decoded", graph.name));
    }
    cached_edge_list_ = list;
    Track(Family::kEdges, key);
  }
  const auto place =
      std::lower_bound(cached_edges_.begin(), cached_edges_.end(), target,
                       [](const Edge& edge, GraphNode node) { return edge.neighbour < node; });
  return place != cached_edges_.end() && place->neighbour == target;
}

Result<bool> RocksdbTransaction::PutEdge(const GraphRecord& graph, GraphNode source,
                                         GraphNode target, const EdgeValues& values) {
  DASHI_RETURN_IF_ERROR(CheckEdgeWeight(values.weight));
  DASHI_RETURN_IF_ERROR(RequireEnds(graph, source, target));
  DASHI_ASSIGN_OR_RETURN(const bool existed, HasEdge(graph, source, target));
  pending_->edges.Apply(graph, source, {target, EdgeOperation::kPut, values});
  return !existed;
}

Status RocksdbTransaction::AddToEdge(const GraphRecord& graph, GraphNode source, GraphNode target,
                                     const EdgeValues& values) {
  DASHI_RETURN_IF_ERROR(CheckEdgeWeight(values.weight));
  DASHI_RETURN_IF_ERROR(RequireEnds(graph, source, target));
  pending_->edges.Apply(graph, source, {target, EdgeOperation::kAdd, values});
  return Status::Ok();
}

Result<bool> RocksdbTransaction::DeleteEdge(const GraphRecord& graph, GraphNode source,
                                            GraphNode target) {
  DASHI_RETURN_IF_ERROR(CheckSize(kEdgeBytes));
  DASHI_RETURN_IF_ERROR(RequireGraph(graph));
  DASHI_ASSIGN_OR_RETURN(const bool existed, HasEdge(graph, source, target));
  if (existed) {
    pending_->edges.Apply(graph, source, {target, EdgeOperation::kRemove, {}});
  }
  return existed;
}

Result<bool> RocksdbTransaction::PutGraphEvent(const GraphRecord& graph, std::uint32_t day,
                                               std::string_view event_id) {
  DASHI_RETURN_IF_ERROR(RequireGraph(graph));
  DASHI_ASSIGN_OR_RETURN(const std::optional<std::uint32_t> last_day,
                         LastEventDay(*state_->engine, graph.number));
  if (last_day) {
    DASHI_RETURN_IF_ERROR(CheckEventDay(graph, day, *last_day));
  }
  std::string key = GraphEventKey(graph.number, day, event_id);
  DASHI_RETURN_IF_ERROR(CheckSize(key.size()));
  std::string value;
  DASHI_ASSIGN_OR_RETURN(const bool known, reader().Get(Family::kEdges, key, &value));
  if (!known) {
    pending_->writes.Put(Family::kEdges, std::move(key), std::string(),
                         /*stored_before=*/false);
  }
  return !known;
}

// What another transaction adds meanwhile must not outlive the row: the lists are looked at again
// when this one commits.
Status RocksdbTransaction::DeleteEdgesOf(GraphNode node) {
  if (!graphs_) {
    DASHI_ASSIGN_OR_RETURN(graphs_, ListGraphs());
  }
  for (const GraphRecord& graph : *graphs_) {
    for (const EdgeSide side : kSides) {
      if (!HasTable(side == EdgeSide::kOut ? graph.sources : graph.targets, node.kind)) {
        continue;
      }
      Track(Family::kEdges, EdgeKey(graph.number, side, node));
      DASHI_ASSIGN_OR_RETURN(const std::vector<Edge> edges, EdgesOf(graph, side, node));
      DASHI_RETURN_IF_ERROR(CheckSize(edges.size() * kEdgeBytes));
      for (const Edge& edge : edges) {
        if (side == EdgeSide::kOut) {
          pending_->edges.Apply(graph, node, {edge.neighbour, EdgeOperation::kRemove, {}});
        } else {
          pending_->edges.Apply(graph, edge.neighbour, {node, EdgeOperation::kRemove, {}});
        }
      }
    }
  }
  return Status::Ok();
}

Status RocksdbTransaction::StageEdges(ChangeSet* changes) {
  rocksdb::ColumnFamilyHandle* handle = state_->engine->family(Family::kEdges);
  std::vector<EdgeChange> of_list;
  for (const auto& [list, by_neighbour] : pending_->edges.lists()) {
    of_list.clear();
    of_list.reserve(by_neighbour.size());
    for (const auto& [neighbour, change] : by_neighbour) {
      of_list.push_back(change);
    }
    DASHI_RETURN_IF_ERROR(
        FromRocksdb(transaction_->MergeUntracked(
                        handle, EdgeKey(list.graph, list.side, list.node),
                        EncodeEdgeDelta(pending_->edges.HalfLifeOf(list.graph), of_list)),
                    "staging a commit"));
    if (list.side == EdgeSide::kOut) {
      changes->Add(ChangedTable::kEdges, ChangeOperation::kUpdate, Ordinal{list.graph});
    }
  }
  return Status::Ok();
}

}  // namespace dashi::storage
