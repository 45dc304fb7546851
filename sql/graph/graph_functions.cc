#include "sql/graph/graph_functions.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/status.h"
#include "sql/function_arguments.h"
#include "sql/graph/edge_columns.h"
#include "sql/graph/graph_lookup.h"
#include "sql/interruption.h"
#include "sql/planner_cost.h"
#include "trainer/graph/random_walk.h"

namespace dashi::sql {

namespace {

using storage::Edge;
using storage::EdgeSide;
using storage::GraphNode;
using storage::GraphRecord;

constexpr std::uint32_t kHopsMax = 1'000'000;
constexpr std::size_t kWalkBytesMax = std::size_t{16} << 20;

/// A row of either function: a node with what the function says of it.
struct FoundNode {
  GraphNode node;
  Value first;   // neighbors: weight; walk: visits
  Value second;  // neighbors: clicks; walk: share
};

using Find = Result<std::vector<FoundNode>> (*)(StatementContext& statement,
                                                const GraphRecord& graph,
                                                std::span<sqlite3_value*> arguments);

/// One of the functions. Its hidden columns stand behind rank, id, "table", text and two more.
struct GraphFunction {
  std::string_view usage;
  int num_required = 0;
  int num_arguments = 0;
  Find find = nullptr;
};
constexpr int kNumVisible = 6;

Status OutOfRange(std::string_view name, std::string_view range, sqlite3_value* value) {
  return Status::InvalidArgument(fmt::format("{} is {}: got {}", name, range, TextOf(value)));
}

// The nodes that an id stands for: the graph's sources, or where there is none, its targets.
Result<std::pair<EdgeSide, std::vector<GraphNode>>> FindStarts(const storage::View& view,
                                                               const GraphRecord& graph,
                                                               sqlite3_value* value) {
  DASHI_ASSIGN_OR_RETURN(const std::string_view id, ReadTextArgument(value, "id"));
  DASHI_ASSIGN_OR_RETURN(std::vector<GraphNode> nodes, FindNodes(view, graph, EdgeSide::kOut, id));
  for (const GraphNode node : nodes) {
    DASHI_ASSIGN_OR_RETURN(const std::vector<Edge> edges,
                           view.EdgesOf(graph, EdgeSide::kOut, node));
    if (!edges.empty()) {
      return std::pair(EdgeSide::kOut, std::vector<GraphNode>{node});
    }
  }
  DASHI_ASSIGN_OR_RETURN(nodes, FindNodes(view, graph, EdgeSide::kIn, id));
  return std::pair(EdgeSide::kIn, std::move(nodes));
}

Result<std::vector<FoundNode>> FindNeighbours(StatementContext& statement, const GraphRecord& graph,
                                              std::span<sqlite3_value*> arguments) {
  DASHI_ASSIGN_OR_RETURN(const std::size_t k, ReadTopKCount(arguments[2]));
  DASHI_ASSIGN_OR_RETURN(const auto starts, FindStarts(*statement.view, graph, arguments[1]));
  std::vector<std::pair<double, Edge>> weighted;
  for (const GraphNode start : starts.second) {
    for (const EdgeSide side : {EdgeSide::kOut, EdgeSide::kIn}) {
      if (side != starts.first && graph.directed) {
        continue;
      }
      DASHI_ASSIGN_OR_RETURN(const std::vector<Edge> edges,
                             statement.view->EdgesOf(graph, side, start));
      weighted.reserve(weighted.size() + edges.size());
      for (const Edge& edge : edges) {
        weighted.emplace_back(ShownWeight(edge.values, graph, statement.started_at_micros), edge);
      }
    }
  }
  const std::size_t count = std::min(k, weighted.size());
  std::partial_sort(weighted.begin(), weighted.begin() + static_cast<std::ptrdiff_t>(count),
                    weighted.end(), [](const auto& a, const auto& b) {
                      return a.first > b.first ||
                             (!(a.first < b.first) && a.second.neighbour < b.second.neighbour);
                    });
  std::vector<FoundNode> found;
  found.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const Edge& edge = weighted[i].second;
    found.push_back({edge.neighbour, Value::Real(weighted[i].first),
                     Value::Integer(static_cast<std::int64_t>(edge.values.clicks))});
  }
  return found;
}

Result<trainer::WalkOptions> ReadWalkOptions(std::span<sqlite3_value*> arguments) {
  trainer::WalkOptions options;
  const sqlite3_int64 hops = sqlite3_value_int64(arguments[2]);
  if (sqlite3_value_numeric_type(arguments[2]) != SQLITE_INTEGER || hops < 1 || hops > kHopsMax) {
    return OutOfRange("hops", fmt::format("a whole number from 1 to {}", kHopsMax), arguments[2]);
  }
  options.hops = static_cast<std::uint32_t>(hops);
  options.restart = sqlite3_value_double(arguments[3]);
  const int type = sqlite3_value_numeric_type(arguments[3]);
  if ((type != SQLITE_INTEGER && type != SQLITE_FLOAT) || !(options.restart >= 0) ||
      options.restart > 1) {
    return OutOfRange("restart", "a probability from 0 to 1", arguments[3]);
  }
  if (arguments.size() > 4 && sqlite3_value_type(arguments[4]) != SQLITE_NULL) {
    if (sqlite3_value_numeric_type(arguments[4]) != SQLITE_INTEGER) {
      return OutOfRange("seed", "a whole number", arguments[4]);
    }
    options.seed = static_cast<std::uint64_t>(sqlite3_value_int64(arguments[4]));
  }
  return options;
}

Result<std::vector<FoundNode>> FindVisits(StatementContext& statement, const GraphRecord& graph,
                                          std::span<sqlite3_value*> arguments) {
  DASHI_ASSIGN_OR_RETURN(const trainer::WalkOptions options, ReadWalkOptions(arguments));
  DASHI_ASSIGN_OR_RETURN(const auto starts, FindStarts(*statement.view, graph, arguments[1]));
  std::vector<FoundNode> found;
  trainer::NeighbourCache cache(*statement.view, graph, kWalkBytesMax);
  for (const GraphNode start : starts.second) {
    DASHI_RETURN_IF_ERROR(statement.interruption->ToStatus());
    DASHI_ASSIGN_OR_RETURN(const std::vector<trainer::Visit> visits,
                           WalkFrom(cache, starts.first, start, options));
    found.reserve(visits.size());
    for (const trainer::Visit& visit : visits) {
      found.push_back({visit.node, Value::Integer(visit.count),
                       Value::Real(static_cast<double>(visit.count) / options.hops)});
    }
    if (!found.empty()) {
      break;
    }
  }
  return found;
}

constexpr GraphFunction kNeighbours = {"neighbors('graph', 'id', 10)", 3, 3, FindNeighbours};
constexpr GraphFunction kWalk = {"walk('graph', 'id', 400, 0.8)", 4, 5, FindVisits};

class GraphFunctionCursor : public VirtualCursor {
 public:
  GraphFunctionCursor(const GraphFunction& function, StatementContext& statement)
      : function_(function), statement_(statement), ids_(*statement.view) {}

