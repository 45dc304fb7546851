#include "sql/lexer.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "base/dollar_quote.h"
#include "base/status.h"
#include "sql/string_escapes.h"
#include "storage/row_check.h"

namespace dashi::sql {

namespace {

/// The highest n of `$n`: SQLite's own limit.
constexpr std::uint32_t kParameterMax = 32766;
constexpr std::size_t kTokensPerCharge = 1024;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsSpace(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}
bool IsHexDigit(char c) { return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool IsNameStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool IsNamePart(char c) { return IsNameStart(c) || IsDigit(c) || c == '$'; }

class Lexer {
 public:
  Lexer(std::string_view sql, std::size_t begin) : sql_(sql), at_(begin) {}

  Result<LexedStatement> Run() {
    LexedStatement statement;
    for (;;) {
      DASHI_RETURN_IF_ERROR(SkipSpaceAndComments());
      if (at_ >= sql_.size() || (sql_[at_] == ';' && !statement.tokens.empty())) {
        break;
      }
      if (sql_[at_] == ';') {
        ++at_;
        continue;
      }
      DASHI_ASSIGN_OR_RETURN(const Token token, Next());
      statement.num_parameters = std::max<std::size_t>(statement.num_parameters, token.parameter);
      statement.tokens.push_back(token);
      if (statement.tokens.size() % kTokensPerCharge == 0) {
        DASHI_RETURN_IF_ERROR(statement.memory.Resize(statement.tokens.capacity() * sizeof(Token)));
      }
    }
    // An error at the end points behind the last word, not behind the blank lines after it.
    Token end;
    end.offset = statement.tokens.empty()
                     ? at_
                     : statement.tokens.back().offset + statement.tokens.back().text.size();
    end.text = sql_.substr(end.offset, 0);
    statement.tokens.push_back(end);
    statement.end_offset = std::min(sql_.size(), at_ + 1);
    return statement;
  }

 private:
  char Peek(std::size_t ahead) const {
    return at_ + ahead < sql_.size() ? sql_[at_ + ahead] : '\0';
  }

  Status SyntaxError(std::size_t offset, std::string message) const {
    return Status::InvalidArgument(std::move(message))
        .WithSqlState("42601")
        .WithPosition(PositionAt(sql_, offset));
  }

  Status Unsupported(std::size_t offset, std::string message, std::string hint) const {
    return Status::Unimplemented(std::move(message))
        .WithPosition(PositionAt(sql_, offset))
        .WithHint(std::move(hint));
  }

  Token Make(TokenKind kind, std::size_t begin) const {
    Token token;
    token.kind = kind;
    token.text = sql_.substr(begin, at_ - begin);
    token.offset = begin;
    return token;
  }

  Status SkipSpaceAndComments() {
    while (at_ < sql_.size()) {
      if (IsSpace(sql_[at_])) {
        ++at_;
      } else if (Peek(0) == '-' && Peek(1) == '-') {
        const std::size_t newline = sql_.find('\n', at_);
        at_ = newline == std::string_view::npos ? sql_.size() : newline + 1;
      } else if (Peek(0) == '/' && Peek(1) == '*') {
        const std::size_t close = sql_.find("*/", at_ + 2);
        if (close == std::string_view::npos) {
          return SyntaxError(at_, "unterminated comment: expected */");
        }
        const std::size_t nested = sql_.substr(0, close).find("/*", at_ + 2);
        if (nested != std::string_view::npos) {
          return Unsupported(nested, "nested comments are not supported",
                             "Close the first comment before the second begins.");
        }
        at_ = close + 2;
      } else {
        break;
      }
    }
    return Status();
  }

  Result<Token> Next() {
    const char c = sql_[at_];
    if (c == '\'') {
      return Quoted(TokenKind::kString, at_);
    }
    if (c == '"') {
      return Quoted(TokenKind::kQuotedIdentifier, at_);
    }
    if (IsNameStart(c)) {
      return Name();
    }
    if (IsDigit(c) || (c == '.' && IsDigit(Peek(1)))) {
      return Number();
    }
    if (c == '$') {
      return Parameter();
    }
    return Operator();
  }

  // Reads a quoted token whose opening quote stands at at_ and whose text begins at `begin`.
  Result<Token> Quoted(TokenKind kind, std::size_t begin) {
    const char quote = sql_[at_];
    const std::size_t open = at_;
    for (++at_;; ++at_) {
      at_ = sql_.find(quote, at_);
      if (at_ == std::string_view::npos) {
        at_ = sql_.size();
        return SyntaxError(open, quote == '"' ? "unterminated quoted name: expected \""
                                              : "unterminated string: expected '");
      }
      if (Peek(1) != quote) {
        break;
      }
      ++at_;
    }
    ++at_;
    if (kind == TokenKind::kQuotedIdentifier && at_ - open == 2) {
      return SyntaxError(open, "a quoted name is empty");
    }
    return Make(kind, begin);
  }

  Result<Token> Name() {
    const std::size_t begin = at_;
    while (at_ < sql_.size() && IsNamePart(sql_[at_])) {
      ++at_;
    }
    const std::string_view name = sql_.substr(begin, at_ - begin);
    const bool unicode_escape = Peek(0) == '&' && (Peek(1) == '\'' || Peek(1) == '"');
    if (Peek(0) != '\'' && !(unicode_escape && EqualsIgnoreCase(name, "u"))) {
      return Make(TokenKind::kIdentifier, begin);
    }
    if (EqualsIgnoreCase(name, "x")) {
      return Blob(begin);
    }
    if (EqualsIgnoreCase(name, "e")) {
      return EscapedString(begin);
    }
    if (unicode_escape || EqualsIgnoreCase(name, "b") || EqualsIgnoreCase(name, "n")) {
      return Unsupported(begin, "strings with a prefix are not supported: " + std::string(name),
                         "Write a plain '...' string; x'00ff' makes bytes.");
    }
    return Make(TokenKind::kIdentifier, begin);
  }

  // E'...', whose opening quote stands at at_.
  Result<Token> EscapedString(std::size_t begin) {
    for (++at_; at_ < sql_.size(); ++at_) {
      if (Peek(0) == '\\' || (Peek(0) == '\'' && Peek(1) == '\'')) {
        ++at_;
      } else if (Peek(0) == '\'') {
        ++at_;
        Token token = Make(TokenKind::kString, begin);
        if (!DecodeEscapes(token.text.substr(2, token.text.size() - 3))) {
          return Status::InvalidArgument("the escapes of a string E'...' give no text")
              .WithSqlState("22025")
              .WithPosition(PositionAt(sql_, begin));
        }
        return token;
      }
    }
    at_ = sql_.size();
    return SyntaxError(begin, "unterminated string: expected '");
  }

  Result<Token> Blob(std::size_t begin) {
    DASHI_ASSIGN_OR_RETURN(const Token token, Quoted(TokenKind::kBlob, begin));
    const std::string_view digits = token.text.substr(2, token.text.size() - 3);
    if (digits.size() % 2 != 0 || !std::all_of(digits.begin(), digits.end(), IsHexDigit)) {
      return SyntaxError(begin, "bytes in x'...' are not pairs of hexadecimal digits");
    }
    return token;
  }

  void SkipDigits() {
    while (IsDigit(Peek(0))) {
      ++at_;
    }
  }

  Result<Token> Number() {
    const std::size_t begin = at_;
    TokenKind kind = TokenKind::kInteger;
    if (Peek(0) == '0' && (Peek(1) == 'x' || Peek(1) == 'X') && IsHexDigit(Peek(2))) {
      at_ += 2;
      while (IsHexDigit(Peek(0))) {
        ++at_;
      }
    } else {
      SkipDigits();
      if (Peek(0) == '.') {
        kind = TokenKind::kDecimal;
        ++at_;
        SkipDigits();
      }
      const bool sign = Peek(1) == '+' || Peek(1) == '-';
      if ((Peek(0) == 'e' || Peek(0) == 'E') && IsDigit(Peek(sign ? 2 : 1))) {
        kind = TokenKind::kDecimal;
        at_ += sign ? 2 : 1;
        SkipDigits();
      }
    }
    if (IsNamePart(Peek(0))) {
      while (IsNamePart(Peek(0))) {
        ++at_;
      }
      return SyntaxError(begin, "trailing letters after a number: " +
                                    std::string(sql_.substr(begin, at_ - begin)));
    }
    return Make(kind, begin);
  }

  // $tag$text$tag$, which begins at `begin`.
  Result<Token> DollarQuoted(std::size_t begin, std::size_t tag_bytes) {
    const std::string_view tag = std::string_view(sql_).substr(begin, tag_bytes);
    const std::size_t close = sql_.find(tag, begin + tag_bytes);
    if (close == std::string_view::npos) {
      return SyntaxError(begin, "unterminated dollar-quoted string: expected " + std::string(tag));
    }
    at_ = close + tag_bytes;
    return Make(TokenKind::kString, begin);
  }

  Result<Token> Parameter() {
    const std::size_t begin = at_++;
    if (!IsDigit(Peek(0))) {
      const std::size_t tag_bytes = DollarTagBytes(std::string_view(sql_).substr(begin));
      if (tag_bytes > 0) {
        return DollarQuoted(begin, tag_bytes);
      }
      return SyntaxError(begin, "syntax error at or near \"$\": expected a parameter such as $1");
    }
    SkipDigits();
    Token token = Make(TokenKind::kParameter, begin);
    for (const char digit : token.text.substr(1)) {
      token.parameter = token.parameter * 10 + static_cast<std::uint32_t>(digit - '0');
      if (token.parameter > kParameterMax) {
        break;
      }
    }
    if (token.parameter == 0 || token.parameter > kParameterMax) {
      return Status::InvalidArgument("there is no parameter " + std::string(token.text) +
                                     ": parameters are $1 to $" + std::to_string(kParameterMax))
          .WithSqlState("42P02")
          .WithPosition(PositionAt(sql_, begin));
    }
    if (IsNamePart(Peek(0))) {
      return SyntaxError(begin, "trailing letters after a parameter: " + std::string(token.text));
    }
    return token;
  }

  Result<Token> Operator() {
    static constexpr std::string_view kLong[] = {
        "!~~*", "||/", "->>", "<->", "<=>", "<#>", "<+>", "#>>", "!~~", "!~*", "~~*", "::",
        "||",   "<=",  ">=",  "<>",  "!=",  "==",  "<<",  ">>",  "->",  "=>",  ":=",  "@@",
        "|/",   "~~",  "!~",  "~*",  "@>",  "<@",  "&&",  "#>",  "#-",  "?|",  "?&"};
    static constexpr std::string_view kSingle = "()+-*/%,.<>=&|~@:?!#^[]{}";
    const std::size_t begin = at_;
    for (const std::string_view op : kLong) {
      if (sql_.substr(at_, op.size()) == op) {
        at_ += op.size();
        return Make(TokenKind::kOperator, begin);
      }
    }
    if (kSingle.find(sql_[at_]) == std::string_view::npos) {
      return SyntaxError(at_, "syntax error at or near \"" + std::string(1, sql_[at_]) +
                                  "\": this character has no meaning in SQL");
    }
    ++at_;
    return Make(TokenKind::kOperator, begin);
  }

  std::string_view sql_;
  std::size_t at_;
};

}  // namespace

Status CheckSqlText(std::string_view sql) {
  const std::size_t nul = sql.find('\0');
  if (nul != std::string_view::npos) {
    return Status::InvalidArgument("the SQL text contains a NUL byte")
        .WithSqlState("22021")
        .WithPosition(PositionAt(sql, nul));
  }
  if (storage::IsUtf8(sql)) {
    return Status();
  }
  // The longest valid prefix tells where the damage is; an error may take a moment.
  std::size_t valid = 0;
  for (std::size_t size = 1; valid + size <= sql.size() && size <= 4;) {
    if (storage::IsUtf8(sql.substr(valid, size))) {
      valid += size;
      size = 1;
    } else {
      ++size;
    }
  }
  return Status::InvalidArgument("the SQL text is not valid UTF-8")
      .WithSqlState("22021")
      .WithPosition(PositionAt(sql, valid));
}

Result<LexedStatement> LexStatement(std::string_view sql, std::size_t begin) {
  return Lexer(sql, begin).Run();
}

}  // namespace dashi::sql
