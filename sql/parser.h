#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/memory_account.h"
#include "dashi/status.h"
#include "sql/ast.h"
#include "sql/token.h"

namespace dashi::sql {

/// One parsed statement. It owns the SQL text it was cut out of, which its tokens and positions
/// refer to; moving it is cheap and keeps them valid.
struct ParsedStatement {
  /// The whole SQL text. Sharers: the statements of one script.
  std::shared_ptr<const std::string> source;
  std::vector<Token> tokens;  ///< of this statement; ends with kEnd
  std::size_t num_parameters = 0;
  StatementNode node;
  /// Of the tokens. Sharers: copies of the statement, and parts of it.
  std::shared_ptr<const MemoryCharge> memory;

  std::size_t begin_offset() const { return tokens.front().offset; }
  /// The statement as written, without its semicolon.
  std::string_view text() const;
  std::size_t end_offset() const;
  /// Adds the position of a byte offset in the source to an error.
  Status At(Status status, std::size_t offset) const;
};

/// Takes an SQL text apart, one statement at a time, so that the statements before a faulty one can
/// run.
///
/// Errors:  kInvalidArgument (42601) with the position and what was expected; kUnimplemented
/// (0A000)
///          for statements and spellings that exist elsewhere; 22021 for text that is not UTF-8.
/// Threads: one thread at a time.
class Parser {
 public:
  explicit Parser(std::string_view sql);

  /// Parses the next statement; nullopt at the end of the text. After an error there is no next.
  Result<std::optional<ParsedStatement>> Next();

 private:
  std::shared_ptr<const std::string> source_;  // Sharers: the statements.
  std::size_t at_ = 0;
};

/// Parses a text that holds exactly one statement.
///
/// Errors: as Parser; kInvalidArgument (42601) for none or for several.
Result<ParsedStatement> ParseOne(std::string_view sql);

}  // namespace dashi::sql
