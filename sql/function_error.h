#pragma once

#include <sqlite3.h>

#include "dashi/status.h"
#include "sql/statement_context.h"

namespace dashi::sql {

/// The statement that runs, of a function that was registered with the connection's StatementSlot,
/// while it computes a row.
StatementContext& StatementOf(sqlite3_context* context);

/// Ends a function's call, and with it the statement, which fails with `status` unless something
/// failed before.
void FailFunction(sqlite3_context* context, StatementSlot* slot, Status status);
/// The same of a function that was registered with the slot.
void FailFunction(sqlite3_context* context, Status status);

}  // namespace dashi::sql
