#include "sql/graph/edges_table.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "sql/graph/edge_columns.h"
#include "sql/graph/edge_writes.h"
#include "sql/graph/graph_lookup.h"
#include "sql/planner_cost.h"

namespace dashi::sql {

namespace {

using storage::Edge;
using storage::EdgeSide;
using storage::GraphNode;
using storage::GraphRecord;

// A plan is the set of columns that are compared, in the order of the arguments.
constexpr int kByGraph = 1;
constexpr int kBySource = 2;
constexpr int kByTarget = 4;
constexpr int kByRow = 8;  // its number in the statement, and nothing else

/// Guessed lengths.
constexpr double kListRows = 8;
constexpr double kRowsPerNode = 4;

class EdgesCursor : public VirtualCursor {
 public:
  explicit EdgesCursor(StatementContext& statement)
      : statement_(statement), view_(statement.view), ids_(*view_) {}

  Status Filter(int plan, std::string_view /*plan_text*/,
                std::span<sqlite3_value*> arguments) override {
    graphs_.clear();
    next_graph_ = 0;
    Clear();
    const bool has_null = std::any_of(arguments.begin(), arguments.end(), [](sqlite3_value* one) {
      return sqlite3_value_type(one) == SQLITE_NULL;
    });
    if (has_null) {
      return Status();
    }
    if (plan == kByRow) {
      return FindByRow(sqlite3_value_int64(arguments[0]));
    }
    std::size_t next = 0;
    if ((plan & kByGraph) != 0) {
      DASHI_ASSIGN_OR_RETURN(const auto graph, view_->GetGraph(TextOf(arguments[next++])));
      if (graph) {
        graphs_.push_back(std::make_shared<const GraphRecord>(*graph));
      }
    } else {
      DASHI_ASSIGN_OR_RETURN(const std::vector<GraphRecord> all, view_->ListGraphs());
      graphs_.reserve(all.size());
      for (const GraphRecord& graph : all) {
        graphs_.push_back(std::make_shared<const GraphRecord>(graph));
      }
    }
    source_.reset();
    target_.reset();
    if ((plan & kBySource) != 0) {
      source_ = TextOf(arguments[next++]);
    }
    if ((plan & kByTarget) != 0) {
      target_ = TextOf(arguments[next]);
    }
    return FindRow();
  }

  Status Next() override {
    ++position_;
    return FindRow();
  }

  bool AtEnd() const override { return position_ >= edges_.size(); }

  Status Column(int column, sqlite3_context* context) override {
    const Edge& edge = edges_[position_];
    switch (static_cast<EdgeColumn>(column)) {
      case EdgeColumn::kGraph:
        SetSqliteText(context, graph().name);
        break;
      case EdgeColumn::kSource: {
        DASHI_ASSIGN_OR_RETURN(const std::string_view id, ids_.Find(source()));
        SetSqliteText(context, id);
        break;
      }
      case EdgeColumn::kTarget: {
        DASHI_ASSIGN_OR_RETURN(const std::string_view id, ids_.Find(target()));
        SetSqliteText(context, id);
        break;
      }
      case EdgeColumn::kWeight:
        sqlite3_result_double(context,
                              ShownWeight(edge.values, graph(), statement_.started_at_micros));
        break;
      case EdgeColumn::kClicks:
        sqlite3_result_int64(context, static_cast<sqlite3_int64>(edge.values.clicks));
        break;
      case EdgeColumn::kLastSeen:
        SetSqliteText(context, FormatTimestamp(edge.values.last_seen_micros));
        break;
      case EdgeColumn::kSourceTable:
        SetSqliteText(context, EntityTableName(source().kind));
        break;
      case EdgeColumn::kTargetTable:
        SetSqliteText(context, EntityTableName(target().kind));
        break;
    }
    return Status();
  }

  // A number within the statement, which knows what it stands for: an edge does not fit 64 bits.
  std::int64_t RowId() const override {
    if (!row_id_) {
      row_id_ = statement_.edges.NumberOf({graphs_[next_graph_ - 1], source(), target()});
    }
    return *row_id_;
  }

 private:
  const GraphRecord& graph() const { return *graphs_[next_graph_ - 1]; }
  GraphNode source() const { return side_ == EdgeSide::kOut ? node_ : edges_[position_].neighbour; }
  GraphNode target() const { return side_ == EdgeSide::kOut ? edges_[position_].neighbour : node_; }

  void Clear() {
    scan_.reset();
    nodes_.clear();
    edges_.clear();
    position_ = 0;
  }

