#pragma once

#include <string_view>

#include "sql/parser.h"
#include "sql/sqlite_text.h"
#include "sql/user_schemas.h"

namespace dashi::sql {

// What SQLite is given of a statement, and of the clauses of a write that dashi carries out itself.
// `replaced`: what takes the place of PostgreSQL's spellings in it.

/// The statement, behind a prefix. Of an INSERT or UPDATE all but ON CONFLICT and RETURNING; in the
/// place of a DELETE with USING or RETURNING a SELECT of the rows to delete: their row numbers,
/// then what RETURNING asks for.
SqliteText MainText(const ParsedStatement& statement, const TextReplacements& replaced,
                    std::string_view prefix);

/// ON CONFLICT DO UPDATE as an UPDATE of the listed rows (kListedRowsTable), whose values are
/// `excluded`.
SqliteText UpsertText(const ParsedStatement& statement, const TextReplacements& replaced,
                      const UserSchemas& schemas);

/// RETURNING as a SELECT of the listed rows.
SqliteText ReturningText(const ParsedStatement& statement, const TextReplacements& replaced);

}  // namespace dashi::sql
