#include "sql/sqlite_connection.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <utility>

#include "base/memory_account.h"
#include "base/status.h"
#include "sql/inserted_columns.h"
#include "sql/listed_rows.h"
#include "sql/postgres/column_types.h"
#include "sql/sql_functions.h"
#include "sql/sqlite_allocator.h"
#include "sql/sqlite_error.h"
#include "sql/table_catalog.h"
#include "sql/write_text.h"
#include "storage/row_check.h"

namespace dashi::sql {

namespace {

/// Steps of SQLite's machine between two questions whether to stop.
constexpr int kStepsPerPoll = 500;
/// The longest text or blob, and the longest statement.
constexpr int kValueBytesMax = 64 << 20;
constexpr int kSqlBytesMax = 16 << 20;

bool IsComposed(const void* slot) {
  const StatementContext* statement = static_cast<const StatementSlot*>(slot)->current;
  return statement != nullptr && statement->composed;
}

// Whether a name in FROM may stand for one of SQLite's own tables.
bool BelongsToSqlite(std::string_view name) {
  const auto begins = [&](std::string_view prefix) {
    return name.size() >= prefix.size() &&
           sqlite3_strnicmp(name.data(), prefix.data(), static_cast<int>(prefix.size())) == 0;
  };
  return begins("sqlite_") || begins("pragma_") || begins(kListedRowsTable);
}

// Allows reading and writing our tables; SQLite calls it while it compiles.
int Authorize(void* slot, int action, const char* first, const char* second,
              const char* /*database*/, const char* /*trigger*/) {
  if (static_cast<const StatementSlot*>(slot)->declaring) {
    return SQLITE_OK;
  }
  switch (action) {
    case SQLITE_SELECT:
    case SQLITE_RECURSIVE:
      return SQLITE_OK;
    case SQLITE_FUNCTION: {
      // load_extension is off anyway; the others would show SQLite's insides.
      const std::string_view name = second == nullptr ? "" : second;
      const bool denied = name == "load_extension" || name == "fts3_tokenizer" ||
                          (name == kExcludedFunction && !IsComposed(slot));
      return denied ? SQLITE_DENY : SQLITE_OK;
    }
    case SQLITE_READ:
    case SQLITE_INSERT:
    case SQLITE_UPDATE:
    case SQLITE_DELETE: {
      const std::string_view table = first == nullptr ? "" : first;
      const bool json = table == "json_each" || table == "json_tree";
      const bool own = table == kListedRowsTable && IsComposed(slot);
      // SQLite names what stands in FROM and none of whose columns is read: subqueries of WITH too.
      const bool unread = second != nullptr && *second == '\0' && !BelongsToSqlite(table);
      return FindTable(table) != nullptr || ((json || own || unread) && action == SQLITE_READ)
                 ? SQLITE_OK
                 : SQLITE_DENY;
    }
    default:
      return SQLITE_DENY;
  }
}

// Whether there may be an outer join. LEFT and RIGHT may be functions, too.
bool HasOuterJoin(const std::vector<Token>& tokens) {
  for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
    for (const char* word : {"LEFT", "RIGHT", "FULL", "OUTER"}) {
      if (tokens[i].IsKeyword(word) && !tokens[i + 1].IsOperator("(")) {
        return true;
      }
    }
  }
  return false;
}

int BindOne(sqlite3_stmt* compiled, int index, const Value& value) {
  switch (value.type()) {
    case ValueType::kNull:
      return sqlite3_bind_null(compiled, index);
    case ValueType::kInteger:
      return sqlite3_bind_int64(compiled, index, value.integer());
    case ValueType::kReal:
      return sqlite3_bind_double(compiled, index, value.real());
    case ValueType::kText:
      return sqlite3_bind_text64(compiled, index, value.text().data(), value.text().size(),
                                 SQLITE_TRANSIENT, SQLITE_UTF8);
    case ValueType::kBlob:
      return sqlite3_bind_blob64(compiled, index, value.bytes().empty() ? "" : value.bytes().data(),
                                 value.bytes().size(), SQLITE_TRANSIENT);
  }
  return SQLITE_MISUSE;
}

}  // namespace

SqliteConnection::SqliteConnection(std::function<bool()> interrupted)
    : interrupted_(std::move(interrupted)) {}

SqliteConnection::~SqliteConnection() { sqlite3_close_v2(connection_); }

