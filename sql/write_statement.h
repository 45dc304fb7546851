#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/memory_account.h"
#include "dashi/result_set.h"
#include "dashi/status.h"
#include "dashi/value.h"
#include "sql/parser.h"
#include "sql/sqlite_connection.h"
#include "sql/statement_context.h"

namespace dashi::sql {

/// INSERT, UPDATE or DELETE.
const char* WriteWord(SqliteVerb verb);

/// What a write did.
struct WriteOutcome {
  std::uint64_t rows_changed = 0;
  std::vector<dashi::Column> columns;  ///< of RETURNING; empty without
  std::vector<Row> rows;
  MemoryCharge memory;  ///< of the rows
};

/// Runs an INSERT, UPDATE or DELETE in the transaction of `context`, with what FindWriteClauses has
/// found of it. `compiled` is MainText.
///
/// Rows come back in the order in which they were written; of a DELETE as they were before.
///
/// Errors: those of the rows that it writes; 42P10 for ON CONFLICT of columns that are no key,
/// 21000
///         when it would change a row twice. The caller undoes what was written.
/// Cost:   that of the statement, a look-up for each row that comes back or has a key that exists,
///         and the memory of these rows.
Result<WriteOutcome> RunWriteStatement(SqliteConnection& sqlite, const ParsedStatement& statement,
                                       std::span<const Value> values,
                                       const CompiledStatement& compiled,
                                       StatementContext& context);

}  // namespace dashi::sql