  // Goes to the edge with a row number, if there is one.
  Status FindByRow(std::int64_t row) {
    row_id_.reset();
    const StoredEdge* edge = statement_.edges.Find(row);
    if (edge == nullptr) {
      return Status();
    }
    graphs_.push_back(edge->graph);
    next_graph_ = 1;
    side_ = EdgeSide::kOut;
    node_ = edge->source;
    const GraphNode target = edge->target;
    DASHI_ASSIGN_OR_RETURN(edges_, view_->EdgesOf(graph(), side_, node_));
    std::erase_if(edges_, [target](const Edge& one) { return one.neighbour != target; });
    return Status();
  }

  // Goes to the next list until there is a row.
  Status FindRow() {
    row_id_.reset();
    while (position_ >= edges_.size()) {
      DASHI_ASSIGN_OR_RETURN(const bool more, NextList());
      if (!more) {
        return Status();
      }
    }
    return Status();
  }

  Result<bool> NextList() {
    position_ = 0;
    edges_.clear();
    while (true) {
      if (scan_ != nullptr) {
        DASHI_ASSIGN_OR_RETURN(const bool more, scan_->Next());
        if (more) {
          node_ = scan_->node();
          edges_ = scan_->edges();
          return true;
        }
        scan_.reset();
      }
      if (!nodes_.empty()) {
        node_ = nodes_.back();
        nodes_.pop_back();
        DASHI_ASSIGN_OR_RETURN(edges_, view_->EdgesOf(graph(), side_, node_));
        KeepTargets();
        return true;
      }
      if (next_graph_ == graphs_.size()) {
        return false;
      }
      ++next_graph_;
      DASHI_RETURN_IF_ERROR(EnterGraph());
    }
  }

  Status EnterGraph() {
    side_ = !source_ && target_ ? EdgeSide::kIn : EdgeSide::kOut;
    if (!source_ && !target_) {
      scan_ = view_->ScanEdges(graph(), side_);
      return Status();
    }
    DASHI_ASSIGN_OR_RETURN(nodes_,
                           FindNodes(*view_, graph(), side_, source_ ? *source_ : *target_));
    std::reverse(nodes_.begin(), nodes_.end());  // They are taken from the end.
    targets_.clear();
    if (source_ && target_) {
      DASHI_ASSIGN_OR_RETURN(targets_, FindNodes(*view_, graph(), EdgeSide::kIn, *target_));
    }
    return Status();
  }

  void KeepTargets() {
    if (source_ && target_) {
      std::erase_if(edges_, [this](const Edge& edge) {
        return std::find(targets_.begin(), targets_.end(), edge.neighbour) == targets_.end();
      });
    }
  }

  StatementContext& statement_;  // Outlives its cursors.
  // Sharers: see StatementContext::view.
  std::shared_ptr<const storage::View> view_;
  NodeIds ids_;
  std::optional<std::string> source_;  // What the rows must have.
  std::optional<std::string> target_;
  std::vector<std::shared_ptr<const GraphRecord>> graphs_;  // Sharers: StatementContext::edges.
  std::size_t next_graph_ = 0;                              // Behind the one that is read.
  std::unique_ptr<storage::EdgeCursor> scan_;
  EdgeSide side_ = EdgeSide::kOut;
  std::vector<GraphNode> nodes_;    // Whose lists are still to be read.
  std::vector<GraphNode> targets_;  // With both ends given: those that may be.
  GraphNode node_;
  std::vector<Edge> edges_;
  std::size_t position_ = 0;
  mutable std::optional<std::int64_t> row_id_;  // Of the row, once asked.
};

class EdgesVirtualTable : public VirtualTable {
 public:
  Result<bool> Plan(StatementContext& statement, sqlite3_index_info* info) override {
    if (statement.composed && PlanByRow(info)) {
      DASHI_RETURN_IF_ERROR(SetPlanText(info, "row = ?"));
      return true;
    }
    std::array<int, 3> constraints = {-1, -1, -1};  // Of graph, source, target.
    for (int i = 0; i < info->nConstraint; ++i) {
      const auto& constraint = info->aConstraint[i];
      const bool known = constraint.iColumn >= 0 && constraint.iColumn < 3;
      if (known && constraint.usable != 0 && constraint.op == SQLITE_INDEX_CONSTRAINT_EQ &&
          std::string_view(sqlite3_vtab_collation(info, i)) == "BINARY") {
        constraints[static_cast<std::size_t>(constraint.iColumn)] = i;
      }
    }
    static constexpr std::array<const char*, 3> kTexts = {"graph = ?", "source = ?", "target = ?"};
    int next_argument = 0;
    std::string text;
    info->idxNum = 0;
    for (std::size_t column = 0; column < constraints.size(); ++column) {
      if (constraints[column] >= 0) {
        info->aConstraintUsage[constraints[column]].argvIndex = ++next_argument;
        info->idxNum |= 1 << column;
        text += (text.empty() ? "" : " AND ") + std::string(kTexts[column]);
      }
    }
    DASHI_RETURN_IF_ERROR(Estimate(statement, info));
    DASHI_RETURN_IF_ERROR(SetPlanText(info, text.empty() ? "scan" : text));
    return true;
  }