Result<std::unique_ptr<SqliteConnection>> SqliteConnection::Open(
    std::function<bool()> interrupted) {
  InstallSqliteAllocator();
  auto connection = std::unique_ptr<SqliteConnection>(new SqliteConnection(std::move(interrupted)));
  // The session is used by one thread at a time, so SQLite's own locks would be waste.
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  if (sqlite3_open_v2(":memory:", &connection->connection_, flags, nullptr) != SQLITE_OK) {
    return Status::ResourceExhausted("SQLite cannot be opened").WithSqlState("53200");
  }
  DASHI_RETURN_IF_ERROR(connection->Configure());
  return connection;
}

Status SqliteConnection::Configure() {
  static constexpr std::pair<int, int> kSwitches[] = {{SQLITE_DBCONFIG_DEFENSIVE, 1},
                                                      {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
                                                      {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
                                                      {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
                                                      {SQLITE_DBCONFIG_DQS_DML, 0},
                                                      {SQLITE_DBCONFIG_DQS_DDL, 0}};
  for (const auto& [option, value] : kSwitches) {
    if (sqlite3_db_config(connection_, option, value, nullptr) != SQLITE_OK) {
      return Status::Internal("SQLite refuses a setting");
    }
  }
  sqlite3_limit(connection_, SQLITE_LIMIT_LENGTH, kValueBytesMax);
  sqlite3_limit(connection_, SQLITE_LIMIT_SQL_LENGTH, kSqlBytesMax);
  sqlite3_limit(connection_, SQLITE_LIMIT_ATTACHED, 0);
  sqlite3_limit(connection_, SQLITE_LIMIT_TRIGGER_DEPTH, 1);
  sqlite3_limit(connection_, SQLITE_LIMIT_WORKER_THREADS, 0);
  for (const TableDefinition& table : AllTables()) {
    DASHI_RETURN_IF_ERROR(RegisterTable(connection_, table, &slot_));
  }
  DASHI_RETURN_IF_ERROR(RegisterListedRows(connection_, &slot_));
  DASHI_RETURN_IF_ERROR(RegisterFunctions(connection_, &slot_));
  // LIKE is PostgreSQL's: case counts.
  if (sqlite3_exec(connection_, "PRAGMA case_sensitive_like = ON", nullptr, nullptr, nullptr) !=
      SQLITE_OK) {
    return Status::Internal("SQLite refuses a setting");
  }
  // SQLite's own table functions declare themselves at their first use, which the authorizer would
  // refuse: use them before it stands.
  if (sqlite3_exec(connection_, "SELECT 1 FROM json_each('[]'), json_tree('[]')", nullptr, nullptr,
                   nullptr) != SQLITE_OK) {
    return Status::Internal("SQLite lacks its JSON functions");
  }
  sqlite3_set_authorizer(connection_, Authorize, &slot_);
  sqlite3_progress_handler(
      connection_, kStepsPerPoll,
      [](void* self) { return static_cast<SqliteConnection*>(self)->interrupted_() ? 1 : 0; },
      this);
  return Status();
}

Status SqliteConnection::UseSchemas(const UserSchemas& schemas) {
  if (declared_.SameAs(schemas)) {
    declared_ = schemas;  // The next comparison is one of pointers.
    return Status();
  }
  for (const TableDefinition& table : AllTables()) {
    if (table.user_columns != nullptr) {
      DASHI_RETURN_IF_ERROR(RegisterTable(connection_, table, &slot_));
    }
  }
  declared_ = schemas;
  ++generation_;
  return Status();
}

Status SqliteConnection::ErrorOf(int rc, const ParsedStatement& statement,
                                 StatementContext& context, const SqliteText* text) {
  std::optional<Status> error = std::exchange(context.error, std::nullopt);
  // A function that could not read its arguments for lack of memory takes them for wrong ones.
  Status refusal = MemoryScope::OutOfMemory();
  if (!refusal.hint().empty()) {  // A limit has refused something.
    error = std::move(refusal);
  } else {
    refusal.IgnoreError("no limit has refused anything");
  }
  if (error) {
    return *std::move(error);
  }
  const std::string_view message = sqlite3_errmsg(connection_);
  if (message == "no query solution" && context.plan_error) {
    return *std::exchange(context.plan_error, std::nullopt);
  }
  return SqliteErrorStatus(connection_, rc, statement, context.schemas, text);
}

Result<CompiledStatement> SqliteConnection::Compile(const ParsedStatement& statement,
                                                    StatementContext& context) {
  // EXPLAIN alone would print SQLite's byte code.
  const bool explain = std::get<SqliteStatement>(statement.node).verb == SqliteVerb::kExplain;
  DASHI_ASSIGN_OR_RETURN(const postgres::TypedStatement read,
                         postgres::ReadWithTypes(statement, context.schemas));
  return CompileText(MainText(statement, read.replaced, explain ? "EXPLAIN QUERY PLAN " : ""),
                     statement, read, context);
}

Result<CompiledStatement> SqliteConnection::CompileAnalyzed(const ParsedStatement& statement,
                                                            StatementContext& context) {
  DASHI_ASSIGN_OR_RETURN(const postgres::TypedStatement read,
                         postgres::ReadWithTypes(statement, context.schemas));
  return CompileText(MainText(statement, read.replaced, ""), statement, read, context);
}

Result<CompiledStatement> SqliteConnection::CompileComposed(const SqliteText& text,
                                                            const ParsedStatement& statement,
                                                            const postgres::TypedStatement& read,
                                                            StatementContext& context) {
  context.composed = true;
  Result<CompiledStatement> compiled = CompileText(text, statement, read, context);
  context.composed = false;
  return compiled;
}

Result<CompiledStatement> SqliteConnection::CompileText(const SqliteText& text,
                                                        const ParsedStatement& statement,
                                                        const postgres::TypedStatement& read,
                                                        StatementContext& context) {
  StatementScope scope(slot_, context);
  context.has_outer_join = HasOuterJoin(statement.tokens);
  sqlite3_stmt* compiled = nullptr;
  const std::string& sql = text.text();
  const int rc = sqlite3_prepare_v3(connection_, sql.data(), static_cast<int>(sql.size()),
                                    SQLITE_PREPARE_PERSISTENT, &compiled, nullptr);
  if (rc != SQLITE_OK) {
    return ErrorOf(rc, statement, context, &text);
  }
  return CompiledStatement(compiled, generation_, read.types.Results());
}

Status SqliteConnection::Bind(sqlite3_stmt* compiled, std::span<const Value> values) {
  sqlite3_reset(compiled);
  const int count = sqlite3_bind_parameter_count(compiled);
  for (int index = 1; index <= count; ++index) {
    const char* name = sqlite3_bind_parameter_name(compiled, index);
    const std::string_view digits = name == nullptr ? "" : std::string_view(name).substr(1);
    std::size_t number = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (number == 0 || number > values.size()) {
      return Status::InvalidArgument("there is no value for parameter " + std::string(digits))
          .WithSqlState("42P02");
    }
    const Value& value = values[number - 1];
    const bool text = value.type() == ValueType::kText;
    if (text &&
        (value.text().find('\0') != std::string_view::npos || !storage::IsUtf8(value.text()))) {
      return Status::InvalidArgument("parameter $" + std::to_string(number) +
                                     " is not valid UTF-8 text without NUL")
          .WithSqlState("22021");
    }
    const int rc = BindOne(compiled, index, value);
    if (rc == SQLITE_NOMEM) {
      return MemoryScope::OutOfMemory();
    }
    if (rc != SQLITE_OK) {
      return Status::ResourceExhausted("parameter $" + std::to_string(number) + " is too large")
          .WithSqlState("54000");
    }
  }
  return Status();
}

Result<bool> SqliteConnection::Step(sqlite3_stmt* compiled, const ParsedStatement& statement,
                                    StatementContext& context) {
  StatementScope scope(slot_, context);
  const int rc = sqlite3_step(compiled);
  if (rc == SQLITE_ROW) {
    return true;
  }
  if (rc == SQLITE_DONE) {
    return false;
  }
  return ErrorOf(rc, statement, context, /*text=*/nullptr);
}

Result<std::size_t> SqliteConnection::ReadRow(sqlite3_stmt* compiled, Row* row) {
  const int count = sqlite3_column_count(compiled);
  row->resize(static_cast<std::size_t>(count));
  std::size_t num_bytes = row->size() * sizeof(Value);
  for (int i = 0; i < count; ++i) {
    Value& value = (*row)[static_cast<std::size_t>(i)];
    const int type = sqlite3_column_type(compiled, i);
    if (type != SQLITE_TEXT && type != SQLITE_BLOB) {
      value = ValueFromSqlite(sqlite3_column_value(compiled, i));
      continue;
    }
    // Null also of bytes without any; those of zeroblob() are made only now.
    const void* const data = type == SQLITE_TEXT
                                 ? static_cast<const void*>(sqlite3_column_text(compiled, i))
                                 : sqlite3_column_blob(compiled, i);
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(compiled, i));
    if (data == nullptr && (type == SQLITE_TEXT || size > 0)) {
      return MemoryScope::OutOfMemory();
    }
    if (type == SQLITE_TEXT) {
      value.AssignText({static_cast<const char*>(data), size});
    } else {
      value = ValueFromSqlite(sqlite3_column_value(compiled, i));
    }
    num_bytes += size;
  }
  return num_bytes;
}

}  // namespace dashi::sql
