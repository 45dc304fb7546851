#include "sql/entity_table.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "sql/column_filter.h"
#include "sql/entity_columns.h"
#include "sql/entity_walk.h"
#include "sql/index_plan.h"
#include "sql/indexed_rows.h"
#include "sql/planner_cost.h"
#include "sql/token.h"
#include "sql/user_column.h"
#include "storage/entity.h"

namespace dashi::sql {

namespace {

using storage::EntityKind;
using storage::EntityRow;
using storage::Ordinal;

/// idxNum: one of these, or kByIndex and above it an IndexPlan.
enum Plan : int { kScan = 0, kById = 1, kByRowId = 2, kByIndex = 3 };
constexpr int kPlanBits = 2;
/// More tests than this stay with SQLite. A constraint's number must fit sqlite3_vtab_in's mask.
constexpr int kConstraintsMax = 31;

class EntityCursor : public VirtualCursor {
 public:
  EntityCursor(DeclaredColumns columns, StatementContext& statement)
      : columns_(std::move(columns)), statement_(statement), view_(statement.view) {}

  Status Filter(int plan, std::string_view plan_text,
                std::span<sqlite3_value*> arguments) override {
    walk_.reset();
    found_.reset();
    if ((plan & kByIndex) == kByIndex) {
      return FilterByIndex(IndexPlan::Decode(plan >> kPlanBits), arguments);
    }
    if (plan == kScan) {
      DASHI_RETURN_IF_ERROR(filter_.Set(ParseTests(plan_text), arguments));
      return Walk(view_->ScanRows(columns_.kind()));
    }
    if (sqlite3_value_type(arguments[0]) == SQLITE_NULL) {
      return Status();
    }
    if (plan == kById) {
      DASHI_ASSIGN_OR_RETURN(const std::optional<Ordinal> ordinal,
                             view_->FindOrdinal(columns_.kind(), TextOf(arguments[0])));
      return ordinal ? Look(*ordinal) : Status();
    }
    const std::int64_t row_id = sqlite3_value_int64(arguments[0]);
    const bool possible = row_id >= 0 && row_id <= std::int64_t{0xFFFFFFFF};
    return possible ? Look(Ordinal{static_cast<std::uint32_t>(row_id)}) : Status();
  }

  Status Next() override {
    found_.reset();
    if (walk_) {
      DASHI_ASSIGN_OR_RETURN(const bool more, walk_->Next());
      if (!more) {
        walk_.reset();
      }
    }
    return Status();
  }

  bool AtEnd() const override { return !walk_ && !found_; }

  Status Column(int column, sqlite3_context* context) override {
    const EntityRow& row = walk_ ? walk_->row() : *found_;
    const auto position = static_cast<std::size_t>(column);
    if (const storage::ColumnRecord* user = columns_.UserAt(position)) {
      SetSqliteResult(context, ShownValue(user->type, storage::ColumnValue(row, *user)));
      return Status();
    }
    switch (columns_.built_in()[position]) {
      case EntityColumn::kId:
        SetSqliteText(context, row.id);
        break;
      case EntityColumn::kText:
        SetSqliteText(context, row.text);
        break;
      case EntityColumn::kSplit:
        if (row.split) {
          SetSqliteText(context, *row.split);
        }
        break;
      case EntityColumn::kUpdatedAt:
        SetSqliteText(context, FormatTimestamp(row.updated_at_micros));
        break;
    }
    return Status();
  }

  std::int64_t RowId() const override {
    return storage::ToInteger(walk_ ? walk_->ordinal() : found_ordinal_);
  }

 private:
  Status FilterByIndex(const IndexPlan& plan, std::span<sqlite3_value*> arguments) {
    const storage::SchemaRecord& schema = *columns_.schema();
    const storage::IndexRecord& index = schema.indexes[plan.index];
    const auto range = plan.RangeOf(*schema.FindColumn(index.column), arguments);
    if (!range) {
      return Status();
    }
    filter_ = ColumnFilter();
    return Walk(std::make_unique<IndexedRows>(*view_, columns_.kind(),
                                              view_->ScanIndex(index.number, *range)));
  }

  Status Walk(std::unique_ptr<storage::RowCursor> rows) {
    walk_.emplace(statement_, columns_, std::move(rows), filter_);
    return Next();
  }

