#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <sqlite3.h>

#include "dashi/status.h"
#include "dashi/value.h"
#include "sql/statement_context.h"

namespace dashi::sql {

/// Walks the rows of one use of a virtual table in one statement.
///
/// Threads: one thread at a time, the one that steps the statement.
class VirtualCursor {
 public:
  VirtualCursor() = default;
  virtual ~VirtualCursor() = default;
  VirtualCursor(const VirtualCursor&) = delete;
  VirtualCursor& operator=(const VirtualCursor&) = delete;

  /// Starts a walk with the plan that VirtualTable::Plan left in idxNum and idxStr. The cursor may
  /// be used for several walks.
  virtual Status Filter(int plan, std::string_view plan_text,
                        std::span<sqlite3_value*> arguments) = 0;
  virtual Status Next() = 0;
  virtual bool AtEnd() const = 0;
  /// Gives the value of a column of the current row to SQLite.
  virtual Status Column(int column, sqlite3_context* context) = 0;
  virtual std::int64_t RowId() const = 0;
};

/// What a write does with a row whose key exists.
enum class ConflictPolicy { kFail, kReplace, kIgnore };

/// A table as SQLite sees it.
class VirtualTable {
 public:
  VirtualTable() = default;
  virtual ~VirtualTable() = default;
  VirtualTable(const VirtualTable&) = delete;
  VirtualTable& operator=(const VirtualTable&) = delete;

  /// Chooses how to answer with the usable constraints. Returns false when they do not suffice.
  virtual Result<bool> Plan(StatementContext& statement, sqlite3_index_info* info) = 0;
  virtual Result<std::unique_ptr<VirtualCursor>> Open(StatementContext& statement) = 0;

  /// Write, and count what they changed in `statement.rows_changed`. `columns` are the values of
  /// the declared columns, in order. The defaults refuse (42809).
  virtual Status Insert(StatementContext& statement, std::span<sqlite3_value*> columns,
                        ConflictPolicy policy);
  virtual Status Update(StatementContext& statement, std::int64_t row_id,
                        std::span<sqlite3_value*> columns, ConflictPolicy policy);
  virtual Status Delete(StatementContext& statement, std::int64_t row_id);
};

/// A table's name, its columns as a CREATE TABLE statement, and its maker.
struct TableDefinition {
  const char* name = nullptr;
  const char* declaration = nullptr;  ///< of the built-in columns
  bool writable = false;
  std::unique_ptr<VirtualTable> (*make)(const UserSchemas& schemas) = nullptr;
  const char* description = nullptr;  ///< for SHOW TABLES; null hides it there
  /// The user columns, `, "name" TYPE` each, which stand behind the built-in ones; null: the table
  /// has none.
  std::string (*user_columns)(const UserSchemas& schemas) = nullptr;
};

/// Registers a table. It exists at once and costs nothing until a statement names it; it is then
/// declared with the schemas of that statement. Registered again, it is declared anew; statements
/// that run or were compiled keep the table they know.
Status RegisterTable(sqlite3* connection, const TableDefinition& table, StatementSlot* slot);

/// Conversions between SQLite's values and ours.
Value ValueFromSqlite(sqlite3_value* value);
void SetSqliteResult(sqlite3_context* context, const Value& value);
void SetSqliteText(sqlite3_context* context, std::string_view text);
/// The bytes of a value as text; numbers are written out. Valid until the value changes.
std::string_view TextOf(sqlite3_value* value);

/// The double with the shortest decimal form that names this float: 0.1F becomes 0.1.
double ShortestDouble(float value);

/// Leaves a plan's text for Filter and EXPLAIN.
Status SetPlanText(sqlite3_index_info* info, const std::string& text);

}  // namespace dashi::sql
