#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "base/memory_account.h"
#include "dashi/status.h"
#include "sql/token.h"

namespace dashi::sql {

/// One statement cut out of an SQL text.
struct LexedStatement {
  std::vector<Token> tokens;   ///< ends with a kEnd token; only that one when there is no statement
  std::size_t end_offset = 0;  ///< behind the statement's semicolon: where the next one begins
  std::size_t num_parameters = 0;  ///< the highest n of `$n`
  MemoryCharge memory;             ///< of the tokens
};

/// Checks that a whole SQL text is UTF-8 without NUL.
///
/// Errors: kInvalidArgument (22021) with the position of the first bad byte.
Status CheckSqlText(std::string_view sql);

/// Cuts the statement that begins at byte `begin` into tokens, up to a semicolon or the end.
/// Semicolons before the statement, white space and comments are skipped. Token offsets count from
/// the start of `sql`, whose bytes must outlive the tokens.
///
/// Errors: kInvalidArgument (42601) with a position for an unterminated quote or comment, a number
///         with trailing letters or a character outside SQL; kUnimplemented (0A000) for PostgreSQL
///         spellings that SQLite would read differently: E'', B'', N'', U&'', $tag$, nested
///         comments.
Result<LexedStatement> LexStatement(std::string_view sql, std::size_t begin);

}  // namespace dashi::sql
