#include "sql/index_plan.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "base/status.h"
#include "sql/index_range.h"
#include "sql/planner_cost.h"
#include "sql/virtual_table.h"

namespace dashi::sql {

namespace {

using storage::ColumnRecord;
using storage::ColumnType;
using storage::OrderedRange;

/// Assumed shares of a table's rows, where a value is not known yet.
constexpr double kEqualShare = 0.02;
constexpr double kRangeShare = 0.3;

/// The usable constraints of one column; -1: there is none.
struct ColumnConstraints {
  int equals = -1;
  int is = -1;
  int is_null = -1;
  int not_null = -1;
  int lower = -1;
  int upper = -1;
};

ColumnConstraints Collect(sqlite3_index_info* info, int column, ColumnType type) {
  ColumnConstraints found;
  const bool text = type == ColumnType::kText || type == ColumnType::kTimestamp;
  for (int i = 0; i < info->nConstraint; ++i) {
    const auto& constraint = info->aConstraint[i];
    if (constraint.iColumn != column || constraint.usable == 0 ||
        (text && std::string_view(sqlite3_vtab_collation(info, i)) != "BINARY")) {
      continue;
    }
    switch (constraint.op) {
      case SQLITE_INDEX_CONSTRAINT_EQ:
        found.equals = i;
        break;
      case SQLITE_INDEX_CONSTRAINT_IS:
        found.is = i;
        break;
      case SQLITE_INDEX_CONSTRAINT_ISNULL:
        found.is_null = i;
        break;
      case SQLITE_INDEX_CONSTRAINT_ISNOTNULL:
        found.not_null = i;
        break;
      case SQLITE_INDEX_CONSTRAINT_GT:
      case SQLITE_INDEX_CONSTRAINT_GE:
        found.lower = i;
        break;
      case SQLITE_INDEX_CONSTRAINT_LT:
      case SQLITE_INDEX_CONSTRAINT_LE:
        found.upper = i;
        break;
      default:
        break;
    }
  }
  return found;
}

// Takes the comparison that leaves the fewest rows, or both ends of a range.
void TakeComparisons(const ColumnConstraints& found, const std::string& column,
                     CostedIndexPlan* plan) {
  const auto take = [&](int comparison, int constraint, bool has_argument, std::string_view shown) {
    plan->plan.comparisons |= comparison;
    plan->text += plan->text.empty() ? "" : " AND ";
    plan->text += column + std::string(shown);
    if (has_argument) {
      plan->constraints.push_back(constraint);
    }
  };
  if (found.equals >= 0) {
    take(IndexPlan::kEquals, found.equals, true, " = ?");
  } else if (found.is >= 0) {
    take(IndexPlan::kIs, found.is, true, " IS ?");
  } else if (found.is_null >= 0) {
    take(IndexPlan::kIsNull, found.is_null, false, " IS NULL");
  } else if (found.lower >= 0 || found.upper >= 0) {
    if (found.lower >= 0) {
      take(IndexPlan::kLower, found.lower, true, " > ?");
    }
    if (found.upper >= 0) {
      take(IndexPlan::kUpper, found.upper, true, " < ?");
    }
  } else if (found.not_null >= 0) {
    take(IndexPlan::kNotNull, found.not_null, false, " IS NOT NULL");
  }
}

// The values of a plan's arguments, when all are known already.
std::optional<std::vector<sqlite3_value*>> KnownArguments(sqlite3_index_info* info,
                                                          const CostedIndexPlan& plan) {
  std::vector<sqlite3_value*> values;
  for (const int constraint : plan.constraints) {
    sqlite3_value* value = nullptr;
    if (sqlite3_vtab_rhs_value(info, constraint, &value) != SQLITE_OK || value == nullptr) {
      return std::nullopt;
    }
    values.push_back(value);
  }
  return values;
}

Result<double> EstimateRows(const StatementContext& statement, storage::EntityKind kind,
                            const storage::IndexRecord& index, const ColumnRecord& column,
                            std::uint64_t table_rows, sqlite3_index_info* info,
                            const CostedIndexPlan& plan) {
  const auto all = static_cast<double>(table_rows);
  if (plan.plan.comparisons == 0) {
    return all;
  }
  auto arguments = KnownArguments(info, plan);
  if (!arguments) {
    const bool equals = (plan.plan.comparisons & (IndexPlan::kEquals | IndexPlan::kIs)) != 0;
    return std::ceil(all * (equals ? kEqualShare : kRangeShare));
  }
  const std::optional<OrderedRange> range = plan.plan.RangeOf(column, *arguments);
  if (!range) {
    return 0.0;
  }
  DASHI_ASSIGN_OR_RETURN(const std::uint64_t entries,
                         statement.view->EstimateIndexEntries(kind, index.number, *range));
  return static_cast<double>(entries);
}

// The rows that LIMIT lets pass, when it is known and ORDER BY is met.
double LimitedRows(sqlite3_index_info* info, double rows) {
  for (int i = 0; i < info->nConstraint; ++i) {
    sqlite3_value* value = nullptr;
    if (info->aConstraint[i].op == SQLITE_INDEX_CONSTRAINT_LIMIT &&
        info->aConstraint[i].usable != 0 && sqlite3_vtab_rhs_value(info, i, &value) == SQLITE_OK &&
        value != nullptr && sqlite3_value_int64(value) >= 0) {
      return std::min(rows, static_cast<double>(sqlite3_value_int64(value)) + 1);
    }
  }
  return rows;
}

// Long texts that begin alike stand in no order of their own in an index.
bool MeetsOrder(const sqlite3_index_info& info, int column, ColumnType type) {
  return info.nOrderBy == 1 && info.aOrderBy[0].iColumn == column && type != ColumnType::kText;
}

}  // namespace

double SortCost(const sqlite3_index_info& info, double rows) {
  return info.nOrderBy == 0 || rows < 2 ? 0.0 : rows * std::log2(rows) * kScanRowCost / 4;
}

std::optional<OrderedRange> IndexPlan::RangeOf(const ColumnRecord& column,
                                               std::span<sqlite3_value*> arguments) const {
  OrderedRange range = OrderedRange::All();
  std::size_t next = 0;
  const auto narrow = [&](int comparison, std::string_view op, bool has_argument) {
    if ((comparisons & comparison) == 0) {
      return true;
    }
    Value value;
    if (has_argument) {
      sqlite3_value* argument = arguments[next++];
      if (column.type != ColumnType::kText && column.type != ColumnType::kTimestamp) {
        sqlite3_value_numeric_type(argument);  // A text that is a number compares as one.
      }
      value = ValueFromSqlite(argument);
    }
    const std::optional<OrderedRange> part = RangeFor(column, op, value);
    if (part) {
      range = Intersect(range, *part);
    }
    return part.has_value();
  };
  const bool some = narrow(kEquals, "=", true) && narrow(kIs, "IS", true) &&
                    narrow(kIsNull, "ISNULL", false) && narrow(kNotNull, "NOTNULL", false) &&
                    narrow(kLower, ">=", true) && narrow(kUpper, "<=", true);
  range.descending = (comparisons & kDescending) != 0;
  return some ? std::optional<OrderedRange>(std::move(range)) : std::nullopt;
}

Result<std::optional<CostedIndexPlan>> ChooseIndex(const StatementContext& statement,
                                                   storage::EntityKind kind,
                                                   const storage::SchemaRecord& schema,
                                                   int first_column, std::uint64_t table_rows,
                                                   sqlite3_index_info* info) {
  std::optional<CostedIndexPlan> best;
  const std::vector<const ColumnRecord*> columns = schema.LiveColumns();
  for (std::size_t i = 0; i < schema.indexes.size(); ++i) {
    const storage::IndexRecord& index = schema.indexes[i];
    if (index.state != storage::IndexState::kReady) {
      continue;
    }
    const ColumnRecord& column = *schema.FindColumn(index.column);
    const auto place = std::find(columns.begin(), columns.end(), &column) - columns.begin();
    const int position = first_column + static_cast<int>(place);
    CostedIndexPlan plan;
    plan.plan.index = i;
    TakeComparisons(Collect(info, position, column.type), column.name, &plan);
    plan.ordered = MeetsOrder(*info, position, column.type);
    if (plan.plan.comparisons == 0 && !plan.ordered) {
      continue;
    }
    DASHI_ASSIGN_OR_RETURN(plan.rows,
                           EstimateRows(statement, kind, index, column, table_rows, info, plan));
    double walked = plan.rows;
    if (plan.ordered) {
      walked = LimitedRows(info, walked);
      plan.plan.comparisons |= info->aOrderBy[0].desc != 0 ? IndexPlan::kDescending : 0;
    }
    plan.cost =
        kLookupCost + walked * kLookupCost + (plan.ordered ? 0 : SortCost(*info, plan.rows));
    plan.text = index.name + ": " + (plan.text.empty() ? "in order of " + column.name : plan.text);
    if (!best || plan.cost < best->cost) {
      best = std::move(plan);
    }
  }
  return best;
}

}  // namespace dashi::sql
