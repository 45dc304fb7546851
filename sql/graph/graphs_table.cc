#include "sql/graph/graphs_table.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "query/graph_statistics.h"
#include "sql/interruption.h"
#include "sql/planner_cost.h"

namespace dashi::sql {

namespace {

using storage::GraphRecord;

constexpr double kMicrosPerDay = 86'400e6;

// In the order of the declaration.
enum : int {
  kName,
  kSources,
  kTargets,
  kDirected,
  kHalfLifeDays,
  kEventDays,
  kCreatedAt,
  kNodes,
  kEdges,
  kDegreeP50,
  kDegreeP90,
  kDegreeP99,
  kDegreeMax,
  kCoveredDocuments,
  kRelevanceAgreement,
  kChanceAgreement,
};

std::string NamesOf(const std::vector<storage::EntityKind>& tables) {
  std::string names;
  for (const storage::EntityKind table : tables) {
    names += names.empty() ? "" : ", ";
    names += EntityTableName(table);
  }
  return names;
}

class GraphsCursor : public VirtualCursor {
 public:
  explicit GraphsCursor(StatementContext& statement) : statement_(statement) {}

  Status Filter(int /*plan*/, std::string_view /*plan_text*/,
                std::span<sqlite3_value*> /*arguments*/) override {
    position_ = 0;
    statistics_.reset();
    DASHI_ASSIGN_OR_RETURN(graphs_, statement_.view->ListGraphs());
    return Status();
  }
  Status Next() override {
    ++position_;
    statistics_.reset();
    return Status();
  }
  bool AtEnd() const override { return position_ >= graphs_.size(); }

  Status Column(int column, sqlite3_context* context) override {
    if (column >= kNodes && !statistics_) {
      DASHI_ASSIGN_OR_RETURN(
          statistics_, query::CountGraph(*statement_.view, graphs_[position_],
                                         [this] { return statement_.interruption->ToStatus(); }));
    }
    SetSqliteResult(context, ValueOf(column));
    return Status();
  }
  std::int64_t RowId() const override { return static_cast<std::int64_t>(position_); }

 private:
  static Value Count(std::uint64_t value) {
    return Value::Integer(static_cast<std::int64_t>(value));
  }

  Value ValueOf(int column) const {
    const GraphRecord& graph = graphs_[position_];
    switch (column) {
      case kName:
        return Value::Text(graph.name);
      case kSources:
        return Value::Text(NamesOf(graph.sources));
      case kTargets:
        return Value::Text(NamesOf(graph.targets));
      case kDirected:
        return Value::Integer(graph.directed ? 1 : 0);
      case kHalfLifeDays:
        return graph.half_life_micros == 0
                   ? Value::Null()
                   : Value::Real(static_cast<double>(graph.half_life_micros) / kMicrosPerDay);
      case kEventDays:
        return Count(graph.event_days);
      case kCreatedAt:
        return Value::Text(FormatTimestamp(graph.created_at_micros));
      case kNodes:
        return Count(statistics_->num_nodes);
      case kEdges:
        return Count(statistics_->num_edges);
      case kDegreeP50:
        return Count(statistics_->degree_p50);
      case kDegreeP90:
        return Count(statistics_->degree_p90);
      case kDegreeP99:
        return Count(statistics_->degree_p99);
      case kDegreeMax:
        return Count(statistics_->degree_max);
      case kCoveredDocuments:
        return Value::Real(statistics_->covered_documents);
      case kRelevanceAgreement:
        return Value::Real(statistics_->relevance_agreement);
      default:
        return Value::Real(statistics_->chance_agreement);
    }
  }

  StatementContext& statement_;  // Outlives its cursors.
  std::vector<GraphRecord> graphs_;
  std::size_t position_ = 0;
  std::optional<query::GraphStatistics> statistics_;  // Of the row, once asked.
};

class GraphsVirtualTable : public VirtualTable {
 public:
  Result<bool> Plan(StatementContext& /*statement*/, sqlite3_index_info* info) override {
    constexpr sqlite3_int64 kGuessedRows = 4;
    info->estimatedRows = kGuessedRows;
    info->estimatedCost = static_cast<double>(kGuessedRows) * kLookupCost;
    DASHI_RETURN_IF_ERROR(SetPlanText(info, "scan"));
    return true;
  }
  Result<std::unique_ptr<VirtualCursor>> Open(StatementContext& statement) override {
    return std::unique_ptr<VirtualCursor>(std::make_unique<GraphsCursor>(statement));
  }
};

}  // namespace

const TableDefinition& GraphsTable() {
  static constexpr TableDefinition kTable = {
      "graphs",
      "CREATE TABLE t(name TEXT, sources TEXT, targets TEXT, directed INTEGER, "
      "half_life_days REAL, event_days INTEGER, created_at TEXT TIMESTAMP, nodes INTEGER, edges "
      "INTEGER, "
      "degree_p50 INTEGER, degree_p90 INTEGER, degree_p99 INTEGER, degree_max INTEGER, "
      "covered_documents REAL, relevance_agreement REAL, chance_agreement REAL)",
      false,
      [](const UserSchemas&) -> std::unique_ptr<VirtualTable> {
        return std::make_unique<GraphsVirtualTable>();
      },
      "what CREATE GRAPH declared, and what its edges come to"};
  return kTable;
}

}  // namespace dashi::sql