  Status Look(Ordinal ordinal) {
    DASHI_ASSIGN_OR_RETURN(found_, view_->GetRow(columns_.kind(), ordinal));
    found_ordinal_ = ordinal;
    return Status();
  }

  DeclaredColumns columns_;
  StatementContext& statement_;  // Outlives its cursors.
  // Sharers: see StatementContext::view. Declared before the walk, which must go first.
  std::shared_ptr<const storage::View> view_;
  ColumnFilter filter_;
  std::optional<EntityWalk> walk_;
  std::optional<EntityRow> found_;
  Ordinal found_ordinal_{};
};

class EntityTable : public VirtualTable {
 public:
  explicit EntityTable(DeclaredColumns columns)
      : columns_(std::move(columns)), kind_(columns_.kind()) {}

  Result<bool> Plan(StatementContext& statement, sqlite3_index_info* info) override {
    for (int i = 0; i < info->nConstraint; ++i) {
      const auto& constraint = info->aConstraint[i];
      const bool id =
          constraint.iColumn == 0 && std::string_view(sqlite3_vtab_collation(info, i)) == "BINARY";
      if (constraint.usable != 0 && constraint.op == SQLITE_INDEX_CONSTRAINT_EQ &&
          (id || constraint.iColumn == -1)) {
        info->aConstraintUsage[i].argvIndex = 1;
        info->idxNum = id ? kById : kByRowId;
        info->idxFlags = SQLITE_INDEX_SCAN_UNIQUE;
        info->estimatedRows = 1;
        info->estimatedCost = kLookupCost;
        DASHI_RETURN_IF_ERROR(SetPlanText(info, id ? "id = ?" : "rowid = ?"));
        return true;
      }
    }
    DASHI_ASSIGN_OR_RETURN(const std::uint64_t rows, statement.view->EstimateRows(kind_));
    const double scan_cost = kScanRowCost * static_cast<double>(rows) + kLookupCost;
    if (columns_.schema() != nullptr && !columns_.schema()->indexes.empty()) {
      DASHI_ASSIGN_OR_RETURN(const std::optional<CostedIndexPlan> plan,
                             ChooseIndex(statement, kind_, *columns_.schema(),
                                         static_cast<int>(columns_.built_in().size()), rows, info));
      if (plan && plan->cost < scan_cost + SortCost(*info, static_cast<double>(rows))) {
        return UseIndex(*plan, info);
      }
    }
    info->idxNum = kScan;
    info->estimatedRows = static_cast<sqlite3_int64>(rows) + 1;
    info->estimatedCost = scan_cost;
    DASHI_RETURN_IF_ERROR(SetPlanText(info, FormatTests("scan", TakeTests(statement, info))));
    return true;
  }

  Result<std::unique_ptr<VirtualCursor>> Open(StatementContext& statement) override {
    return std::unique_ptr<VirtualCursor>(std::make_unique<EntityCursor>(columns_, statement));
  }

  Status Insert(StatementContext& statement, std::span<sqlite3_value*> columns,
                ConflictPolicy policy) override {
    EntityRow row;
    DASHI_RETURN_IF_ERROR(ReadRow(statement, columns, /*old=*/nullptr, &row));
    storage::Transaction& transaction = *statement.transaction;
    if (policy != ConflictPolicy::kFail || statement.conflicts != nullptr) {
      DASHI_ASSIGN_OR_RETURN(const std::optional<Ordinal> existing,
                             transaction.FindOrdinal(kind_, row.id));
      if (existing && statement.conflicts != nullptr) {
        return statement.NoteConflict(ToInteger(*existing), ExcludedValues(row));
      }
      if (existing && policy == ConflictPolicy::kIgnore) {
        return Status();
      }
      if (existing) {
        statement.NoteWritten(ToInteger(*existing));
        return transaction.UpdateRow(kind_, *existing, row);
      }
    }
    DASHI_ASSIGN_OR_RETURN(const Ordinal ordinal, transaction.InsertRow(kind_, row));
    statement.NoteInserted(ToInteger(ordinal));
    return Status();
  }

