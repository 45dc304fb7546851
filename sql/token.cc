#include "sql/token.h"

#include <algorithm>

#include "sql/string_escapes.h"

namespace dashi::sql {

namespace {

char LowerAscii(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Takes the outer quotes off and halves the doubled ones inside.
std::string Unquote(std::string_view quoted) {
  const char quote = quoted.front();
  std::string out;
  out.reserve(quoted.size());
  for (std::size_t i = 1; i + 1 < quoted.size(); ++i) {
    out.push_back(quoted[i]);
    if (quoted[i] == quote) {
      ++i;
    }
  }
  return out;
}

}  // namespace

bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return LowerAscii(x) == LowerAscii(y);
         });
}

std::string ToLowerAscii(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), LowerAscii);
  return out;
}

bool Token::IsKeyword(std::string_view upper) const {
  return kind == TokenKind::kIdentifier && EqualsIgnoreCase(text, upper);
}

bool Token::IsOperator(std::string_view op) const {
  return kind == TokenKind::kOperator && text == op;
}

std::string Token::Name() const {
  return kind == TokenKind::kQuotedIdentifier ? Unquote(text) : ToLowerAscii(text);
}

std::string Token::StringValue() const {
  if (!IsPostgresString()) {
    return Unquote(text);
  }
  if (text.front() == '$') {
    const std::size_t tag_bytes = text.find('$', 1) + 1;
    return std::string(text.substr(tag_bytes, text.size() - 2 * tag_bytes));
  }
  return DecodeEscapes(text.substr(2, text.size() - 3)).value_or(std::string());
}

SourcePosition PositionAt(std::string_view sql, std::size_t offset) {
  SourcePosition position;
  position.offset = std::min(offset, sql.size());
  for (std::size_t i = 0; i < position.offset; ++i) {
    const auto byte = static_cast<unsigned char>(sql[i]);
    if (byte == '\n') {
      ++position.line;
      position.column = 1;
    } else if ((byte & 0xC0U) != 0x80U) {  // Continuation bytes belong to the code point before.
      ++position.column;
    }
  }
  return position;
}

}  // namespace dashi::sql
