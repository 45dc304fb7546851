#include "sql/graph/graph_lookup.h"

#include <string>

#include "base/status.h"
#include "sql/schema_names.h"
#include "sql/token.h"

namespace dashi::sql {

using storage::EdgeSide;
using storage::EntityKind;
using storage::GraphNode;
using storage::GraphRecord;
using storage::Ordinal;

Result<GraphRecord> FindGraph(const storage::View& view, std::string_view name) {
  DASHI_ASSIGN_OR_RETURN(std::optional<GraphRecord> graph, view.GetGraph(name));
  if (graph) {
    return std::move(*graph);
  }
  DASHI_ASSIGN_OR_RETURN(const std::vector<GraphRecord> all, view.ListGraphs());
  std::vector<std::string_view> names;
  names.reserve(all.size());
  for (const GraphRecord& one : all) {
    names.push_back(one.name);
  }
  return WithNearestName(
      Status::NotFound("no such graph: " + std::string(name))
          .WithSqlState("42704")
          .WithHint(all.empty() ? "CREATE GRAPH declares one." : "SHOW GRAPHS lists them."),
      name, names);
}

Result<std::vector<GraphNode>> FindNodes(const storage::View& view, const GraphRecord& graph,
                                         EdgeSide side, std::string_view id,
                                         std::optional<EntityKind> only) {
  std::vector<GraphNode> nodes;
  for (const EntityKind kind : side == EdgeSide::kOut ? graph.sources : graph.targets) {
    if (only && *only != kind) {
      continue;
    }
    DASHI_ASSIGN_OR_RETURN(const std::optional<Ordinal> ordinal, view.FindOrdinal(kind, id));
    if (ordinal) {
      nodes.push_back({kind, *ordinal});
    }
  }
  return nodes;
}

Result<std::optional<GraphNode>> FindTarget(const storage::View& view, const GraphRecord& graph,
                                            std::string_view id, std::optional<EntityKind> only) {
  for (const EntityKind kind : graph.targets) {
    if (only && *only != kind) {
      continue;
    }
    DASHI_ASSIGN_OR_RETURN(const std::optional<Ordinal> ordinal, view.FindOrdinal(kind, id));
    if (ordinal) {
      return std::optional<GraphNode>({kind, *ordinal});
    }
  }
  return std::optional<GraphNode>();
}

std::optional<EntityKind> ParseNodeTable(std::string_view name) {
  for (const EntityKind kind : {EntityKind::kDocument, EntityKind::kLabel, EntityKind::kAnchor}) {
    if (EqualsIgnoreCase(EntityTableName(kind), name)) {
      return kind;
    }
  }
  return std::nullopt;
}

}  // namespace dashi::sql