  Status Update(StatementContext& statement, std::int64_t row_id, std::span<sqlite3_value*> columns,
                ConflictPolicy policy) override {
    const Ordinal ordinal{static_cast<std::uint32_t>(row_id)};
    storage::Transaction& transaction = *statement.transaction;
    DASHI_ASSIGN_OR_RETURN(const std::optional<EntityRow> old, transaction.GetRow(kind_, ordinal));
    if (!old) {
      return Status();  // An earlier row of this statement replaced it.
    }
    EntityRow row;
    DASHI_RETURN_IF_ERROR(ReadRow(statement, columns, &*old, &row));
    if (row.id != old->id && policy != ConflictPolicy::kFail) {
      DASHI_ASSIGN_OR_RETURN(const std::optional<Ordinal> taken,
                             transaction.FindOrdinal(kind_, row.id));
      if (taken && policy == ConflictPolicy::kIgnore) {
        return Status();
      }
      if (taken) {
        DASHI_RETURN_IF_ERROR(transaction.DeleteRow(kind_, *taken));
      }
    }
    statement.NoteWritten(ToInteger(ordinal));
    return transaction.UpdateRow(kind_, ordinal, row);
  }

  Status Delete(StatementContext& statement, std::int64_t row_id) override {
    const Ordinal ordinal{static_cast<std::uint32_t>(row_id)};
    DASHI_ASSIGN_OR_RETURN(const std::optional<EntityRow> old,
                           statement.transaction->GetRow(kind_, ordinal));
    if (!old) {
      return Status();
    }
    ++statement.rows_changed;
    return statement.transaction->DeleteRow(kind_, ordinal);
  }

 private:
  // Lets a scan drop rows that fail tests, which SQLite checks again.
  std::vector<ColumnTest> TakeTests(const StatementContext& statement,
                                    sqlite3_index_info* info) const {
    std::vector<ColumnTest> tests;
    for (int i = 0; i < std::min(info->nConstraint, kConstraintsMax); ++i) {
      const auto& constraint = info->aConstraint[i];
      const auto position = static_cast<std::size_t>(constraint.iColumn);
      if (constraint.usable == 0 || constraint.iColumn < 0 || position >= columns_.size()) {
        continue;
      }
      const storage::ColumnRecord* user = columns_.UserAt(position);
      const std::optional<ColumnTest> test =
          TestOf(statement, info, i,
                 user != nullptr ? TestName(*user)
                                 : std::string(EntityColumnName(columns_.built_in()[position])));
      if (!test) {
        continue;
      }
      if (test->op == "IN") {
        sqlite3_vtab_in(info, i, 1);
      }
      tests.push_back(*test);
      info->aConstraintUsage[i].argvIndex = static_cast<int>(tests.size());
    }
    return tests;
  }

  // SQLite checks the constraints again: a range may hold more rows than pass.
  static Result<bool> UseIndex(const CostedIndexPlan& plan, sqlite3_index_info* info) {
    int argv_index = 0;
    for (const int constraint : plan.constraints) {
      info->aConstraintUsage[constraint].argvIndex = ++argv_index;
    }
    info->idxNum = plan.plan.Encode() << kPlanBits | kByIndex;
    info->estimatedRows = static_cast<sqlite3_int64>(plan.rows) + 1;
    info->estimatedCost = plan.cost;
    info->orderByConsumed = plan.ordered ? 1 : 0;
    DASHI_RETURN_IF_ERROR(SetPlanText(info, plan.text));
    return true;
  }

  // Builds a row from the values of a write. `old` is the row before an UPDATE.
  Status ReadRow(const StatementContext& statement, std::span<sqlite3_value*> columns,
                 const EntityRow* old, EntityRow* row) const {
    row->updated_at_micros = Clock::System().NowMicros();
    const std::size_t num_built_in = columns_.built_in().size();
    DASHI_RETURN_IF_ERROR(ReadBuiltIn(columns.first(num_built_in), old, row));
    for (std::size_t i = 0; i < columns_.user().size(); ++i) {
      const storage::ColumnRecord& column = *columns_.user()[i];
      if (old == nullptr && !IsInserted(statement, column.name)) {
        continue;  // A row without the column has its default.
      }
      DASHI_ASSIGN_OR_RETURN(Value value,
                             ToColumnValue(EntityTableName(kind_), column,
                                           ValueFromSqlite(columns[num_built_in + i])));
      if (!value.is_null() || !column.default_value.is_null()) {
        row->attributes.push_back({column.number, std::move(value)});
      }
    }
    return Status();
  }

