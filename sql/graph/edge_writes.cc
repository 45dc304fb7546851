#include "sql/graph/edge_writes.h"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "base/status.h"
#include "sql/ast.h"
#include "sql/graph/edge_columns.h"
#include "sql/graph/graph_lookup.h"
#include "sql/user_column.h"
#include "storage/graph/graph_ends.h"
#include "storage/row_check.h"

namespace dashi::sql {

namespace {

using storage::EdgeSide;
using storage::EdgeValues;
using storage::GraphNode;
using storage::GraphRecord;

constexpr double kExactMax = 9'007'199'254'740'992.0;  // 2^53: integers below are exact.

/// What a row says of an edge, with what it leaves to the default.
struct GivenEdge {
  std::optional<double> weight;
  std::optional<std::uint64_t> clicks;
  std::optional<std::int64_t> last_seen_micros;

  EdgeValues Complete(std::int64_t now_micros) const {
    EdgeValues values;
    values.clicks = clicks.value_or(0);
    values.weight = weight.value_or(values.clicks > 0 ? static_cast<double>(values.clicks) : 1.0);
    values.last_seen_micros = last_seen_micros.value_or(now_micros);
    return values;
  }
};

sqlite3_value* ColumnOf(std::span<sqlite3_value*> columns, EdgeColumn column) {
  return columns[static_cast<std::size_t>(column)];
}

Result<std::string_view> RequireText(std::span<sqlite3_value*> columns, EdgeColumn column,
                                     std::string_view name) {
  sqlite3_value* value = ColumnOf(columns, column);
  if (sqlite3_value_type(value) == SQLITE_NULL) {
    return Status::InvalidArgument(
               fmt::format("null value in column \"{}\" of table \"edges\"", name))
        .WithSqlState("23502");
  }
  if (sqlite3_value_type(value) == SQLITE_BLOB) {
    return Status::InvalidArgument(fmt::format("column \"{}\" takes text, not bytes", name))
        .WithSqlState("42804");
  }
  return TextOf(value);
}

Result<std::optional<double>> ReadNumber(std::span<sqlite3_value*> columns, EdgeColumn column,
                                         std::string_view name) {
  sqlite3_value* value = ColumnOf(columns, column);
  if (sqlite3_value_type(value) == SQLITE_NULL) {
    return std::optional<double>();
  }
  const int type = sqlite3_value_numeric_type(value);
  if (type != SQLITE_INTEGER && type != SQLITE_FLOAT) {
    return Status::InvalidArgument(
               fmt::format("column \"{}\" takes a number: {}", name, TextOf(value)))
        .WithSqlState("42804");
  }
  return std::optional<double>(sqlite3_value_double(value));
}

Result<std::uint64_t> ToClicks(double number) {
  if (!(number >= 0) || number > kExactMax || std::floor(number) < number) {
    return Status::InvalidArgument(
        fmt::format("edges.clicks must be an integer, 0 or above: got {}", number));
  }
  return static_cast<std::uint64_t>(number);
}

// Weights that are given are floats, as those of relevance; only sums have more digits.
double ToWeight(double number) { return static_cast<double>(static_cast<float>(number)); }

Result<std::optional<storage::EntityKind>> ReadTable(std::span<sqlite3_value*> columns,
                                                     EdgeColumn column) {
  sqlite3_value* value = ColumnOf(columns, column);
  if (sqlite3_value_type(value) == SQLITE_NULL) {
    return std::optional<storage::EntityKind>();
  }
  const std::optional<storage::EntityKind> table = ParseNodeTable(TextOf(value));
  if (!table) {
    return Status::InvalidArgument(fmt::format(
        "no table of nodes: {}; there are documents, labels and anchors", TextOf(value)));
  }
  return table;
}

Result<GivenEdge> ReadValues(std::span<sqlite3_value*> columns) {
  GivenEdge given;
  DASHI_ASSIGN_OR_RETURN(given.weight, ReadNumber(columns, EdgeColumn::kWeight, "weight"));
  if (given.weight) {
    DASHI_RETURN_IF_ERROR(storage::CheckEdgeWeight(*given.weight));
    given.weight = ToWeight(*given.weight);
  }
  DASHI_ASSIGN_OR_RETURN(const std::optional<double> clicks,
                         ReadNumber(columns, EdgeColumn::kClicks, "clicks"));
  if (clicks) {
    DASHI_ASSIGN_OR_RETURN(given.clicks, ToClicks(*clicks));
  }
  sqlite3_value* last_seen = ColumnOf(columns, EdgeColumn::kLastSeen);
  if (sqlite3_value_type(last_seen) != SQLITE_NULL) {
    storage::ColumnRecord column;
    column.name = "last_seen";
    column.type = storage::ColumnType::kTimestamp;
    DASHI_ASSIGN_OR_RETURN(const Value micros,
                           ToColumnValue("edges", column, ValueFromSqlite(last_seen)));
    given.last_seen_micros = micros.integer();
  }
  return given;
}

/// The value that an assignment gives to a column, or adds to it.
double OperandOf(const EdgeUpsert::Assignment& assignment, const EdgeValues& excluded) {
  if (!assignment.excluded) {
    return assignment.constant;
  }
  return *assignment.excluded == EdgeUpsert::Column::kWeight ? excluded.weight
                                                             : static_cast<double>(excluded.clicks);
}

/// What ON CONFLICT DO UPDATE adds to an edge that exists; nullopt when it does not only add.
/// Clicks that are added are added to the weight too, unless it has an addition of its own.
Result<std::optional<EdgeValues>> AdditionOf(const EdgeUpsert& upsert, const EdgeValues& excluded) {
  EdgeValues addition{0, 0, excluded.last_seen_micros};
  bool sets_weight = false;
  for (const EdgeUpsert::Assignment& assignment : upsert.assignments) {
    if (assignment.column == EdgeUpsert::Column::kLastSeen) {
      continue;  // The later of the two times, which an addition has anyway.
    }
    if (!assignment.adds) {
      return std::optional<EdgeValues>();
    }
    const double operand = OperandOf(assignment, excluded);
    if (assignment.column == EdgeUpsert::Column::kWeight) {
      DASHI_RETURN_IF_ERROR(storage::CheckEdgeWeight(operand));
      addition.weight = ToWeight(operand);
      sets_weight = true;
    } else {
      DASHI_ASSIGN_OR_RETURN(addition.clicks, ToClicks(operand));
    }
  }
  if (!sets_weight) {
    addition.weight = static_cast<double>(addition.clicks);
  }
  return std::optional<EdgeValues>(addition);
}

/// What ON CONFLICT DO UPDATE makes of an edge that exists.
Result<EdgeValues> Updated(const EdgeUpsert& upsert, const EdgeValues& excluded,
                           EdgeValues values) {
  for (const EdgeUpsert::Assignment& assignment : upsert.assignments) {
    if (assignment.column == EdgeUpsert::Column::kLastSeen) {
      values.last_seen_micros = excluded.last_seen_micros;
      continue;
    }
    const double operand = OperandOf(assignment, excluded);
    if (assignment.column == EdgeUpsert::Column::kWeight) {
      values.weight = assignment.adds ? values.weight + ToWeight(operand) : ToWeight(operand);
      DASHI_RETURN_IF_ERROR(storage::CheckEdgeWeight(values.weight));
    } else {
      DASHI_ASSIGN_OR_RETURN(const std::uint64_t clicks, ToClicks(operand));
      values.clicks = assignment.adds ? values.clicks + clicks : clicks;
    }
  }
  return values;
}

Result<std::optional<EdgeValues>> StoredValues(const storage::View& view, const StoredEdge& edge) {
  DASHI_ASSIGN_OR_RETURN(const std::vector<storage::Edge> edges,
                         view.EdgesOf(*edge.graph, EdgeSide::kOut, edge.source));
  const auto found = std::lower_bound(
      edges.begin(), edges.end(), edge.target,
      [](const storage::Edge& one, GraphNode node) { return one.neighbour < node; });
  return found != edges.end() && found->neighbour == edge.target
             ? std::optional<EdgeValues>(found->values)
             : std::nullopt;
}

/// One row of an INSERT.
class EdgeInsertion {
 public:
  EdgeInsertion(StatementContext& statement, ConflictPolicy policy)
      : statement_(statement), policy_(policy) {}

