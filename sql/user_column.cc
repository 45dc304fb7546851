#include "sql/user_column.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/status.h"
#include "base/timestamp.h"
#include "base/vector_codec.h"
#include "sql/token.h"
#include "storage/row_check.h"

namespace dashi::sql {

namespace {

using storage::ColumnRecord;
using storage::ColumnType;

constexpr double kTwoTo63 = 9223372036854775808.0;
constexpr std::size_t kShownBytesMax = 64;

/// Makes the errors of one conversion.
struct Conversion {
  std::string_view table;
  const ColumnRecord& column;
  const Value& given;

  Status Error(std::string_view sqlstate, std::string_view wanted) const {
    std::string shown = given.ToString();
    if (shown.size() > kShownBytesMax) {
      std::size_t end = kShownBytesMax;
      while (end > 0 && (static_cast<unsigned char>(shown[end]) & 0xC0U) == 0x80U) {
        --end;
      }
      shown = shown.substr(0, end) + "...";
    }
    return Status::InvalidArgument(fmt::format("column \"{}\" of table \"{}\" takes {}: got {}{}{}",
                                               column.name, table, wanted, Quote(), shown, Quote()))
        .WithSqlState(sqlstate);
  }
  Status WrongType() const {
    return Error("42804", std::string(ColumnTypeName(column.type)) + ", not " +
                              std::string(ValueTypeName(given.type())));
  }

