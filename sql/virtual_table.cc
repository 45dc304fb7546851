#include "sql/virtual_table.h"

#include <array>
#include <charconv>
#include <new>
#include <utility>
#include <vector>

#include "base/memory_account.h"
#include "base/status.h"
#include "sql/plan_analysis.h"
#include "sql/sqlite_connection.h"

namespace dashi::sql {

namespace {

/// What SQLite keeps for a connected table: its own part first.
struct TableHandle {
  sqlite3_vtab base{};
  StatementSlot* slot = nullptr;
  const char* name = nullptr;  ///< lives as long as the program
  std::unique_ptr<VirtualTable> table;
};

struct CursorHandle {
  sqlite3_vtab_cursor base{};
  std::unique_ptr<VirtualCursor> cursor;
};

/// The client data of a module: the definition and the connection's slot.
struct ModuleData {
  TableDefinition table;
  StatementSlot* slot = nullptr;
};

TableHandle& HandleOf(sqlite3_vtab* table) { return *reinterpret_cast<TableHandle*>(table); }
CursorHandle& HandleOf(sqlite3_vtab_cursor* cursor) {
  return *reinterpret_cast<CursorHandle*>(cursor);
}

// Keeps the status for the statement and hands SQLite its message.
int Report(sqlite3_vtab* table, Status status) {
  if (status.ok()) {
    return SQLITE_OK;
  }
  sqlite3_free(table->zErrMsg);
  table->zErrMsg = sqlite3_mprintf("%s", std::string(status.message()).c_str());
  const int rc = status.sqlstate() == "53200" ? SQLITE_NOMEM : SQLITE_ERROR;
  StatementContext* statement = HandleOf(table).slot->current;
  if (statement != nullptr && !statement->error) {
    statement->error = std::move(status);
  }
  return rc;
}

// Runs `body(statement)` for a call that SQLite makes while a statement runs.
template <typename Body>
int Guard(sqlite3_vtab* table, Body&& body) {
  StatementContext* statement = HandleOf(table).slot->current;
  if (statement == nullptr) {
    return Report(table, Status::Internal("a virtual table was called outside a statement"));
  }
  return Report(table,
                CatchAsStatus("virtual table", [&]() -> Status { return body(*statement); }));
}

int Connect(sqlite3* connection, void* data, int /*num_arguments*/,
            const char* const* /*arguments*/, sqlite3_vtab** table, char** error) {
  const auto& module = *static_cast<const ModuleData*>(data);
  if (module.slot->current == nullptr) {
    *error = sqlite3_mprintf("a virtual table was declared outside a statement");
    return SQLITE_ERROR;
  }
  const UserSchemas& schemas = module.slot->current->schemas;
  std::string declaration;
  const Status declared = CatchAsStatus("virtual table", [&] {
    declaration = module.table.declaration;
    if (module.table.user_columns != nullptr) {
      declaration.insert(declaration.rfind(')'), module.table.user_columns(schemas));
    }
  });
  if (!declared.ok()) {
    return SQLITE_NOMEM;
  }
  module.slot->declaring = true;
  int rc = sqlite3_declare_vtab(connection, declaration.c_str());
  module.slot->declaring = false;
  if (rc != SQLITE_OK) {
    *error = sqlite3_mprintf("%s", sqlite3_errmsg(connection));
    return rc;
  }
  if (module.table.writable) {
    rc = sqlite3_vtab_config(connection, SQLITE_VTAB_CONSTRAINT_SUPPORT, 1);
    if (rc != SQLITE_OK) {
      return rc;
    }
  }
  auto handle = std::unique_ptr<TableHandle>(new (std::nothrow) TableHandle());
  if (!handle) {
    return SQLITE_NOMEM;
  }
  const Status made = CatchAsStatus("virtual table", [&] {
    handle->table = module.table.make(schemas);
    handle->slot = module.slot;
    handle->name = module.table.name;
  });
  if (!made.ok()) {
    return SQLITE_NOMEM;
  }
  *table = &handle.release()->base;
  return SQLITE_OK;
}

int Disconnect(sqlite3_vtab* table) {
  delete &HandleOf(table);
  return SQLITE_OK;
}

int BestIndex(sqlite3_vtab* table, sqlite3_index_info* info) {
  bool possible = true;
  const int rc = Guard(table, [&](StatementContext& statement) -> Status {
    DASHI_ASSIGN_OR_RETURN(possible, HandleOf(table).table->Plan(statement, info));
    return Status();
  });
  return rc == SQLITE_OK && !possible ? SQLITE_CONSTRAINT : rc;
}

int Open(sqlite3_vtab* table, sqlite3_vtab_cursor** cursor) {
  return Guard(table, [&](StatementContext& statement) -> Status {
    auto handle = std::make_unique<CursorHandle>();
    DASHI_ASSIGN_OR_RETURN(handle->cursor, HandleOf(table).table->Open(statement));
    if (statement.analysis != nullptr) {
      handle->cursor =
          statement.analysis->Measure(HandleOf(table).name, std::move(handle->cursor), statement);
    }
    *cursor = &handle.release()->base;
    return Status();
  });
}

int Close(sqlite3_vtab_cursor* cursor) {
  delete &HandleOf(cursor);
  return SQLITE_OK;
}

int Filter(sqlite3_vtab_cursor* cursor, int plan, const char* plan_text, int num_arguments,
           sqlite3_value** arguments) {
  return Guard(cursor->pVtab, [&](StatementContext&) {
    return HandleOf(cursor).cursor->Filter(
        plan, plan_text == nullptr ? std::string_view() : std::string_view(plan_text),
        std::span(arguments, static_cast<std::size_t>(num_arguments)));
  });
}

int Next(sqlite3_vtab_cursor* cursor) {
  return Guard(cursor->pVtab, [&](StatementContext&) { return HandleOf(cursor).cursor->Next(); });
}

int AtEnd(sqlite3_vtab_cursor* cursor) { return HandleOf(cursor).cursor->AtEnd() ? 1 : 0; }

int Column(sqlite3_vtab_cursor* cursor, sqlite3_context* context, int column) {
  const int rc = Guard(cursor->pVtab, [&](StatementContext&) {
    return HandleOf(cursor).cursor->Column(column, context);
  });
  if (rc != SQLITE_OK) {
    sqlite3_result_error(context, cursor->pVtab->zErrMsg, -1);
  }
  return rc;
}

int RowId(sqlite3_vtab_cursor* cursor, sqlite3_int64* row_id) {
  *row_id = HandleOf(cursor).cursor->RowId();
  return SQLITE_OK;
}

ConflictPolicy PolicyOf(sqlite3* connection) {
  switch (sqlite3_vtab_on_conflict(connection)) {
    case SQLITE_REPLACE:
      return ConflictPolicy::kReplace;
    case SQLITE_IGNORE:
      return ConflictPolicy::kIgnore;
    default:
      return ConflictPolicy::kFail;  // The statement's savepoint undoes it as a whole.
  }
}

int Update(sqlite3_vtab* table, int num_values, sqlite3_value** values, sqlite3_int64* row_id) {
  return Guard(table, [&](StatementContext& statement) -> Status {
    VirtualTable& target = *HandleOf(table).table;
    const std::int64_t old_row =
        sqlite3_value_type(values[0]) == SQLITE_NULL ? -1 : sqlite3_value_int64(values[0]);
    if (num_values == 1) {
      return target.Delete(statement, old_row);
    }
    const bool new_row_given = sqlite3_value_type(values[1]) != SQLITE_NULL;
    if (new_row_given && sqlite3_value_int64(values[1]) != old_row) {
      return Status::InvalidArgument("rowid cannot be set").WithSqlState("428C9");
    }
    const auto columns = std::span(values, static_cast<std::size_t>(num_values)).subspan(2);
    const ConflictPolicy policy = PolicyOf(statement.sqlite->handle());
    if (old_row < 0) {
      *row_id = 0;
      return target.Insert(statement, columns, policy);
    }
    return target.Update(statement, old_row, columns, policy);
  });
}

constexpr sqlite3_module MakeModule(bool writable) {
  sqlite3_module module{};
  module.iVersion = 1;
  module.xConnect = Connect;  // Without xCreate the table exists by its name alone.
  module.xBestIndex = BestIndex;
  module.xDisconnect = Disconnect;
  module.xOpen = Open;
  module.xClose = Close;
  module.xFilter = Filter;
  module.xNext = Next;
  module.xEof = AtEnd;
  module.xColumn = Column;
  module.xRowid = RowId;
  module.xUpdate = writable ? Update : nullptr;
  return module;
}

constexpr sqlite3_module kReadOnlyModule = MakeModule(false);
constexpr sqlite3_module kWritableModule = MakeModule(true);

}  // namespace

Status VirtualTable::Insert(StatementContext& /*statement*/, std::span<sqlite3_value*> /*columns*/,
                            ConflictPolicy /*policy*/) {
  return Status::InvalidArgument("the table is read-only").WithSqlState("42809");
}

Status VirtualTable::Update(StatementContext& /*statement*/, std::int64_t /*row_id*/,
                            std::span<sqlite3_value*> /*columns*/, ConflictPolicy /*policy*/) {
  return Status::InvalidArgument("the table is read-only").WithSqlState("42809");
}

Status VirtualTable::Delete(StatementContext& /*statement*/, std::int64_t /*row_id*/) {
  return Status::InvalidArgument("the table is read-only").WithSqlState("42809");
}

Status RegisterTable(sqlite3* connection, const TableDefinition& table, StatementSlot* slot) {
  auto data = std::make_unique<ModuleData>(ModuleData{table, slot});
  // SQLite deletes the data with the connection, and also when this call fails.
  const int rc = sqlite3_create_module_v2(
      connection, table.name, table.writable ? &kWritableModule : &kReadOnlyModule, data.release(),
      [](void* owned) { delete static_cast<ModuleData*>(owned); });
  return rc == SQLITE_OK ? Status() : Status::Internal("a table cannot be registered");
}

Value ValueFromSqlite(sqlite3_value* value) {
  switch (sqlite3_value_type(value)) {
    case SQLITE_INTEGER:
      return Value::Integer(sqlite3_value_int64(value));
    case SQLITE_FLOAT:
      return Value::Real(sqlite3_value_double(value));
    case SQLITE_TEXT:
      return Value::Text(std::string(TextOf(value)));
    case SQLITE_BLOB: {
      const auto* bytes = static_cast<const char*>(sqlite3_value_blob(value));
      const auto size = static_cast<std::size_t>(sqlite3_value_bytes(value));
      if (bytes == nullptr && size > 0) {
        return Value::Null();  // There is no memory, with which SQLite ends the statement.
      }
      return Value::Bytes(size == 0 ? std::string() : std::string(bytes, size));
    }
    default:
      return Value::Null();
  }
}

void SetSqliteText(sqlite3_context* context, std::string_view text) {
  sqlite3_result_text64(context, text.data() == nullptr ? "" : text.data(), text.size(),
                        SQLITE_TRANSIENT, SQLITE_UTF8);
}

void SetSqliteResult(sqlite3_context* context, const Value& value) {
  switch (value.type()) {
    case ValueType::kNull:
      sqlite3_result_null(context);
      return;
    case ValueType::kInteger:
      sqlite3_result_int64(context, value.integer());
      return;
    case ValueType::kReal:
      sqlite3_result_double(context, value.real());
      return;
    case ValueType::kText:
      SetSqliteText(context, value.text());
      return;
    case ValueType::kBlob:
      sqlite3_result_blob64(context, value.bytes().data() == nullptr ? "" : value.bytes().data(),
                            value.bytes().size(), SQLITE_TRANSIENT);
      return;
  }
}

std::string_view TextOf(sqlite3_value* value) {
  const auto* text = reinterpret_cast<const char*>(sqlite3_value_text(value));
  return text == nullptr
             ? std::string_view()
             : std::string_view(text, static_cast<std::size_t>(sqlite3_value_bytes(value)));
}

double ShortestDouble(float value) {
  std::array<char, 32> digits{};
  const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  double wide = static_cast<double>(value);  // Stays for infinities and NaN.
  std::from_chars(digits.data(), written.ptr, wide);
  return wide;
}

Status SetPlanText(sqlite3_index_info* info, const std::string& text) {
  info->idxStr = sqlite3_mprintf("%s", text.c_str());
  if (info->idxStr == nullptr) {
    return MemoryScope::OutOfMemory();
  }
  info->needToFreeIdxStr = 1;
  return Status();
}

}  // namespace dashi::sql