  Status Run(std::span<sqlite3_value*> columns) {
    DASHI_RETURN_IF_ERROR(ReadEnds(columns));
    DASHI_ASSIGN_OR_RETURN(const GivenEdge given, ReadValues(columns));
    const EdgeValues values = given.Complete(statement_.started_at_micros);
    bool written = false;
    for (const GraphNode source : sources_) {
      const StoredEdge edge{graph_, source, target_};
      DASHI_ASSIGN_OR_RETURN(const bool one, Put(edge, values));
      written = written || one;
      if (one && statement_.written != nullptr) {
        statement_.written->push_back(statement_.edges.NumberOf(edge));
      }
    }
    statement_.rows_changed += written ? 1 : 0;
    return Status();
  }

 private:
  Status ReadEnds(std::span<sqlite3_value*> columns) {
    DASHI_ASSIGN_OR_RETURN(const std::string_view name,
                           RequireText(columns, EdgeColumn::kGraph, "graph"));
    const auto known = statement_.graphs.find(name);
    if (known != statement_.graphs.end()) {
      graph_ = known->second;
    } else {
      DASHI_ASSIGN_OR_RETURN(GraphRecord graph, FindGraph(*statement_.view, name));
      graph_ = std::make_shared<const GraphRecord>(std::move(graph));
      statement_.graphs.emplace(graph_->name, graph_);
    }
    DASHI_ASSIGN_OR_RETURN(const auto source_table, ReadTable(columns, EdgeColumn::kSourceTable));
    DASHI_ASSIGN_OR_RETURN(const auto target_table, ReadTable(columns, EdgeColumn::kTargetTable));
    DASHI_ASSIGN_OR_RETURN(const std::string_view source,
                           RequireText(columns, EdgeColumn::kSource, "source"));
    DASHI_ASSIGN_OR_RETURN(
        sources_, FindNodes(*statement_.view, *graph_, EdgeSide::kOut, source, source_table));
    if (sources_.empty()) {
      return NoSuchEnd(*graph_, EdgeSide::kOut, source);
    }
    DASHI_ASSIGN_OR_RETURN(const std::string_view target,
                           RequireText(columns, EdgeColumn::kTarget, "target"));
    DASHI_ASSIGN_OR_RETURN(const std::optional<GraphNode> found,
                           FindTarget(*statement_.view, *graph_, target, target_table));
    if (!found) {
      return NoSuchEnd(*graph_, EdgeSide::kIn, target);
    }
    target_ = *found;
    return Status();
  }

