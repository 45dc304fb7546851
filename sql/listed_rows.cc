#include "sql/listed_rows.h"

#include <memory>
#include <span>

#include "base/status.h"
#include "sql/planner_cost.h"
#include "sql/virtual_table.h"

namespace dashi::sql {

namespace {

enum : int { kRow, kPosition };

class ListedRowsCursor : public VirtualCursor {
 public:
  explicit ListedRowsCursor(const ListedRows& listed) : listed_(listed) {}

  Status Filter(int /*plan*/, std::string_view /*plan_text*/,
                std::span<sqlite3_value*> /*arguments*/) override {
    position_ = 0;
    return Status();
  }
  Status Next() override {
    ++position_;
    return Status();
  }
  bool AtEnd() const override { return position_ >= listed_.rows.size(); }
  Status Column(int column, sqlite3_context* context) override {
    sqlite3_result_int64(
        context, column == kRow ? listed_.rows[position_] : static_cast<sqlite3_int64>(position_));
    return Status();
  }
  std::int64_t RowId() const override { return static_cast<std::int64_t>(position_); }

 private:
  const ListedRows& listed_;  // Outlives the statement.
  std::size_t position_ = 0;
};

class ListedRowsTable : public VirtualTable {
 public:
  Result<bool> Plan(StatementContext& statement, sqlite3_index_info* info) override {
    const std::size_t rows = statement.listed == nullptr ? 0 : statement.listed->rows.size();
    info->estimatedRows = static_cast<sqlite3_int64>(rows) + 1;
    info->estimatedCost = static_cast<double>(rows) + 1;
    return true;
  }
  Result<std::unique_ptr<VirtualCursor>> Open(StatementContext& statement) override {
    if (statement.listed == nullptr) {
      return Status::Internal("there are no listed rows");
    }
    return std::unique_ptr<VirtualCursor>(std::make_unique<ListedRowsCursor>(*statement.listed));
  }
};

// dashi_excluded(position, column)
void Excluded(sqlite3_context* context, int /*count*/, sqlite3_value** values) {
  const StatementContext* statement =
      static_cast<const StatementSlot*>(sqlite3_user_data(context))->current;
  const auto position = static_cast<std::size_t>(sqlite3_value_int64(values[0]));
  const auto column = static_cast<std::size_t>(sqlite3_value_int64(values[1]));
  const ListedRows* listed = statement == nullptr ? nullptr : statement->listed;
  if (listed != nullptr && position < listed->values.size() &&
      column < listed->values[position].size()) {
    SetSqliteResult(context, listed->values[position][column]);
  }
}

}  // namespace

Status RegisterListedRows(sqlite3* connection, StatementSlot* slot) {
  static constexpr TableDefinition kTable = {
      kListedRowsTable.data(), "CREATE TABLE t(\"dashi row\" INTEGER, \"dashi position\" INTEGER)",
      false, [](const UserSchemas&) -> std::unique_ptr<VirtualTable> {
        return std::make_unique<ListedRowsTable>();
      }};
  DASHI_RETURN_IF_ERROR(RegisterTable(connection, kTable, slot));
  if (sqlite3_create_function_v2(connection, kExcludedFunction.data(), 2, SQLITE_UTF8, slot,
                                 Excluded, nullptr, nullptr, nullptr) != SQLITE_OK) {
    return Status::Internal("a function cannot be registered");
  }
  return Status();
}

void StatementContext::NoteInserted(std::int64_t row) {
  NoteWritten(row);
  if (conflicts != nullptr) {
    conflicts->NoteInserted(row);
  }
}

Status StatementContext::NoteConflict(std::int64_t row, Row excluded) {
  DASHI_RETURN_IF_ERROR(conflicts->Note(row, std::move(excluded)));
  if (written != nullptr && conflicts->updates()) {
    written->push_back(row);  // Where it stands in the statement.
  }
  return Status();
}

Status ConflictingRows::Note(std::int64_t row, Row values) {
  if (!updates_) {
    return Status();
  }
  if (!touched_.insert(row).second) {
    return Status::InvalidArgument("ON CONFLICT DO UPDATE cannot change a row a second time")
        .WithSqlState("21000")
        .WithHint("Two of the rows to insert have the same key.");
  }
  std::size_t num_bytes = sizeof(Row) + sizeof(row);
  for (const Value& value : values) {
    num_bytes += sizeof(Value) + value.text().size() + value.bytes().size();
  }
  DASHI_RETURN_IF_ERROR(memory_.Add(num_bytes));
  listed_.rows.push_back(row);
  listed_.values.push_back(std::move(values));
  return Status();
}

}  // namespace dashi::sql