  Result<std::unique_ptr<VirtualCursor>> Open(StatementContext& statement) override {
    return std::unique_ptr<VirtualCursor>(std::make_unique<EdgesCursor>(statement));
  }

  Status Insert(StatementContext& statement, std::span<sqlite3_value*> columns,
                ConflictPolicy policy) override {
    return InsertEdge(statement, columns, policy);
  }

  Status Update(StatementContext& statement, std::int64_t row_id, std::span<sqlite3_value*> columns,
                ConflictPolicy /*policy*/) override {
    DASHI_ASSIGN_OR_RETURN(const StoredEdge edge, EdgeOf(statement, row_id));
    DASHI_ASSIGN_OR_RETURN(const bool updated, UpdateEdge(statement, edge, columns));
    if (updated) {
      statement.NoteWritten(row_id);
    }
    return Status();
  }

  Status Delete(StatementContext& statement, std::int64_t row_id) override {
    DASHI_ASSIGN_OR_RETURN(const StoredEdge edge, EdgeOf(statement, row_id));
    DASHI_ASSIGN_OR_RETURN(const bool existed, statement.transaction->DeleteEdge(
                                                   *edge.graph, edge.source, edge.target));
    statement.rows_changed += existed ? 1 : 0;
    return Status();
  }

 private:
  static Result<StoredEdge> EdgeOf(const StatementContext& statement, std::int64_t row_id) {
    const StoredEdge* edge = statement.edges.Find(row_id);
    if (edge == nullptr) {
      return Status::Internal("no edge has the row number " + std::to_string(row_id));
    }
    return *edge;
  }

  // A row's number means something in its statement alone, so only dashi's own parts of one look a
  // row up by it.
  static bool PlanByRow(sqlite3_index_info* info) {
    for (int i = 0; i < info->nConstraint; ++i) {
      const auto& constraint = info->aConstraint[i];
      if (constraint.iColumn < 0 && constraint.usable != 0 &&
          constraint.op == SQLITE_INDEX_CONSTRAINT_EQ) {
        info->aConstraintUsage[i].argvIndex = 1;
        info->idxNum = kByRow;
        info->idxFlags |= SQLITE_INDEX_SCAN_UNIQUE;
        info->estimatedRows = 1;
        info->estimatedCost = kNeighbourListCost;
        return true;
      }
    }
    return false;
  }

  static Status Estimate(StatementContext& statement, sqlite3_index_info* info) {
    const bool by_end = (info->idxNum & (kBySource | kByTarget)) != 0;
    double graphs = 1;
    if ((info->idxNum & kByGraph) == 0) {
      DASHI_ASSIGN_OR_RETURN(const std::vector<GraphRecord> all, statement.view->ListGraphs());
      graphs = static_cast<double>(all.size()) + 1;
    }
    double rows = graphs * kListRows;
    if (by_end) {
      const bool both = (info->idxNum & kBySource) != 0 && (info->idxNum & kByTarget) != 0;
      rows = both ? graphs : rows;
      info->estimatedCost = graphs * kNeighbourListCost + (both ? kLookupCost : 0);
    } else {
      double nodes = 0;
      for (const storage::EntityKind kind :
           {storage::EntityKind::kDocument, storage::EntityKind::kLabel,
            storage::EntityKind::kAnchor}) {
        DASHI_ASSIGN_OR_RETURN(const std::uint64_t count, statement.view->EstimateRows(kind));
        nodes += static_cast<double>(count);
      }
      rows = graphs * (nodes * kRowsPerNode + 1);
      info->estimatedCost = rows * kScanRowCost + kLookupCost;
    }
    info->estimatedRows = static_cast<sqlite3_int64>(rows);
    return Status();
  }
};

}  // namespace

const TableDefinition& EdgesTable() {
  static constexpr TableDefinition kTable = {
      "edges",
      "CREATE TABLE t(graph TEXT, source TEXT, target TEXT, weight REAL, clicks INTEGER, "
      "last_seen TEXT TIMESTAMP, source_table TEXT, target_table TEXT)",
      true,
      [](const UserSchemas&) -> std::unique_ptr<VirtualTable> {
        return std::make_unique<EdgesVirtualTable>();
      },
      "edges of graphs: clicks, links, categories"};
  return kTable;
}

}  // namespace dashi::sql
