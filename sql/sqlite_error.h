#pragma once

#include <sqlite3.h>

#include "dashi/status.h"
#include "sql/parser.h"
#include "sql/sqlite_text.h"
#include "sql/user_schemas.h"

namespace dashi::sql {

/// Turns the last error of a SQLite connection into a Status with SQLSTATE, position in the SQL
/// text and the nearest known name, user columns of `schemas` included. `text`: what SQLite was
/// given of the statement; null once it has compiled it.
///
/// Errors: never ok.
Status SqliteErrorStatus(sqlite3* connection, int rc, const ParsedStatement& statement,
                         const UserSchemas& schemas, const SqliteText* text);

}  // namespace dashi::sql
