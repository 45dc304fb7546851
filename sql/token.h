#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/status.h"

namespace dashi::sql {

enum class TokenKind : std::uint8_t {
  kIdentifier,        ///< a name or keyword without quotes
  kQuotedIdentifier,  ///< "name"
  kString,            ///< 'text', E'text' with escapes, or $$text$$
  kBlob,              ///< x'00ff'
  kInteger,           ///< 12, 0x1f
  kDecimal,           ///< 1.5, 1e3
  kParameter,         ///< $1
  kOperator,          ///< punctuation: one or more characters
  kEnd,               ///< the end of the statement
};

/// A piece of a statement.
struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string_view text;        ///< as written, quotes included
  std::size_t offset = 0;       ///< of `text` in the whole SQL text, in bytes
  std::uint32_t parameter = 0;  ///< n of `$n`

  /// Whether this is the keyword `upper` (in capitals), however it is written.
  bool IsKeyword(std::string_view upper) const;
  bool IsOperator(std::string_view op) const;
  /// The name an identifier stands for: lower case unless quoted.
  std::string Name() const;
  /// The content of a string literal.
  std::string StringValue() const;
  /// Whether it is a string literal that SQLite does not have: E'...' or $tag$...$tag$.
  bool IsPostgresString() const { return kind == TokenKind::kString && text.front() != '\''; }
};

/// Returns line and column of a byte offset. Columns count code points.
SourcePosition PositionAt(std::string_view sql, std::size_t offset);

/// Returns whether two names are the same but for ASCII case.
bool EqualsIgnoreCase(std::string_view a, std::string_view b);
std::string ToLowerAscii(std::string_view text);

}  // namespace dashi::sql