  Status Filter(int /*plan*/, std::string_view /*plan_text*/,
                std::span<sqlite3_value*> arguments) override {
    position_ = 0;
    arguments_.clear();
    for (sqlite3_value* value : arguments) {
      arguments_.push_back(ValueFromSqlite(value));
    }
    row_ids_.Begin(arguments_);
    DASHI_ASSIGN_OR_RETURN(const std::string_view name, ReadTextArgument(arguments[0], "graph"));
    DASHI_ASSIGN_OR_RETURN(const GraphRecord graph, FindGraph(*statement_.view, name));
    DASHI_ASSIGN_OR_RETURN(rows_, function_.find(statement_, graph, arguments));
    return Status();
  }
  Status Next() override {
    ++position_;
    return Status();
  }
  bool AtEnd() const override { return position_ >= rows_.size(); }

  Status Column(int column, sqlite3_context* context) override {
    const FoundNode& row = rows_[position_];
    switch (column) {
      case 0:
        sqlite3_result_int64(context, static_cast<sqlite3_int64>(position_) + 1);
        break;
      case 1: {
        DASHI_ASSIGN_OR_RETURN(const std::string_view id, ids_.Find(row.node));
        SetSqliteText(context, id);
        break;
      }
      case 2:
        SetSqliteText(context, EntityTableName(row.node.kind));
        break;
      case 3: {
        DASHI_ASSIGN_OR_RETURN(const auto stored,
                               statement_.view->GetRow(row.node.kind, row.node.ordinal));
        SetSqliteText(context, stored ? std::string_view(stored->text) : std::string_view());
        break;
      }
      case 4:
        SetSqliteResult(context, row.first);
        break;
      case 5:
        SetSqliteResult(context, row.second);
        break;
      default: {
        const auto argument = static_cast<std::size_t>(column - kNumVisible);
        if (argument < arguments_.size()) {
          SetSqliteResult(context, arguments_[argument]);
        }
      }
    }
    return Status();
  }
  std::int64_t RowId() const override { return row_ids_.Of(position_); }

