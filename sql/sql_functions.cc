#include "sql/sql_functions.h"

#include <cstdint>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/memory_account.h"
#include "base/status.h"
#include "dashi/database.h"
#include "sql/activity/session_directory.h"
#include "sql/activity/session_end.h"
#include "sql/database_impl.h"
#include "sql/function_error.h"
#include "sql/postgres/functions.h"
#include "sql/ranking_metrics.h"
#include "sql/sparkline_function.h"
#include "sql/sqlite_allocator.h"
#include "sql/text_functions.h"
#include "sql/virtual_table.h"

namespace dashi::sql {

namespace {

void VersionFunction(sqlite3_context* context, int /*count*/, sqlite3_value** /*values*/) {
  SetSqliteText(context, "PostgreSQL 15.0 (dashi " + std::string(Version()) + ")");
}

void Now(sqlite3_context* context, int /*count*/, sqlite3_value** /*values*/) {
  SetSqliteText(context, FormatTimestamp(StatementOf(context).started_at_micros));
}

void CurrentDatabase(sqlite3_context* context, int /*count*/, sqlite3_value** /*values*/) {
  SetSqliteText(context, StatementOf(context).database->name());
}

void CurrentSchema(sqlite3_context* context, int /*count*/, sqlite3_value** /*values*/) {
  SetSqliteText(context, "public");
}

void BackendPid(sqlite3_context* context, int /*count*/, sqlite3_value** /*values*/) {
  sqlite3_result_int64(context, StatementOf(context).session->entry->id());
}

// Whether there was such a session, as PostgreSQL has it.
void EndBackend(sqlite3_context* context, sqlite3_value* id, bool terminates) {
  if (sqlite3_value_type(id) == SQLITE_NULL) {
    return;
  }
  const sqlite3_int64 number = sqlite3_value_int64(id);
  const Status ended =
      EndSession(*StatementOf(context).session,
                 number < 0 ? UINT64_MAX : static_cast<std::uint64_t>(number), terminates);
  if (ended.ok() || ended.code() == StatusCode::kNotFound) {
    sqlite3_result_int(context, ended.ok() ? 1 : 0);
  } else {
    FailFunction(context, ended);
  }
}

void CancelBackend(sqlite3_context* context, int /*count*/, sqlite3_value** values) {
  EndBackend(context, values[0], /*terminates=*/false);
}

void TerminateBackend(sqlite3_context* context, int /*count*/, sqlite3_value** values) {
  EndBackend(context, values[0], /*terminates=*/true);
}

struct Function {
  const char* name;
  int num_arguments;
  bool constant;  ///< the same for a whole statement
  void (*call)(sqlite3_context*, int, sqlite3_value**);
};

constexpr Function kFunctions[] = {
    {"version", 0, true, VersionFunction},
    {"now", 0, false, Now},
    {"current_database", 0, true, CurrentDatabase},
    {"current_schema", 0, true, CurrentSchema},
    {"pg_backend_pid", 0, true, BackendPid},
    {"pg_cancel_backend", 1, false, CancelBackend},
    {"pg_terminate_backend", 1, false, TerminateBackend},
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
  DASHI_RETURN_IF_ERROR(postgres::RegisterFunctions(connection, slot));
  DASHI_RETURN_IF_ERROR(RegisterSparkline(connection));
  DASHI_RETURN_IF_ERROR(RegisterRankingMetrics(connection, slot));
  DASHI_RETURN_IF_ERROR(RegisterPropensity(connection, slot));
  return RegisterTextFunctions(connection, slot);
}

std::vector<std::string> ListFunctions() {
  std::vector<std::string> names = postgres::ListFunctions();
  for (const char* name : {"sparkline", "similarity", "embed"}) {
    names.emplace_back(name);
  }
  for (const std::string_view name : RankingMetricNames()) {
    names.emplace_back(name);
  }
  for (const Function& function : kFunctions) {
    names.emplace_back(function.name);
  }
  // A session's own connection may not ask: its authorizer refuses PRAGMA. Nobody pays for it.
  const MemoryScope scope(/*account=*/nullptr);
  InstallSqliteAllocator();
  sqlite3* connection = nullptr;
  sqlite3_stmt* list = nullptr;
  if (sqlite3_open(":memory:", &connection) == SQLITE_OK &&
      sqlite3_prepare_v2(connection, "SELECT DISTINCT name FROM pragma_function_list", -1, &list,
                         nullptr) == SQLITE_OK) {
    while (sqlite3_step(list) == SQLITE_ROW) {
      const auto* name = reinterpret_cast<const char*>(sqlite3_column_text(list, 0));
      names.emplace_back(name == nullptr ? "" : name);
    }
  }
  sqlite3_finalize(list);
  sqlite3_close(connection);
  return names;
}

}  // namespace dashi::sql
