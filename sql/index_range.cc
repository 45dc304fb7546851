#include "sql/index_range.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "base/clock.h"
#include "base/timestamp.h"

namespace dashi::sql {

namespace {

using storage::ColumnType;
using storage::OrderedRange;

constexpr double kTwoTo63 = 9223372036854775808.0;

/// One end of a range.
struct Bound {
  bool none_pass = false;      ///< no value of the column is beyond it
  std::optional<Value> value;  ///< nullopt: every value may be
};

// Integers at or above a real are those at or above the next whole number; likewise below.
Bound IntegerBound(const Value& value, bool lower) {
  if (value.type() == ValueType::kInteger) {
    return {false, value};
  }
  if (value.type() != ValueType::kReal) {
    return {};
  }
  const double whole = lower ? std::ceil(value.real()) : std::floor(value.real());
  if (whole >= kTwoTo63) {
    return {lower, std::nullopt};
  }
  if (whole < -kTwoTo63) {
    return {!lower, std::nullopt};
  }
  return {false, Value::Integer(static_cast<std::int64_t>(whole))};
}

// An integer rounds to the nearest double, so no double lies between the two.
Bound RealBound(const Value& value) {
  const bool number = value.type() == ValueType::kInteger || value.type() == ValueType::kReal;
  return number ? Bound{false, Value::Real(value.real())} : Bound{};
}

// Timestamps compare as their texts, whose order is that of the times: the bound is found by
// halving.
Bound TimestampBound(const Value& value, bool lower) {
  if (value.type() != ValueType::kText) {
    return {};
  }
  const auto below = [&](std::int64_t micros) {
    const std::string shown = FormatTimestamp(micros);
    return lower ? shown < value.text() : shown <= value.text();
  };
  std::int64_t first = kTimestampMin;  // of those that are not below
  std::int64_t end = kTimestampMax + 1;
  while (first < end) {
    const std::int64_t middle = first + (end - first) / 2;
    if (below(middle)) {
      first = middle + 1;
    } else {
      end = middle;
    }
  }
  if (lower) {
    return {first > kTimestampMax, Value::Integer(first)};
  }
  return {first == kTimestampMin, Value::Integer(first - 1)};
}

Bound BoundOf(ColumnType type, const Value& value, bool lower) {
  switch (type) {
    case ColumnType::kInteger:
    case ColumnType::kBoolean:
      return IntegerBound(value, lower);
    case ColumnType::kReal:
      return RealBound(value);
    case ColumnType::kText:
      return value.type() == ValueType::kText ? Bound{false, value} : Bound{};
    case ColumnType::kTimestamp:
      return TimestampBound(value, lower);
    case ColumnType::kVector:  // It has no index.
      break;
  }
  return {};
}

}  // namespace

std::optional<OrderedRange> RangeFor(const storage::ColumnRecord& column, std::string_view op,
                                     const Value& value) {
  if (op == "ISNULL" || (op == "IS" && value.is_null())) {
    return OrderedRange::Nulls();
  }
  if (op == "NOTNULL") {
    return OrderedRange::Between({}, {});
  }
  if (value.is_null()) {
    return std::nullopt;
  }
  const bool equals = op == "=" || op == "IS";
  Bound lower;
  Bound upper;
  if (equals || op == ">" || op == ">=") {
    lower = BoundOf(column.type, value, /*lower=*/true);
  }
  if (equals || op == "<" || op == "<=") {
    upper = BoundOf(column.type, value, /*lower=*/false);
  }
  if (lower.none_pass || upper.none_pass) {
    return std::nullopt;
  }
  return OrderedRange::Between(lower.value, upper.value);
}

OrderedRange Intersect(const OrderedRange& a, const OrderedRange& b) {
  OrderedRange both = a;
  both.lower = std::max(a.lower, b.lower);
  if (b.upper && (!a.upper || *b.upper < *a.upper)) {
    both.upper = b.upper;
  }
  return both;
}

}  // namespace dashi::sql