 private:
  const GraphFunction& function_;
  StatementContext& statement_;  // Outlives its cursors.
  NodeIds ids_;
  std::vector<Value> arguments_;
  CallRowIds row_ids_;
  std::vector<FoundNode> rows_;
  std::size_t position_ = 0;
};

class GraphFunctionTable : public VirtualTable {
 public:
  explicit GraphFunctionTable(const GraphFunction& function) : function_(function) {}

  Result<bool> Plan(StatementContext& statement, sqlite3_index_info* info) override {
    std::array<int, 5> arguments = {-1, -1, -1, -1, -1};
    bool unusable = false;
    for (int i = 0; i < info->nConstraint; ++i) {
      const auto& constraint = info->aConstraint[i];
      const int argument = constraint.iColumn - kNumVisible;
      if (argument < 0 || constraint.op != SQLITE_INDEX_CONSTRAINT_EQ) {
        continue;
      }
      unusable = unusable || constraint.usable == 0;
      arguments.at(static_cast<std::size_t>(argument)) = i;
    }
    const auto* end = arguments.begin() + function_.num_required;
    if (unusable || std::any_of(arguments.cbegin(), end, [](int one) { return one < 0; })) {
      statement.plan_error = Status::InvalidArgument("the function needs its arguments: " +
                                                     std::string(function_.usage))
                                 .WithSqlState("42883");
      return false;
    }
    int argv_index = 0;
    for (const int constraint : arguments) {
      if (constraint >= 0) {
        info->aConstraintUsage[constraint].argvIndex = ++argv_index;
        info->aConstraintUsage[constraint].omit = 1;
      }
    }
    info->estimatedRows = 10;
    info->estimatedCost = 10 * kNeighbourListCost;
    DASHI_RETURN_IF_ERROR(SetPlanText(info, "neighbour lists"));
    return true;
  }
  Result<std::unique_ptr<VirtualCursor>> Open(StatementContext& statement) override {
    return std::unique_ptr<VirtualCursor>(
        std::make_unique<GraphFunctionCursor>(function_, statement));
  }

 private:
  const GraphFunction& function_;
};

}  // namespace

std::span<const TableDefinition> GraphFunctions() {
  static constexpr TableDefinition kTables[] = {
      {"neighbors",
       "CREATE TABLE t(rank INTEGER, id TEXT, \"table\" TEXT, text TEXT, weight REAL, "
       "clicks INTEGER, graph TEXT HIDDEN, node TEXT HIDDEN, k INTEGER HIDDEN)",
       false,
       [](const UserSchemas&) -> std::unique_ptr<VirtualTable> {
         return std::make_unique<GraphFunctionTable>(kNeighbours);
       },
       nullptr},
      {"walk",
       "CREATE TABLE t(rank INTEGER, id TEXT, \"table\" TEXT, text TEXT, visits INTEGER, "
       "share REAL, graph TEXT HIDDEN, node TEXT HIDDEN, hops INTEGER HIDDEN, "
       "restart REAL HIDDEN, seed INTEGER HIDDEN)",
       false,
       [](const UserSchemas&) -> std::unique_ptr<VirtualTable> {
         return std::make_unique<GraphFunctionTable>(kWalk);
       },
       nullptr},
  };
  return kTables;
}

}  // namespace dashi::sql
