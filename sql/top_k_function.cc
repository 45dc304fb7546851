#include "sql/top_k_function.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

#include "base/status.h"
#include "query/top_k.h"
#include "sql/column_filter.h"
#include "sql/label_columns.h"
#include "sql/label_filter.h"
#include "sql/planner_cost.h"
#include "sql/user_column.h"

namespace dashi::sql {

namespace {

/// More tests than this stay with SQLite. A constraint's number must fit sqlite3_vtab_in's mask.
constexpr int kConstraintsMax = 31;
/// The cost that hides a plan from the planner unless it is the only one: see TopKTable::Plan.
constexpr double kJoinDependentCost = 1e15;

/// What the constraints of one planning call offer.
struct Offer {
  std::array<int, 4> arguments{-1, -1, -1, -1};  ///< constraint of each hidden column
  bool argument_unusable = false;
  std::vector<std::pair<int, ColumnTest>> tests;
  int num_not_literal = 0;  ///< tests that may depend on another table
};

class TopKTable : public VirtualTable {
 public:
  TopKTable(const TopKFunction& function, const UserSchemas& schemas)
      : function_(function), schemas_(schemas), user_columns_(ShownColumns(function, schemas_)) {}

  // The planner asks with the constraints that other tables could supply and, when the answer uses
  // one of them, again without. A test that depends on another table must not be used: it would
  // turn "the top k, joined" into "the top k of every joined row". Such a test cannot be told from
  // one with a parameter, but its use can be made so dear that the answer without it wins; where no
  // test depends on another table there is one answer only, and its cost does not matter.
  Result<bool> Plan(StatementContext& statement, sqlite3_index_info* info) override {
    const Offer offer = Collect(statement, info);
    const std::size_t num_required = function_.num_arguments() - 1;  // All but the options.
    bool complete = !offer.argument_unusable;
    for (std::size_t i = 0; i < num_required; ++i) {
      complete = complete && offer.arguments[i] >= 0;
    }
    if (!complete) {  // SQLite may have other plans, for instance when it takes an OR apart.
      statement.plan_error =
          Status::InvalidArgument(std::string(function_.name) +
                                  " needs its arguments: " + std::string(function_.usage))
              .WithSqlState("42883");
      return false;
    }
    int argv_index = 0;
    for (const int constraint : offer.arguments) {
      if (constraint >= 0) {
        info->aConstraintUsage[constraint].argvIndex = ++argv_index;
        info->aConstraintUsage[constraint].omit = 1;
      }
    }
    info->idxNum = argv_index;
    std::vector<ColumnTest> tests;
    for (const auto& [constraint, test] : offer.tests) {
      if (test.op == "IN") {
        sqlite3_vtab_in(info, constraint, 1);
      }
      info->aConstraintUsage[constraint].argvIndex = ++argv_index;
      tests.push_back(test);  // Not omitted: SQLite checks again, by its own rules.
    }
    const sqlite3_int64 k = LiteralCount(info, offer.arguments[num_required - 1]);
    info->estimatedRows = std::max<sqlite3_int64>(k, 1) * function_.num_queries;
    info->estimatedCost =
        (kTopKCost + static_cast<double>(k) * kLookupCost) * function_.num_queries;
    for (int i = 0; i < std::min(offer.num_not_literal, 8); ++i) {
      info->estimatedCost *= kJoinDependentCost;
    }
    info->orderByConsumed = InRankOrder(info) ? 1 : 0;
    DASHI_RETURN_IF_ERROR(SetPlanText(info, FormatTests(function_.plan, tests)));
    return true;
  }

  Result<std::unique_ptr<VirtualCursor>> Open(StatementContext& statement) override {
    return function_.open(schemas_, statement);
  }

