#include "sql/pg_catalog/system_tables.h"

#include <algorithm>
#include <array>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "sql/declared_type.h"
#include "sql/pg_catalog/builtin_types.h"
#include "sql/pg_catalog/catalog_state.h"

namespace dashi::sql::pg_catalog {

namespace {

/// How many tables there may be at most: each has a maker of its own.
constexpr std::size_t kTablesMax = 96;
constexpr sqlite3_int64 kFoundRows = 4;
constexpr double kFindCost = 8;

enum : int { kScanPlan = 0 };  // Others: one more than the number of the column that is known.

bool IsNumber(SqlType type) {
  return type == SqlType::kOid || type == SqlType::kSmallInt || type == SqlType::kInt ||
         type == SqlType::kInteger || type == SqlType::kXid || type == SqlType::kRegproc ||
         type == SqlType::kRegtype || type == SqlType::kBoolean;
}

SqlType TypeOfBuiltin(std::string_view name) {
  static constexpr std::pair<std::string_view, SqlType> kTypes[] = {
      {"oid", SqlType::kOid},
      {"name", SqlType::kName},
      {"bool", SqlType::kBoolean},
      {"char", SqlType::kChar},
      {"int2", SqlType::kSmallInt},
      {"int4", SqlType::kInt},
      {"int8", SqlType::kInteger},
      {"float4", SqlType::kSingle},
      {"xid", SqlType::kXid},
      {"regproc", SqlType::kRegproc},
      {"regtype", SqlType::kRegtype},
      {"timestamptz", SqlType::kTimestamp},
      {"int2vector", SqlType::kSmallIntVector},
      {"oidvector", SqlType::kOidVector},
      {"_oid", SqlType::kOidArray},
      {"_int2", SqlType::kSmallIntArray},
      {"_char", SqlType::kCharArray},
      {"_name", SqlType::kNameArray},
      {"_text", SqlType::kTextArray},
      {"_aclitem", SqlType::kAclItemArray},
      {"pg_node_tree", SqlType::kNodeTree},
  };
  const auto* found = std::find_if(std::begin(kTypes), std::end(kTypes),
                                   [&](const auto& one) { return one.first == name; });
  return found == std::end(kTypes) ? SqlType::kText : found->second;
}

SqlType TypeOfColumn(std::size_t table, std::size_t column) {
  return TypeOfBuiltin(FindType(SystemCatalogRelations()[table].columns[column].type)->name);
}

/// What a column of this type would hold where SQLite finds it equal to `value`; nullopt: nothing.
std::optional<Value> HeldValue(SqlType type, sqlite3_value* value) {
  if (!IsNumber(type)) {
    const Value given = ValueFromSqlite(value);
    const bool has_text = !given.is_null() && given.type() != ValueType::kBlob;
    return has_text ? std::optional(Value::Text(std::string(TextOf(value)))) : std::nullopt;
  }
  const int kind = sqlite3_value_numeric_type(value);  // Also of a text that shows a number.
  const std::int64_t integer = sqlite3_value_int64(value);
  const bool whole =
      kind == SQLITE_INTEGER ||
      (kind == SQLITE_FLOAT && sqlite3_value_double(value) == static_cast<double>(integer));
  return whole ? std::optional(Value::Integer(integer)) : std::nullopt;
}

class SystemCursor : public VirtualCursor {
 public:
  SystemCursor(StatementContext& statement, std::size_t table)
      : statement_(statement), table_(table) {}

  Status Filter(int plan, std::string_view /*plan_text*/,
                std::span<sqlite3_value*> arguments) override {
    DASHI_ASSIGN_OR_RETURN(CatalogState* const state, CatalogState::Of(statement_));
    DASHI_ASSIGN_OR_RETURN(rows_, state->RowsOf(statement_, table_));
    at_ = 0;
    scans_ = plan == kScanPlan;
    found_ = {};
    if (!scans_) {
      const auto column = static_cast<std::size_t>(plan) - 1;
      const std::optional<Value> held = HeldValue(TypeOfColumn(table_, column), arguments[0]);
      if (held) {
        found_ = rows_->Find(column, *held);
      }
    }
    return Status();
  }
  Status Next() override {
    ++at_;
    return Status();
  }
  bool AtEnd() const override { return at_ >= (scans_ ? rows_->size() : found_.size()); }
  Status Column(int column, sqlite3_context* context) override {
    const Row& row = rows_->At(Position());
    const auto number = static_cast<std::size_t>(column);
    if (number < row.size()) {
      SetSqliteResult(context, row[number]);
    } else {  // tableoid
      sqlite3_result_int64(context, SystemCatalogRelations()[table_].oid);
    }
    return Status();
  }
  std::int64_t RowId() const override { return static_cast<std::int64_t>(Position()); }

 private:
  std::size_t Position() const { return scans_ ? at_ : found_[at_]; }

  StatementContext& statement_;  // Outlives its cursors.
  std::size_t table_;
  CatalogRows* rows_ = nullptr;
  bool scans_ = true;
  std::span<const std::size_t> found_;
  std::size_t at_ = 0;
};

class SystemTable : public VirtualTable {
 public:
  explicit SystemTable(std::size_t table) : table_(table) {}