  // Returns whether anything was written.
  Result<bool> Put(const StoredEdge& edge, const EdgeValues& values) {
    storage::Transaction& transaction = *statement_.transaction;
    const EdgeUpsert* upsert = statement_.upsert;
    if (upsert != nullptr && !upsert->nothing) {
      return Upsert(edge, values, *upsert);
    }
    if (policy_ == ConflictPolicy::kIgnore || upsert != nullptr) {
      DASHI_ASSIGN_OR_RETURN(const auto stored, StoredValues(transaction, edge));
      if (stored) {
        return false;
      }
    }
    DASHI_ASSIGN_OR_RETURN(const bool is_new,
                           transaction.PutEdge(*edge.graph, edge.source, edge.target, values));
    if (!is_new && policy_ == ConflictPolicy::kFail) {
      return Status::AlreadyExists(
                 fmt::format("graph \"{}\" holds this edge already", edge.graph->name))
          .WithSqlState("23505")
          .WithHint("INSERT OR REPLACE, or ON CONFLICT DO UPDATE.");
    }
    return true;
  }

  // Where an edge that does not exist begins with what would be added to one that does, the two
  // need not be told apart: nothing is read, and additions of others do not conflict.
  Result<bool> Upsert(const StoredEdge& edge, const EdgeValues& values, const EdgeUpsert& upsert) {
    storage::Transaction& transaction = *statement_.transaction;
    DASHI_ASSIGN_OR_RETURN(const std::optional<EdgeValues> addition, AdditionOf(upsert, values));
    if (addition == values) {
      DASHI_RETURN_IF_ERROR(
          transaction.AddToEdge(*edge.graph, edge.source, edge.target, *addition));
      return true;
    }
    DASHI_ASSIGN_OR_RETURN(const std::optional<EdgeValues> stored, StoredValues(transaction, edge));
    EdgeValues next = values;
    if (stored && addition) {
      next = SumOf(*stored, *addition, edge.graph->half_life_micros);
    } else if (stored) {
      DASHI_ASSIGN_OR_RETURN(next, Updated(upsert, values, *stored));
    }
    DASHI_RETURN_IF_ERROR(
        transaction.PutEdge(*edge.graph, edge.source, edge.target, next).status());
    return true;
  }

