#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/status.h"
#include "sql/ast.h"
#include "sql/token.h"

namespace dashi::sql {

/// Reads the tokens of one statement and says what was expected when something else stands there.
///
/// Errors: kInvalidArgument (42601) with a position; the hint names the nearest keyword to a slip.
class TokenStream {
 public:
  TokenStream(std::string_view sql, std::span<const Token> tokens) : sql_(sql), tokens_(tokens) {}

  const Token& Peek(std::size_t ahead = 0) const;
  const Token& Take();
  bool AtEnd() const { return Peek().kind == TokenKind::kEnd; }

  /// Take the token when it is this keyword (in capitals) or operator.
  bool TakeKeyword(std::string_view upper);
  bool TakeOperator(std::string_view op);

  Status ExpectKeyword(std::string_view upper);
  Status ExpectOperator(std::string_view op);
  /// Takes one of several keywords and returns its number.
  Result<std::size_t> ExpectOneOf(std::span<const std::string_view> uppers);
  Result<std::string> ExpectName(std::string_view what);
  Result<std::string> ExpectString(std::string_view what);
  Result<std::uint64_t> ExpectInteger(std::string_view what, std::uint64_t max);
  Status ExpectEnd();

  /// Takes `model` or `model@number`.
  Result<ReleaseName> ExpectReleaseName();
  /// Takes `(name = value, ...)`. The value may be a string, a signed number or a word, and the
  /// equals sign may be left out before it, as PostgreSQL allows.
  Result<std::vector<OptionNode>> ExpectOptions();
  /// Takes a string, a signed number or a word.
  Result<std::string> ExpectOptionValue();

  /// The error for the token that stands here; `candidates` are the keywords that could.
  Status SyntaxError(std::string_view expected,
                     std::span<const std::string_view> candidates = {}) const;
  SourcePosition PositionOf(const Token& token) const;
  SourcePosition PositionOfOffset(std::size_t offset) const;
  std::string_view TextOf(TextRange range) const;
  /// Behind the token that was taken last; 0 before the first.
  std::size_t PreviousEnd() const;
  /// A stream over other tokens of the same text, which end with kEnd; borrowed.
  TokenStream Within(std::span<const Token> tokens) const { return {sql_, tokens}; }
  /// 0A000 at a token.
  Status Unsupported(const Token& token, std::string message, std::string hint = {}) const;

 private:
  std::string_view sql_;
  std::span<const Token> tokens_;
  std::size_t at_ = 0;
};

}  // namespace dashi::sql
