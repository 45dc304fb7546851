#include "sql/sql_functions.h"

#include <string_view>
#include <unistd.h>
#include <utility>

#include "base/clock.h"
#include "base/status.h"
#include "dashi/database.h"
#include "sql/database_impl.h"
#include "sql/settings.h"
#include "sql/sparkline_function.h"
#include "sql/virtual_table.h"

namespace dashi::sql {

namespace {

StatementContext& ContextOf(sqlite3_context* context) {
  return *static_cast<StatementSlot*>(sqlite3_user_data(context))->current;
}

void VersionFunction(sqlite3_context* context, int /*count*/, sqlite3_value** /*values*/) {
  SetSqliteText(context, "PostgreSQL 15.0 (dashi " + std::string(Version()) + ")");
}

void Now(sqlite3_context* context, int /*count*/, sqlite3_value** /*values*/) {
  SetSqliteText(context, FormatTimestamp(ContextOf(context).started_at_micros));
}

void CurrentDatabase(sqlite3_context* context, int /*count*/, sqlite3_value** /*values*/) {
  SetSqliteText(context, ContextOf(context).database->name());
}

void CurrentSchema(sqlite3_context* context, int /*count*/, sqlite3_value** /*values*/) {
  SetSqliteText(context, "public");
}

void BackendPid(sqlite3_context* context, int /*count*/, sqlite3_value** /*values*/) {
  sqlite3_result_int64(context, ::getpid());
}

void CurrentSetting(sqlite3_context* context, int /*count*/, sqlite3_value** values) {
  StatementContext& statement = ContextOf(context);
  Result<std::string> value = statement.settings->Get(TextOf(values[0]));
  if (value.ok()) {
    SetSqliteText(context, *value);
    return;
  }
  const Status status = std::move(value).status();
  sqlite3_result_error(context, std::string(status.message()).c_str(), -1);
  if (statement.error.ok()) {
    statement.error = status;
  }
}

struct Function {
  const char* name;
  int num_arguments;
  bool constant;  ///< the same for a whole statement
  void (*call)(sqlite3_context*, int, sqlite3_value**);
};

constexpr Function kFunctions[] = {
    {"version", 0, true, VersionFunction},          {"now", 0, false, Now},
    {"current_database", 0, true, CurrentDatabase}, {"current_schema", 0, true, CurrentSchema},
    {"pg_backend_pid", 0, true, BackendPid},        {"current_setting", 1, false, CurrentSetting},
};

}  // namespace

Status RegisterFunctions(sqlite3* connection, StatementSlot* slot) {
  for (const Function& function : kFunctions) {
    const int flags = SQLITE_UTF8 | (function.constant ? SQLITE_DETERMINISTIC : 0);
    if (sqlite3_create_function_v2(connection, function.name, function.num_arguments, flags, slot,
                                   function.call, nullptr, nullptr, nullptr) != SQLITE_OK) {
      return Status::Internal("a function cannot be registered: " + std::string(function.name));
    }
  }
  return RegisterSparkline(connection);
}

std::vector<std::string> ListFunctions() {
  std::vector<std::string> names{"sparkline"};
  for (const Function& function : kFunctions) {
    names.emplace_back(function.name);
  }
  // A session's own connection may not ask: its authorizer refuses PRAGMA.
  sqlite3* connection = nullptr;
  sqlite3_stmt* list = nullptr;
  if (sqlite3_open(":memory:", &connection) == SQLITE_OK &&
      sqlite3_prepare_v2(connection, "SELECT DISTINCT name FROM pragma_function_list", -1, &list,
                         nullptr) == SQLITE_OK) {
    while (sqlite3_step(list) == SQLITE_ROW) {
      names.emplace_back(reinterpret_cast<const char*>(sqlite3_column_text(list, 0)));
    }
  }
  sqlite3_finalize(list);
  sqlite3_close(connection);
  return names;
}

}  // namespace dashi::sql
