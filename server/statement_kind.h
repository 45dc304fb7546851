#pragma once

#include <cstdint>
#include <string_view>

namespace dashi {

/// What a statement is to its transaction and to the portals beside it, by its first words.
enum class StatementKind : std::uint8_t {
  kBegin,
  kCommit,
  kRollback,
  kSavepoint,   ///< SAVEPOINT, RELEASE
  kRollbackTo,  ///< ROLLBACK TO
  kQuery,       ///< SELECT, VALUES, a WITH that reads: rows as they are pulled
  kSetting,     ///< SET, RESET, DISCARD: may change what clients are told of
  kRead,        ///< SHOW, EXPLAIN; statements about cursors and prepared statements
  kWrite,       ///< INSERT, UPDATE, DELETE, also behind a WITH
  kOther,       ///< what may write, and may refuse to run in a transaction
};

StatementKind KindOf(std::string_view statement);

/// Whether a failed transaction block takes statements of this kind.
bool LeavesFailedBlock(StatementKind kind);

}  // namespace dashi
