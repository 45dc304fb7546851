#include "sql/token_stream.h"

#include <charconv>
#include <utility>

#include "base/nearest_name.h"
#include "base/status.h"

namespace dashi::sql {

const Token& TokenStream::Peek(std::size_t ahead) const {
  const std::size_t index = at_ + ahead;
  return index < tokens_.size() ? tokens_[index] : tokens_.back();
}

const Token& TokenStream::Take() {
  const Token& token = Peek();
  if (token.kind != TokenKind::kEnd) {
    ++at_;
  }
  return token;
}

bool TokenStream::TakeKeyword(std::string_view upper) {
  const bool taken = Peek().IsKeyword(upper);
  if (taken) {
    Take();
  }
  return taken;
}

bool TokenStream::TakeOperator(std::string_view op) {
  const bool taken = Peek().IsOperator(op);
  if (taken) {
    Take();
  }
  return taken;
}

Status TokenStream::SyntaxError(std::string_view expected,
                                std::span<const std::string_view> candidates) const {
  const Token& token = Peek();
  std::string message = token.kind == TokenKind::kEnd
                            ? std::string("syntax error at the end of the statement")
                            : "syntax error at or near \"" + std::string(token.text) + "\"";
  message += ": expected ";
  message += expected;
  Status status = Status::InvalidArgument(std::move(message))
                      .WithSqlState("42601")
                      .WithPosition(PositionAt(sql_, token.offset));
  if (token.kind == TokenKind::kIdentifier) {
    const std::string_view nearest = NearestName(token.text, candidates);
    if (!nearest.empty() && !EqualsIgnoreCase(nearest, token.text)) {
      return std::move(status).WithHint("Did you mean " + std::string(nearest) + "?");
    }
  }
  return status;
}

SourcePosition TokenStream::PositionOf(const Token& token) const {
  return PositionAt(sql_, token.offset);
}

SourcePosition TokenStream::PositionOfOffset(std::size_t offset) const {
  return PositionAt(sql_, offset);
}

std::string_view TokenStream::TextOf(TextRange range) const {
  return sql_.substr(range.begin, range.end - range.begin);
}

std::size_t TokenStream::PreviousEnd() const {
  return at_ == 0 ? 0 : tokens_[at_ - 1].offset + tokens_[at_ - 1].text.size();
}

Status TokenStream::Unsupported(const Token& token, std::string message, std::string hint) const {
  Status status =
      Status::Unimplemented(std::move(message)).WithPosition(PositionAt(sql_, token.offset));
  return hint.empty() ? status : std::move(status).WithHint(std::move(hint));
}

Status TokenStream::ExpectKeyword(std::string_view upper) {
  if (TakeKeyword(upper)) {
    return Status();
  }
  return SyntaxError(upper, std::span(&upper, 1));
}

Status TokenStream::ExpectOperator(std::string_view op) {
  if (TakeOperator(op)) {
    return Status();
  }
  return SyntaxError("\"" + std::string(op) + "\"");
}

Result<std::size_t> TokenStream::ExpectOneOf(std::span<const std::string_view> uppers) {
  std::string expected;
  for (std::size_t i = 0; i < uppers.size(); ++i) {
    if (TakeKeyword(uppers[i])) {
      return i;
    }
    expected += i == 0 ? "" : (i + 1 == uppers.size() ? " or " : ", ");
    expected += uppers[i];
  }
  return SyntaxError(expected, uppers);
}

Result<std::string> TokenStream::ExpectName(std::string_view what) {
  const TokenKind kind = Peek().kind;
  if (kind != TokenKind::kIdentifier && kind != TokenKind::kQuotedIdentifier) {
    return SyntaxError(what);
  }
  return Take().Name();
}

Result<std::string> TokenStream::ExpectString(std::string_view what) {
  if (Peek().kind != TokenKind::kString) {
    return SyntaxError(what);
  }
  return Take().StringValue();
}

Result<std::uint64_t> TokenStream::ExpectInteger(std::string_view what, std::uint64_t max) {
  const std::string_view digits = Peek().text;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (Peek().kind != TokenKind::kInteger || error != std::errc() ||
      end != digits.data() + digits.size() || value > max) {
    return SyntaxError(what);
  }
  Take();
  return value;
}

Status TokenStream::ExpectEnd() {
  return AtEnd() ? Status() : SyntaxError("the end of the statement");
}

Result<ReleaseName> TokenStream::ExpectReleaseName() {
  ReleaseName name;
  name.offset = Peek().offset;
  DASHI_ASSIGN_OR_RETURN(name.model, ExpectName("the name of a model"));
  if (TakeOperator("@")) {
    DASHI_ASSIGN_OR_RETURN(const std::uint64_t number,
                           ExpectInteger("the number of a release", 0xFFFFFFFFU));
    name.release = static_cast<std::uint32_t>(number);
  }
  return name;
}

Result<std::string> TokenStream::ExpectOptionValue() {
  const Token& first = Peek();
  if (first.kind == TokenKind::kString) {
    return Take().StringValue();
  }
  if (first.kind == TokenKind::kIdentifier || first.kind == TokenKind::kQuotedIdentifier) {
    return Take().Name();
  }
  if (first.kind == TokenKind::kParameter) {
    return Unsupported(first, "parameters are not supported in this statement",
                       "Write the value itself.");
  }
  const bool sign = first.IsOperator("-") || first.IsOperator("+");
  const TokenKind number = Peek(sign ? 1 : 0).kind;
  if (number != TokenKind::kInteger && number != TokenKind::kDecimal) {
    return SyntaxError("a value: a string, a number or a word");
  }
  const bool negative = sign && Take().text == "-";
  if (sign && !negative) {
    return std::string(Take().text);
  }
  return (negative ? "-" : "") + std::string(Take().text);
}

Result<std::vector<OptionNode>> TokenStream::ExpectOptions() {
  std::vector<OptionNode> options;
  DASHI_RETURN_IF_ERROR(ExpectOperator("("));
  if (TakeOperator(")")) {
    return options;
  }
  do {
    OptionNode option;
    option.offset = Peek().offset;
    DASHI_ASSIGN_OR_RETURN(option.name, ExpectName("the name of an option"));
    for (const OptionNode& earlier : options) {
      if (earlier.name == option.name) {
        return Status::InvalidArgument("the option is given twice: " + option.name)
            .WithSqlState("42601")
            .WithPosition(PositionAt(sql_, option.offset));
      }
    }
    const bool equals = TakeOperator("=");
    if (!equals && (Peek().IsOperator(",") || Peek().IsOperator(")"))) {
      option.value = "on";  // HEADER alone means HEADER on.
    } else {
      DASHI_ASSIGN_OR_RETURN(option.value, ExpectOptionValue());
    }
    options.push_back(std::move(option));
  } while (TakeOperator(","));
  if (!TakeOperator(")")) {
    return SyntaxError("\",\" or \")\"");
  }
  return options;
}

}  // namespace dashi::sql