 private:
  Offer Collect(const StatementContext& statement, sqlite3_index_info* info) const {
    Offer offer;
    for (int i = 0; i < info->nConstraint; ++i) {
      const auto& constraint = info->aConstraint[i];
      const auto column = static_cast<std::size_t>(constraint.iColumn);
      const bool usable = constraint.usable != 0;
      if (constraint.iColumn >= 0 && column >= function_.columns.size()) {
        if (usable && i < kConstraintsMax) {
          const auto& user = *user_columns_[column - function_.columns.size()];
          AddTest(info, i, TestOf(statement, info, i, TestName(user)), &offer);
        }
        continue;
      }
      if (constraint.iColumn >= 0 && column >= function_.num_visible) {
        if (constraint.op == SQLITE_INDEX_CONSTRAINT_EQ) {
          int& argument = offer.arguments[column - function_.num_visible];
          offer.argument_unusable = offer.argument_unusable || (!usable && argument < 0);
          argument = usable && argument < 0 ? i : argument;
        }
        continue;
      }
      const TopKColumn which =
          constraint.iColumn < 0 ? TopKColumn::kRank : function_.columns[column].column;
      if (!usable || which == TopKColumn::kRank || which == TopKColumn::kQueryId ||
          i >= kConstraintsMax) {
        continue;  // A rank is that of the rows which are returned: it cannot choose them.
      }
      const std::optional<ColumnTest> test =
          TestOf(statement, info, i, function_.columns[column].name);
      const bool equals = test && (test->op == "=" || test->op == "IS");
      if (which == TopKColumn::kId && equals && !IsLiteral(info, i, *test)) {
        continue;  // A join on the label.
      }
      AddTest(info, i, test, &offer);
    }
    return offer;
  }

  static bool IsLiteral(sqlite3_index_info* info, int constraint, const ColumnTest& test) {
    sqlite3_value* literal = nullptr;
    return sqlite3_vtab_rhs_value(info, constraint, &literal) == SQLITE_OK || test.op == "ISNULL" ||
           test.op == "NOTNULL";
  }

  static void AddTest(sqlite3_index_info* info, int constraint,
                      const std::optional<ColumnTest>& test, Offer* offer) {
    if (test) {
      offer->num_not_literal += IsLiteral(info, constraint, *test) ? 0 : 1;
      offer->tests.emplace_back(constraint, *test);
    }
  }

  static sqlite3_int64 LiteralCount(sqlite3_index_info* info, int constraint) {
    constexpr sqlite3_int64 kUsual = 10;
    sqlite3_value* value = nullptr;
    if (sqlite3_vtab_rhs_value(info, constraint, &value) != SQLITE_OK) {
      return kUsual;
    }
    return std::clamp<sqlite3_int64>(sqlite3_value_int64(value), 0,
                                     static_cast<sqlite3_int64>(query::kTopKMax));
  }

  // Whether ORDER BY asks for the order in which rows come: by rank, or by falling score.
  bool InRankOrder(const sqlite3_index_info* info) const {
    if (info->nOrderBy != 1 || info->aOrderBy[0].iColumn < 0 || function_.num_queries > 1) {
      return false;
    }
    const auto column = static_cast<std::size_t>(info->aOrderBy[0].iColumn);
    if (column >= function_.columns.size()) {
      return false;
    }
    const bool descending = info->aOrderBy[0].desc != 0;
    const TopKColumn which = function_.columns[column].column;
    return descending ? which == TopKColumn::kScore : which == TopKColumn::kRank;
  }

  const TopKFunction& function_;
  const UserSchemas schemas_;
  const std::vector<const storage::ColumnRecord*> user_columns_;  // of schemas_
};

}  // namespace

std::vector<const storage::ColumnRecord*> ShownColumns(const TopKFunction& function,
                                                       const UserSchemas& schemas) {
  if (!function.shows_label_columns) {
    return {};
  }
  std::vector<std::string_view> own;
  own.reserve(function.columns.size());
  for (const TopKColumnInfo& info : function.columns) {
    own.push_back(info.name);
  }
  return LabelColumnsBeside(*schemas.labels, own);
}

std::unique_ptr<VirtualTable> MakeTopKTable(const TopKFunction& function,
                                            const UserSchemas& schemas) {
  return std::make_unique<TopKTable>(function, schemas);
}

}  // namespace dashi::sql
