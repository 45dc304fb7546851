#include "trainer/validation_rule.h"

#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/status.h"
#include "base/timestamp.h"

namespace dashi::trainer {
namespace {

using Comparison = ValidationRule::Comparison;
using storage::ColumnRecord;
using storage::ColumnType;

// Longer operators first.
constexpr std::array<std::pair<std::string_view, Comparison>, 7> kOperators{{
    {"<>", Comparison::kUnequal},
    {"!=", Comparison::kUnequal},
    {"<=", Comparison::kAtMost},
    {">=", Comparison::kAtLeast},
    {"<", Comparison::kLess},
    {">", Comparison::kGreater},
    {"=", Comparison::kEqual},
}};

std::string_view Trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') {
    text.remove_prefix(1);
  }
  while (!text.empty() && text.back() == ' ') {
    text.remove_suffix(1);
  }
  return text;
}

Status Malformed(std::string_view text) {
  return Status::InvalidArgument(
             fmt::format("option validation must be random, a BOOLEAN column, or a comparison: "
                         "got '{}'",
                         text))
      .WithHint("For example validation = 'created >= 2024-06-01'.");
}

template <typename T>
std::optional<T> ReadNumber(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

std::optional<Value> ReadValue(ColumnType type, const std::string& text) {
  switch (type) {
    case ColumnType::kInteger:
      if (const auto value = ReadNumber<std::int64_t>(text)) {
        return Value::Integer(*value);
      }
      return std::nullopt;
    case ColumnType::kReal:
      if (const auto value = ReadNumber<double>(text); value && std::isfinite(*value)) {
        return Value::Real(*value);
      }
      return std::nullopt;
    case ColumnType::kBoolean:
      if (text == "true" || text == "false") {
        return Value::Integer(text == "true" ? 1 : 0);
      }
      return std::nullopt;
    case ColumnType::kTimestamp:
      if (const auto micros = ParseTimestamp(text)) {
        return Value::Integer(*micros);
      }
      return std::nullopt;
    case ColumnType::kVector:
      return std::nullopt;
    case ColumnType::kText:
      break;
  }
  return Value::Text(text);
}

/// -1, 0 or 1 for two values of one type.
int Compare(const Value& a, const Value& b) {
  const auto order = [](const auto& x, const auto& y) { return x < y ? -1 : (y < x ? 1 : 0); };
  switch (b.type()) {
    case ValueType::kInteger:
      return order(a.integer(), b.integer());
    case ValueType::kReal:
      return order(a.real(), b.real());
    default:
      return order(a.text(), b.text());
  }
}

bool Holds(Comparison comparison, int order) {
  switch (comparison) {
    case Comparison::kEqual:
      return order == 0;
    case Comparison::kUnequal:
      return order != 0;
    case Comparison::kLess:
      return order < 0;
    case Comparison::kAtMost:
      return order <= 0;
    case Comparison::kGreater:
      return order > 0;
    case Comparison::kAtLeast:
      break;
  }
  return order >= 0;
}

}  // namespace

Result<ValidationRule> ParseValidationRule(std::string_view text) {
  ValidationRule rule;
  const std::string_view trimmed = Trim(text);
  if (trimmed == "random") {
    return rule;
  }
  const std::size_t begin = trimmed.find_first_of("<>=!");
  rule.column = Trim(trimmed.substr(0, begin));
  if (rule.column.empty() || rule.column.find('\'') != std::string::npos) {
    return Malformed(text);
  }
  if (begin == std::string_view::npos) {
    rule.literal = "true";
    return rule;
  }
  std::string_view rest = trimmed.substr(begin);
  for (const auto& [name, comparison] : kOperators) {
    if (rest.starts_with(name)) {
      rule.comparison = comparison;
      std::string_view literal = Trim(rest.substr(name.size()));
      const bool quoted = literal.size() >= 2 && literal.front() == '\'' && literal.back() == '\'';
      if (quoted) {
        literal = literal.substr(1, literal.size() - 2);
      } else if (literal.empty() || literal.find_first_of("<>='") != std::string_view::npos) {
        return Malformed(text);
      }
      rule.literal = literal;
      return rule;
    }
  }
  return Malformed(text);
}

Result<ValidationPredicate> BindValidationRule(const ValidationRule& rule,
                                               const storage::SchemaRecord& schema) {
  const ColumnRecord* const column = schema.FindColumn(rule.column);
  if (column == nullptr) {
    return Status::NotFound(
               fmt::format("option validation names an unknown column of documents: {}",
                           rule.column))
        .WithSqlState("42703")
        .WithHint("It has to be one that ALTER TABLE documents ADD COLUMN made.");
  }
  std::optional<Value> bound = ReadValue(column->type, rule.literal);
  if (!bound) {
    return Status::InvalidArgument(fmt::format("option validation compares {} with no {}: '{}'",
                                               column->name, ColumnTypeName(column->type),
                                               rule.literal));
  }
  return ValidationPredicate([column, comparison = rule.comparison,
                              literal = std::move(*bound)](const storage::EntityRow& row) {
    const Value& value = ColumnValue(row, *column);
    return !value.is_null() && Holds(comparison, Compare(value, literal));
  });
}

}  // namespace dashi::trainer