  StatementContext& statement_;
  const ConflictPolicy policy_;
  std::shared_ptr<const GraphRecord> graph_;  // Sharers: the statement.
  std::vector<GraphNode> sources_;
  GraphNode target_;
};

}  // namespace

Status InsertEdge(StatementContext& statement, std::span<sqlite3_value*> columns,
                  ConflictPolicy policy) {
  return EdgeInsertion(statement, policy).Run(columns);
}

// SQLite hands over every column, also those that the statement does not set. A weight that is the
// shown one stays as it is stored; another one is that of now.
Result<bool> UpdateEdge(StatementContext& statement, const StoredEdge& edge,
                        std::span<sqlite3_value*> columns) {
  NodeIds ids(*statement.view);
  for (const auto& [column, node, name] :
       {std::tuple(EdgeColumn::kSource, edge.source, "source"),
        std::tuple(EdgeColumn::kTarget, edge.target, "target")}) {
    DASHI_ASSIGN_OR_RETURN(const std::string_view given, RequireText(columns, column, name));
    DASHI_ASSIGN_OR_RETURN(const std::string_view id, ids.Find(node));
    if (given != id) {
      return Status::Unimplemented("the ends of an edge cannot be changed")
          .WithHint("DELETE the edge and INSERT another.");
    }
  }
  DASHI_ASSIGN_OR_RETURN(const std::string_view graph,
                         RequireText(columns, EdgeColumn::kGraph, "graph"));
  if (graph != edge.graph->name) {
    return Status::Unimplemented("an edge cannot be moved to another graph")
        .WithHint("DELETE the edge and INSERT another.");
  }
  DASHI_ASSIGN_OR_RETURN(const GivenEdge given, ReadValues(columns));
  DASHI_ASSIGN_OR_RETURN(const std::optional<EdgeValues> stored,
                         StoredValues(*statement.view, edge));
  if (!stored) {
    return false;  // The statement itself has deleted it.
  }
  const std::int64_t now_micros = statement.started_at_micros;
  EdgeValues values = given.Complete(now_micros);
  const double shown = ToWeight(ShownWeight(*stored, *edge.graph, now_micros));
  const double left =
      storage::WeightAt({1, 0, values.last_seen_micros}, edge.graph->half_life_micros, now_micros);
  if (given.weight && !(*given.weight < shown) && !(*given.weight > shown) &&
      values.last_seen_micros == stored->last_seen_micros) {
    values.weight = stored->weight;
  } else if (left > 0) {
    values.weight /= left;
  } else {
    values.last_seen_micros = now_micros;
  }
  DASHI_RETURN_IF_ERROR(
      statement.transaction->PutEdge(*edge.graph, edge.source, edge.target, values).status());
  return true;
}

}  // namespace dashi::sql
