#pragma once

#include <sqlite3.h>

#include "dashi/status.h"
#include "sql/statement_context.h"

namespace dashi::sql {

/// The statement that runs, of a function that was registered with the connection's StatementSlot.
StatementContext& StatementOf(sqlite3_context* context);

/// Ends a function's call, and with it the statement, which fails with `status` unless something
/// failed before.
void FailFunction(sqlite3_context* context, const Status& status);

}  // namespace dashi::sql