 private:
  std::string_view Quote() const { return given.type() == ValueType::kText ? "'" : ""; }
};

// Reads a whole text as a number; `*overflow` tells that it is one, and too large.
template <typename Number>
std::optional<Number> ParseNumber(std::string_view text, bool* overflow) {
  if (text.starts_with('+') && !text.starts_with("+-")) {
    text.remove_prefix(1);
  }
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (end != text.data() + text.size() || text.empty()) {
    return std::nullopt;
  }
  *overflow = error == std::errc::result_out_of_range;
  return error == std::errc() ? std::optional<Number>(number) : std::nullopt;
}

Result<Value> ToInteger(const Conversion& conversion) {
  const Value& given = conversion.given;
  if (given.type() == ValueType::kInteger) {
    return given;
  }
  bool overflow = false;
  if (given.type() == ValueType::kReal) {
    const double real = given.real();
    if (std::trunc(real) != real) {
      return conversion.Error("22P02", "a whole number");
    }
    overflow = !(real >= -kTwoTo63 && real < kTwoTo63);
    if (!overflow) {
      return Value::Integer(static_cast<std::int64_t>(real));
    }
  } else if (given.type() == ValueType::kText) {
    const auto number = ParseNumber<std::int64_t>(given.text(), &overflow);
    if (number) {
      return Value::Integer(*number);
    }
  } else {
    return conversion.WrongType();
  }
  return overflow ? conversion.Error("22003", "an integer of 64 bits")
                  : conversion.Error("22P02", "a whole number");
}

Result<Value> ToReal(const Conversion& conversion) {
  const Value& given = conversion.given;
  bool overflow = false;
  std::optional<double> number;
  if (given.type() == ValueType::kInteger || given.type() == ValueType::kReal) {
    number = given.real();
  } else if (given.type() == ValueType::kText) {
    number = ParseNumber<double>(given.text(), &overflow);
  } else {
    return conversion.WrongType();
  }
  if (number && std::isfinite(*number)) {
    return Value::Real(*number);
  }
  return number || overflow ? conversion.Error("22003", "a finite number")
                            : conversion.Error("22P02", "a number");
}

Result<Value> ToText(const Conversion& conversion) {
  const Value& given = conversion.given;
  if (given.type() == ValueType::kBlob) {
    return conversion.WrongType();
  }
  if (given.type() != ValueType::kText) {
    return Value::Text(given.ToString());
  }
  const std::string_view text = given.text();
  if (text.size() > storage::kTextBytesMax) {
    return Status::InvalidArgument(
               fmt::format("the text for column \"{}\" of table \"{}\" is too long: {} bytes, "
                           "limit {}",
                           conversion.column.name, conversion.table, text.size(),
                           storage::kTextBytesMax))
        .WithSqlState("54000");
  }
  if (text.find('\0') != std::string_view::npos || !storage::IsUtf8(text)) {
    return Status::InvalidArgument(
               fmt::format("column \"{}\" of table \"{}\" takes UTF-8 text without NUL bytes",
                           conversion.column.name, conversion.table))
        .WithSqlState("22021");
  }
  return given;
}

Result<Value> ToBoolean(const Conversion& conversion) {
  const Value& given = conversion.given;
  constexpr std::string_view kWanted = "true, false, 1 or 0";
  if (given.type() == ValueType::kText) {
    for (const std::string_view word : {"true", "t", "1"}) {
      if (EqualsIgnoreCase(given.text(), word)) {
        return Value::Integer(1);
      }
    }
    for (const std::string_view word : {"false", "f", "0"}) {
      if (EqualsIgnoreCase(given.text(), word)) {
        return Value::Integer(0);
      }
    }
    return conversion.Error("22P02", kWanted);
  }
  if (given.type() != ValueType::kInteger) {
    return conversion.WrongType();
  }
  const bool known = given.integer() == 0 || given.integer() == 1;
  return known ? Result<Value>(given) : conversion.Error("22P02", kWanted);
}

Result<Value> ToTimestamp(const Conversion& conversion) {
  if (conversion.given.type() != ValueType::kText) {
    return conversion.WrongType();
  }
  if (const std::optional<std::int64_t> micros = ParseTimestamp(conversion.given.text())) {
    return Value::Integer(*micros);
  }
  return conversion.Error("22007", "a time such as 2026-11-23T02:08:15Z, in years 1 to 9999");
}

Result<Value> ToVector(const Conversion& conversion) {
  const Value& given = conversion.given;
  const std::uint32_t dimension = conversion.column.dimension;
  Value vector;
  Status status;
  if (given.type() == ValueType::kBlob) {
    status = CheckVector(given.bytes());
    vector = given;
  } else if (given.type() == ValueType::kText) {
    Result<std::string> read = VectorOfText(given.text());
    status = read.status();
    vector = read.ok() ? Value::Bytes(*std::move(read)) : Value();
  } else {
    return conversion.WrongType();
  }
  if (!status.ok()) {
    return std::move(status).WithContext(
        fmt::format("column \"{}\" of table \"{}\"", conversion.column.name, conversion.table));
  }
  if (dimension != 0 && VectorDimension(vector.bytes()) != dimension) {
    return Status::InvalidArgument(
               fmt::format("column \"{}\" of table \"{}\" takes vectors of {} dimensions: got {}",
                           conversion.column.name, conversion.table, dimension,
                           VectorDimension(vector.bytes())))
        .WithSqlState("22000");
  }
  return vector;
}

}  // namespace

Result<Value> ToColumnValue(std::string_view table, const ColumnRecord& column,
                            const Value& given) {
  if (given.is_null()) {
    return Value::Null();
  }
  const Conversion conversion{table, column, given};
  switch (column.type) {
    case ColumnType::kInteger:
      return ToInteger(conversion);
    case ColumnType::kReal:
      return ToReal(conversion);
    case ColumnType::kText:
      return ToText(conversion);
    case ColumnType::kBoolean:
      return ToBoolean(conversion);
    case ColumnType::kTimestamp:
      return ToTimestamp(conversion);
    case ColumnType::kVector:
      return ToVector(conversion);
  }
  return Status::Internal("a column has a type that is none");
}

Value ShownValue(ColumnType type, const Value& stored) {
  return type == ColumnType::kTimestamp && stored.type() == ValueType::kInteger
             ? Value::Text(FormatTimestamp(stored.integer()))
             : stored;
}

Value ShownDefault(const ColumnRecord& column) {
  return column.default_value.type() == ValueType::kBlob
             ? Value::Text(VectorText(column.default_value.bytes()))
             : ShownValue(column.type, column.default_value);
}

std::string_view DeclaredType(ColumnType type) {
  return type == ColumnType::kTimestamp ? "TEXT TIMESTAMP"
         : type == ColumnType::kVector  ? "BLOB VECTOR"
                                        : ColumnTypeName(type);
}

std::string DeclareColumn(const ColumnRecord& column) {
  std::string declared = "\"";
  for (const char c : column.name) {
    declared += c;
    declared += c == '"' ? "\"" : "";
  }
  declared += "\" ";
  declared += DeclaredType(column.type);
  return declared;
}

std::string DeclareColumns(std::span<const ColumnRecord* const> columns) {
  std::string declared;
  for (const ColumnRecord* column : columns) {
    declared += ", " + DeclareColumn(*column);
  }
  return declared;
}

std::string TestName(const ColumnRecord& column) {
  const bool plain = std::all_of(column.name.begin(), column.name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
  return plain ? column.name : "#" + std::to_string(column.number);
}

}  // namespace dashi::sql
