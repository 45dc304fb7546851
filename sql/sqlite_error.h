#pragma once

#include <cstddef>

#include <sqlite3.h>

#include "dashi/status.h"
#include "sql/parser.h"
#include "sql/user_schemas.h"

namespace dashi::sql {

/// Turns the last error of a SQLite connection into a Status with SQLSTATE, position in the SQL
/// text and the nearest known name, user columns of `schemas` included. SQLite was given the
/// statement's text with `added_bytes` more in front.
///
/// Errors: never ok.
Status SqliteErrorStatus(sqlite3* connection, int rc, const ParsedStatement& statement,
                         const UserSchemas& schemas, std::size_t added_bytes);

}  // namespace dashi::sql