  // What ON CONFLICT calls `excluded`, by column.
  Row ExcludedValues(const EntityRow& row) const {
    Row values;
    values.reserve(columns_.built_in().size() + columns_.user().size());
    for (const EntityColumn column : columns_.built_in()) {
      values.push_back(column == EntityColumn::kId                   ? Value::Text(row.id)
                       : column == EntityColumn::kText               ? Value::Text(row.text)
                       : column == EntityColumn::kSplit && row.split ? Value::Text(*row.split)
                                                                     : Value::Null());
    }
    for (const storage::ColumnRecord* column : columns_.user()) {
      values.push_back(ShownValue(column->type, storage::ColumnValue(row, *column)));
    }
    return values;
  }

  static bool IsInserted(const StatementContext& statement, std::string_view column) {
    const auto& named = statement.inserted_columns;
    return !named || std::any_of(named->begin(), named->end(), [&](const std::string& name) {
      return EqualsIgnoreCase(name, column);
    });
  }

  Status ReadBuiltIn(std::span<sqlite3_value*> columns, const EntityRow* old,
                     EntityRow* row) const {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const EntityColumn column = columns_.built_in()[i];
      const bool null = sqlite3_value_type(columns[i]) == SQLITE_NULL;
      if (column == EntityColumn::kUpdatedAt) {
        const std::string kept = old == nullptr ? "" : FormatTimestamp(old->updated_at_micros);
        if (!null && TextOf(columns[i]) != kept) {
          return Status::InvalidArgument(
                     "column updated_at is kept by the database and cannot be "
                     "set")
              .WithSqlState("428C9");
        }
        continue;
      }
      if (null && column != EntityColumn::kSplit) {
        return Status::InvalidArgument("null value in column \"" +
                                       std::string(EntityColumnName(column)) + "\" of table \"" +
                                       std::string(EntityTableName(kind_)) +
                                       "\": the column takes text")
            .WithSqlState("23502");
      }
      if (sqlite3_value_type(columns[i]) == SQLITE_BLOB) {
        return Status::InvalidArgument("column \"" + std::string(EntityColumnName(column)) +
                                       "\" takes text, not bytes")
            .WithSqlState("42804");
      }
      std::string text(TextOf(columns[i]));
      if (text.find('\0') != std::string::npos) {
        return Status::InvalidArgument("column \"" + std::string(EntityColumnName(column)) +
                                       "\" takes text without NUL bytes")
            .WithSqlState("22021");
      }
      if (column == EntityColumn::kId) {
        row->id = std::move(text);
      } else if (column == EntityColumn::kText) {
        row->text = std::move(text);
      } else if (!null) {
        row->split = std::move(text);
      }
    }
    return Status();
  }

  DeclaredColumns columns_;
  EntityKind kind_;
};

}  // namespace

std::span<const TableDefinition> EntityTables() {
  static constexpr TableDefinition kTables[] = {
      {"documents", "CREATE TABLE t(id TEXT, text TEXT, split TEXT, updated_at TEXT TIMESTAMP)",
       true,
       [](const UserSchemas& schemas) -> std::unique_ptr<VirtualTable> {
         return std::make_unique<EntityTable>(
             DeclaredColumns(EntityKind::kDocument, schemas.documents));
       },
       "input texts, each with an id and the split it belongs to",
       [](const UserSchemas& schemas) { return DeclareColumns(schemas.documents->LiveColumns()); }},
      {"labels", "CREATE TABLE t(id TEXT, text TEXT, updated_at TEXT TIMESTAMP)", true,
       [](const UserSchemas& schemas) -> std::unique_ptr<VirtualTable> {
         return std::make_unique<EntityTable>(DeclaredColumns(EntityKind::kLabel, schemas.labels));
       },
       "what topk() finds: targets with an id and a text",
       [](const UserSchemas& schemas) { return DeclareColumns(schemas.labels->LiveColumns()); }},
      {"anchors", "CREATE TABLE t(id TEXT, text TEXT)", true,
       [](const UserSchemas&) -> std::unique_ptr<VirtualTable> {
         return std::make_unique<EntityTable>(DeclaredColumns(EntityKind::kAnchor, nullptr));
       },
       "auxiliary items that graphs link to"},
  };
  return kTables;
}

}  // namespace dashi::sql
