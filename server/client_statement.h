#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "dashi/status.h"
#include "sql/postgres/types.h"

namespace dashi {

// The statements that are about a client's connection, not about the database: its cursors, its
// prepared statements, and what pools send to reset it.

/// A part of a statement's text.
struct StatementPart {
  std::string text;
  std::size_t offset = 0;  ///< of its first byte in the statement
};

/// DECLARE name [INSENSITIVE | ASENSITIVE] [NO SCROLL] CURSOR [WITH | WITHOUT HOLD] FOR query
struct DeclareCursor {
  std::string name;
  bool held = false;
  StatementPart query;
};

/// FETCH | MOVE [NEXT | [FORWARD] [n | ALL]] [FROM | IN] name
struct FetchCursor {
  static constexpr std::uint64_t kAll = std::numeric_limits<std::uint64_t>::max();
  std::string name;
  std::uint64_t num_rows = 1;
  bool moves = false;  ///< MOVE: the rows are passed over
};

/// CLOSE name | ALL
struct CloseCursor {
  std::optional<std::string> name;
};

/// PREPARE name [(type, ...)] AS statement
struct PrepareStatement {
  std::string name;
  std::vector<sql::postgres::CastTarget> parameter_types;
  StatementPart statement;
};

/// EXECUTE name [(value, ...)]
struct ExecutePrepared {
  std::string name;
  StatementPart values;  ///< expressions, with commas between them; "" for none
};

/// DEALLOCATE [PREPARE] name | ALL
struct Deallocate {
  std::optional<std::string> name;
};

/// DISCARD ALL | PLANS | SEQUENCES | TEMP | TEMPORARY
struct Discard {
  bool all = false;
  std::string what;  ///< as its command tag has it
};

/// SET SESSION AUTHORIZATION DEFAULT, RESET SESSION AUTHORIZATION: there is one user.
struct ResetUser {
  std::string tag;
};

/// UNLISTEN name | *: nobody listens.
struct Unlisten {};

/// SELECT pg_advisory_unlock_all(): there are no such locks.
struct UnlockAll {};

/// What psql asks after `\gdesc`, with what Describe told it: SELECT name AS "Column",
/// pg_catalog.format_type(tp, tpm) AS "Type" FROM (VALUES (...), ...) s(name, tp, tpm)
struct NameTypes {
  std::string name_heading;
  std::string type_heading;
  std::vector<std::pair<std::string, std::string>> columns;  ///< names, and numbers of types
};

using ClientStatement =
    std::variant<DeclareCursor, FetchCursor, CloseCursor, PrepareStatement, ExecutePrepared,
                 Deallocate, Discard, ResetUser, Unlisten, UnlockAll, NameTypes>;

/// Returns what a statement is when it is one of these; nullopt for the database's own.
///
/// Errors: 42601 with a position for one with a wrong form; 0A000 for cursors that go backwards,
/// are
///         binary or without a query; 55000 for fetching backwards.
Result<std::optional<ClientStatement>> ParseClientStatement(std::string_view statement);

/// 55000: what would have a cursor go backwards.
Status OnlyForwards();

}  // namespace dashi