  // One column that is known is looked up; SQLite compares the others.
  Result<bool> Plan(StatementContext& statement, sqlite3_index_info* info) override {
    const int known = FindKnownColumn(info);
    if (known < 0) {
      DASHI_ASSIGN_OR_RETURN(CatalogState* const state, CatalogState::Of(statement));
      DASHI_ASSIGN_OR_RETURN(CatalogRows* const rows, state->RowsOf(statement, table_));
      info->estimatedRows = static_cast<sqlite3_int64>(rows->size()) + 1;
      info->estimatedCost = static_cast<double>(info->estimatedRows) * kFindCost;
      info->idxNum = kScanPlan;
      DASHI_RETURN_IF_ERROR(SetPlanText(info, "scan"));
      return true;
    }
    const int column = info->aConstraint[known].iColumn;
    info->aConstraintUsage[known].argvIndex = 1;
    info->idxNum = column + 1;
    const bool one = column == 0 && IsOidColumn(0);
    info->estimatedRows = one ? 1 : kFoundRows;
    info->estimatedCost = static_cast<double>(info->estimatedRows) * kFindCost;
    DASHI_RETURN_IF_ERROR(SetPlanText(
        info,
        "key " + SystemCatalogRelations()[table_].columns[static_cast<std::size_t>(column)].name));
    return true;
  }
  Result<std::unique_ptr<VirtualCursor>> Open(StatementContext& statement) override {
    return std::unique_ptr<VirtualCursor>(std::make_unique<SystemCursor>(statement, table_));
  }

 private:
  bool IsOidColumn(int column) const {
    return TypeOfColumn(table_, static_cast<std::size_t>(column)) == SqlType::kOid;
  }

  /// The constraint to use: numbers of objects before names, and names before others; -1: none.
  int FindKnownColumn(sqlite3_index_info* info) const {
    int best = -1;
    int best_rank = 0;
    for (int i = 0; i < info->nConstraint; ++i) {
      const auto& constraint = info->aConstraint[i];
      const auto num_columns = static_cast<int>(SystemCatalogRelations()[table_].columns.size());
      const bool usable = constraint.usable != 0 && constraint.iColumn >= 0 &&
                          constraint.iColumn < num_columns &&
                          constraint.op == SQLITE_INDEX_CONSTRAINT_EQ &&
                          std::string_view(sqlite3_vtab_collation(info, i)) == "BINARY";
      if (!usable) {
        continue;
      }
      const SqlType type = TypeOfColumn(table_, static_cast<std::size_t>(constraint.iColumn));
      const bool exact = IsNumber(type) || type == SqlType::kName || type == SqlType::kChar ||
                         type == SqlType::kText;
      const int rank = !exact                                             ? 0
                       : constraint.iColumn == 0 && type == SqlType::kOid ? 4
                       : type == SqlType::kOid                            ? 3
                       : type == SqlType::kName                           ? 2
                                                                          : 1;
      if (rank > best_rank) {
        best = i;
        best_rank = rank;
      }
    }
    return best;
  }

  std::size_t table_;
};

template <std::size_t kNumber>
std::unique_ptr<VirtualTable> MakeSystemTable(const UserSchemas& /*schemas*/) {
  return std::make_unique<SystemTable>(kNumber);
}

using Maker = std::unique_ptr<VirtualTable> (*)(const UserSchemas&);

template <std::size_t... kNumbers>
constexpr std::array<Maker, sizeof...(kNumbers)> MakeMakers(
    std::index_sequence<kNumbers...> /*numbers*/) {
  return {MakeSystemTable<kNumbers>...};
}

std::string DeclarationOfTable(std::size_t table) {
  std::string declaration = "CREATE TABLE t(";
  const auto& columns = SystemCatalogRelations()[table].columns;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    declaration += (i == 0 ? "" : ", ") + columns[i].name + " ";
    declaration += DeclarationOf(TypeOfColumn(table, i));
  }
  return declaration + ", tableoid INTEGER OID HIDDEN)";  // Of every table of PostgreSQL's.
}

}  // namespace

std::span<const TableDefinition> SystemTables() {
  static constexpr auto kMakers = MakeMakers(std::make_index_sequence<kTablesMax>());
  static const auto* const tables = [] {
    static std::deque<std::string> texts;  // That definitions point into.
    static std::vector<TableDefinition> all;
    const std::vector<CatalogRelation>& relations = SystemCatalogRelations();
    DASHI_CHECK(relations.size() <= kTablesMax);
    all.reserve(relations.size());
    for (std::size_t i = 0; i < relations.size(); ++i) {
      const bool information = relations[i].schema == kInformationSchema;
      texts.push_back((information ? "information_schema." : "") + relations[i].name);
      const char* name = texts.back().c_str();
      texts.push_back(DeclarationOfTable(i));
      all.push_back({name, texts.back().c_str(), false, kMakers[i], nullptr, nullptr});
    }
    return &all;
  }();
  return *tables;
}

}  // namespace dashi::sql::pg_catalog
