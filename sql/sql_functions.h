#pragma once

#include <string>
#include <vector>

#include <sqlite3.h>

#include "dashi/status.h"
#include "sql/statement_context.h"

namespace dashi::sql {

/// Registers dashi's functions: version(), now(), current_database(), current_schema(),
/// current_setting(name), pg_backend_pid(), and those of the files beside this one.
Status RegisterFunctions(sqlite3* connection, StatementSlot* slot);

/// The names of all functions, SQLite's and ours.
std::vector<std::string> ListFunctions();

}  // namespace dashi::sql
