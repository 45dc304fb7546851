#include "sql/publish_grammar.h"

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "base/status.h"

namespace dashi::sql {

namespace {

using query::GateComparison;
using query::GateMetric;
using query::PublishCondition;

constexpr std::array<std::pair<std::string_view, GateComparison>, 5> kComparisons = {
    {{">=", GateComparison::kAtLeast},
     {"<=", GateComparison::kAtMost},
     {">", GateComparison::kMore},
     {"<", GateComparison::kLess},
     {"=", GateComparison::kEqual}}};

bool IsNumber(const Token& token) {
  return token.kind == TokenKind::kInteger || token.kind == TokenKind::kDecimal;
}

// Takes `p@1`, `tail.psp@5` or `size`.
Result<GateMetric> ExpectMetric(TokenStream& tokens) {
  const Token first = tokens.Peek();
  DASHI_ASSIGN_OR_RETURN(const std::string word, tokens.ExpectName("the name of a metric"));
  std::string name = word;
  if (tokens.TakeOperator(".")) {
    DASHI_ASSIGN_OR_RETURN(const std::string metric, tokens.ExpectName("the name of a metric"));
    name += "." + metric;
  }
  if (tokens.TakeOperator("@")) {
    DASHI_ASSIGN_OR_RETURN(const std::uint64_t k,
                           tokens.ExpectInteger("the k of a metric", 0xFFFFFFFFU));
    name += "@" + std::to_string(k);
  }
  Result<GateMetric> metric = query::ParseGateMetric(name);
  if (!metric.ok()) {
    return std::move(metric).status().WithPosition(tokens.PositionOf(first));
  }
  return metric;
}

// Takes a number or a quantity in quotes.
Result<double> ExpectNumber(TokenStream& tokens, const GateMetric& metric, std::string* text) {
  const Token token = tokens.Peek();
  const bool quoted = token.kind == TokenKind::kString;
  if (token.kind == TokenKind::kParameter) {
    return tokens.Unsupported(token, "parameters are not supported in this statement",
                              "Write the value itself.");
  }
  if (!quoted && !IsNumber(token)) {
    return tokens.SyntaxError("a number, a quantity such as '5 ms', or CURRENT");
  }
  tokens.Take();
  *text += token.text;
  Result<double> number = query::ParseGateNumber(
      metric, quoted ? token.StringValue() : std::string(token.text), quoted);
  if (!number.ok()) {
    return std::move(number).status().WithPosition(tokens.PositionOf(token));
  }
  return number;
}

// Takes the factor of CURRENT, which has no unit.
Result<double> ExpectFactor(TokenStream& tokens, std::string* text) {
  if (!IsNumber(tokens.Peek())) {
    return tokens.SyntaxError("a number");
  }
  return ExpectNumber(tokens, GateMetric(), text);
}

// Takes `number`, `[number *] CURRENT [* number] [+ | - number]`.
Status ExpectLimit(TokenStream& tokens, PublishCondition* condition) {
  std::string& text = condition->limit_text;
  query::GateLimit& limit = condition->limit;
  const bool factor_first = IsNumber(tokens.Peek()) && tokens.Peek(1).IsOperator("*");
  if (!factor_first && !tokens.Peek().IsKeyword("CURRENT")) {
    DASHI_ASSIGN_OR_RETURN(limit.offset, ExpectNumber(tokens, condition->metric, &text));
    return Status::Ok();
  }
  if (factor_first) {
    DASHI_ASSIGN_OR_RETURN(limit.factor, ExpectFactor(tokens, &text));
    DASHI_RETURN_IF_ERROR(tokens.ExpectOperator("*"));
    text += " * ";
  }
  DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("CURRENT"));
  text += "current";
  limit.uses_current = true;
  if (!factor_first && tokens.TakeOperator("*")) {
    text += " * ";
    DASHI_ASSIGN_OR_RETURN(limit.factor, ExpectFactor(tokens, &text));
  }
  const bool minus = tokens.Peek().IsOperator("-");
  if (minus || tokens.Peek().IsOperator("+")) {
    tokens.Take();
    text += minus ? " - " : " + ";
    DASHI_ASSIGN_OR_RETURN(const double offset, ExpectNumber(tokens, condition->metric, &text));
    limit.offset = minus ? -offset : offset;
  }
  return Status::Ok();
}

Result<PublishCondition> ExpectCondition(TokenStream& tokens) {
  PublishCondition condition;
  DASHI_ASSIGN_OR_RETURN(condition.metric, ExpectMetric(tokens));
  bool compared = false;
  for (const auto& [op, comparison] : kComparisons) {
    if (!compared && tokens.TakeOperator(op)) {
      condition.comparison = comparison;
      compared = true;
    }
  }
  if (!compared) {
    return tokens.SyntaxError("a comparison: >=, <=, >, < or =");
  }
  const SourcePosition position = tokens.PositionOf(tokens.Peek());
  DASHI_RETURN_IF_ERROR(ExpectLimit(tokens, &condition));
  Status checked = query::CheckLimit(condition);
  if (!checked.ok()) {
    return std::move(checked).WithPosition(position);
  }
  return condition;
}

}  // namespace

Result<std::vector<PublishCondition>> ExpectPublishConditions(TokenStream& tokens) {
  std::vector<PublishCondition> conditions;
  do {
    DASHI_ASSIGN_OR_RETURN(PublishCondition condition, ExpectCondition(tokens));
    conditions.push_back(std::move(condition));
  } while (tokens.TakeKeyword("AND"));
  return conditions;
}

}  // namespace dashi::sql
