#include "sql/postgres/cast.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/status.h"
#include "base/vector_codec.h"
#include "sql/postgres/array_text.h"
#include "sql/postgres/decimal.h"
#include "sql/postgres/moment.h"
#include "sql/postgres/statement_types.h"
#include "sql/postgres/utf8_text.h"
#include "sql/token.h"
#include "sql/virtual_table.h"

namespace dashi::sql::postgres {

namespace {

constexpr double kTwoTo63 = 9223372036854775808.0;
constexpr std::int64_t kExactIntegers = std::int64_t{1} << 53;
constexpr int kExactDigits = 15;
constexpr std::size_t kShownMax = 64;

std::string_view NameOfKind(CastKind kind) {
  static constexpr std::string_view kNames[] = {"boolean",
                                                "smallint",
                                                "integer",
                                                "bigint",
                                                "real",
                                                "double precision",
                                                "numeric",
                                                "text",
                                                "character varying",
                                                "bytea",
                                                "date",
                                                "time",
                                                "timestamp",
                                                "timestamp with time zone",
                                                "interval",
                                                "json",
                                                "oid",
                                                "name",
                                                "\"char\"",
                                                "vector",
                                                "regclass",
                                                "regtype",
                                                "regproc",
                                                "regnamespace",
                                                "regrole"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::string_view NameOfValue(const Value& value, StaticType from) {
  if (from == StaticType::kInteger) {
    return "integer";
  }
  if (from == StaticType::kNumeric) {
    return "numeric";
  }
  if (from == StaticType::kTimestamp) {
    return "timestamp";
  }
  if (from != StaticType::kUnknown) {
    return SqlTypeName(SqlTypeOf(from));
  }
  switch (value.type()) {
    case ValueType::kInteger:
      return "integer";
    case ValueType::kReal:
      return "double precision";
    case ValueType::kBlob:
      return "bytea";
    default:
      return "text";
  }
}

std::string_view ShownPart(std::string_view text) {
  return text.substr(0, Utf8Cut(text, kShownMax));
}

Status CannotCast(const Value& value, StaticType from, CastKind kind) {
  return Status::InvalidArgument(
             fmt::format("cannot cast type {} to {}", NameOfValue(value, from), NameOfKind(kind)))
      .WithSqlState("42846");
}

Status BadText(std::string_view text, CastKind kind) {
  return Status::InvalidArgument(fmt::format("invalid input syntax for type {}: \"{}\"",
                                             NameOfKind(kind), ShownPart(text)))
      .WithSqlState("22P02");
}

Status NumberOutOfRange(std::string_view shown, CastKind kind) {
  return Status::InvalidArgument(fmt::format("value \"{}\" is out of range for type {}",
                                             ShownPart(shown), NameOfKind(kind)))
      .WithSqlState("22003");
}

std::string_view WithoutSpaces(std::string_view text) {
  static constexpr std::string_view kSpaces = " \t\n\r\f\v";
  const std::size_t begin = text.find_first_not_of(kSpaces);
  if (begin == std::string_view::npos) {
    return {};
  }
  return text.substr(begin, text.find_last_not_of(kSpaces) - begin + 1);
}

template <typename Number>
std::errc ParseWhole(std::string_view text, Number* number) {
  if (text.size() > 1 && text.front() == '+' && text[1] != '-') {
    text.remove_prefix(1);
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
  return end != text.data() + text.size() || text.empty() ? std::errc::invalid_argument : error;
}

Result<Value> CastToInteger(const Value& value, CastKind kind, StaticType from) {
  std::int64_t number = value.integer();
  if (value.type() == ValueType::kReal) {
    const double rounded =
        from == StaticType::kNumeric ? std::round(value.real()) : std::nearbyint(value.real());
    if (!(rounded >= -kTwoTo63 && rounded < kTwoTo63)) {
      return NumberOutOfRange(FloatText(value.real()), kind);
    }
    number = static_cast<std::int64_t>(rounded);
  } else if (value.type() == ValueType::kText) {
    if (from >= StaticType::kDate) {
      return CannotCast(value, from, kind);
    }
    const std::errc error = ParseWhole(WithoutSpaces(value.text()), &number);
    if (error == std::errc::invalid_argument) {
      return BadText(value.text(), kind);
    }
    if (error != std::errc()) {
      return NumberOutOfRange(value.text(), kind);
    }
  } else if (value.type() != ValueType::kInteger) {
    return CannotCast(value, from, kind);
  }
  const bool fits = kind == CastKind::kInt8 ||
                    (kind == CastKind::kInt4 && number == static_cast<std::int32_t>(number)) ||
                    (kind == CastKind::kInt2 && number == static_cast<std::int16_t>(number));
  return fits ? Result<Value>(Value::Integer(number))
              : NumberOutOfRange(fmt::format("{}", number), kind);
}

// Also of texts of a number, as kinds of numbers of objects know them.
Result<Value> CastToOid(const Value& value, StaticType from) {
  constexpr std::int64_t kOidMax = 0xFFFFFFFF;
  DASHI_ASSIGN_OR_RETURN(const Value number, CastToInteger(value, CastKind::kInt8, from));
  // A negative number is taken for the unsigned one of its bits, as PostgreSQL does.
  const std::int64_t oid =
      number.integer() < 0 && number.integer() >= INT32_MIN
          ? static_cast<std::int64_t>(static_cast<std::uint32_t>(number.integer()))
          : number.integer();
  return oid < 0 || oid > kOidMax
             ? NumberOutOfRange(fmt::format("{}", number.integer()), CastKind::kOid)
             : Result<Value>(Value::Integer(oid));
}

Result<double> ToDouble(const Value& value, CastKind kind, StaticType from) {
  if (from == StaticType::kBoolean || value.type() == ValueType::kBlob ||
      from >= StaticType::kDate) {
    return CannotCast(value, from, kind);
  }
  if (value.type() != ValueType::kText) {
    return value.real();
  }
  const std::string_view text = WithoutSpaces(value.text());
  std::string_view word = text;
  const bool negative = word.starts_with('-');
  word.remove_prefix(!word.empty() && (negative || word.front() == '+') ? 1 : 0);
  if (EqualsIgnoreCase(word, "nan")) {
    return Status::Unimplemented("NaN is not supported");
  }
  if (EqualsIgnoreCase(word, "inf") || EqualsIgnoreCase(word, "infinity")) {
    if (kind == CastKind::kNumeric) {
      return Status::Unimplemented("an infinite numeric is not supported");
    }
    return negative ? -std::numeric_limits<double>::infinity()
                    : std::numeric_limits<double>::infinity();
  }
  double number = 0;
  const std::errc error = ParseWhole(text, &number);
  if (error == std::errc::invalid_argument) {
    return BadText(value.text(), kind);
  }
  if (error != std::errc()) {
    return NumberOutOfRange(value.text(), kind);
  }
  return number;
}

Result<Value> CastToFloat(const Value& value, CastKind kind, StaticType from) {
  DASHI_ASSIGN_OR_RETURN(const double number, ToDouble(value, kind, from));
  if (kind == CastKind::kFloat8) {
    return Value::Real(number);
  }
  const auto single = static_cast<float>(number);
  if (std::isinf(single) && !std::isinf(number)) {
    return NumberOutOfRange(FloatText(number), kind);
  }
  return Value::Real(ShortestDouble(single));
}

// Whether a text has more digits than a double keeps.
bool HasTooManyDigits(std::string_view text) {
  text = text.substr(0, text.find_first_of("eE"));
  std::size_t digits = 0;
  std::size_t zeros = 0;
  bool leading = true;
  for (const char c : text) {
    if (c < '0' || c > '9' || (leading && c == '0')) {
      continue;
    }
    leading = false;
    zeros = c == '0' ? zeros + 1 : 0;
    ++digits;
  }
  return digits - zeros > static_cast<std::size_t>(kExactDigits);
}

Result<Value> CastToNumeric(const Value& value, CastTarget target, StaticType from) {
  DASHI_ASSIGN_OR_RETURN(double number, ToDouble(value, CastKind::kNumeric, from));
  if (!std::isfinite(number)) {
    return Status::Unimplemented("an infinite numeric is not supported");
  }
  const bool inexact = (value.type() == ValueType::kInteger &&
                        (value.integer() > kExactIntegers || value.integer() < -kExactIntegers)) ||
                       (value.type() == ValueType::kText && HasTooManyDigits(value.text()));
  if (inexact) {
    return Status::Unimplemented("a numeric has at most 15 digits here: got " +
                                 std::string(ShownPart(value.ToString())))
        .WithHint("Write ::bigint for larger whole numbers.");
  }
  if (value.type() == ValueType::kReal && NumSignificantDigits(number) > kExactDigits) {
    // As PostgreSQL does with double precision.
    const std::string digits = fmt::format("{:.{}g}", number, kExactDigits);
    std::from_chars(digits.data(), digits.data() + digits.size(), number);
  }
  if (target.modifier) {
    const int scale = *target.modifier % 1000;
    const int whole = *target.modifier / 1000 - scale;
    number = RoundDecimal(number, scale);
    if (std::abs(number) >= std::pow(10.0, whole)) {
      return Status::InvalidArgument("numeric field overflow: " + NumericText(number))
          .WithSqlState("22003");
    }
  }
  return Value::Real(number);
}

Result<Value> CastToBoolean(const Value& value, StaticType from) {
  if (value.type() == ValueType::kInteger) {
    return Value::Integer(value.integer() != 0 ? 1 : 0);
  }
  if (value.type() != ValueType::kText || from >= StaticType::kDate) {
    return CannotCast(value, from, CastKind::kBoolean);
  }
  const std::string word = ToLowerAscii(WithoutSpaces(value.text()));
  const auto begins = [&](std::string_view whole, std::size_t min) {
    return word.size() >= min && whole.substr(0, word.size()) == word;
  };
  if (begins("true", 1) || begins("yes", 1) || word == "on" || word == "1") {
    return Value::Integer(1);
  }
  if (begins("false", 1) || begins("no", 1) || begins("off", 2) || word == "0") {
    return Value::Integer(0);
  }
  return BadText(value.text(), CastKind::kBoolean);
}

int HexDigit(char c) {
  const char lower = static_cast<char>(c | 0x20);
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

Result<Value> CastToBytes(const Value& value, StaticType from) {
  if (value.type() == ValueType::kBlob) {
    return value;
  }
  if (value.type() != ValueType::kText || from >= StaticType::kDate) {
    return CannotCast(value, from, CastKind::kBytes);
  }
  const std::string_view text = value.text();
  std::string bytes;
  if (text.starts_with("\\x")) {
    for (std::size_t i = 2; i < text.size(); i += 2) {
      const int high = HexDigit(text[i]);
      const int low = i + 1 < text.size() ? HexDigit(text[i + 1]) : -1;
      if (high < 0 || low < 0) {
        return Status::InvalidArgument("bytea in hexadecimal digits is broken: \"" +
                                       std::string(ShownPart(text)) + "\"")
            .WithSqlState("22023");
      }
      bytes += static_cast<char>(high * 16 + low);
    }
    return Value::Bytes(std::move(bytes));
  }
  if (text.find('\\') != std::string_view::npos) {
    return Status::Unimplemented("escapes in bytea are not supported")
        .WithHint("Write '\\x00ff'::bytea or x'00ff'.");
  }
  return Value::Bytes(std::string(text));
}

Result<Value> CastToVector(const Value& value, CastTarget target, StaticType from) {
  Value vector = value;
  if (value.type() == ValueType::kText) {
    DASHI_ASSIGN_OR_RETURN(std::string bytes, VectorOfText(value.text()));
    vector = Value::Bytes(std::move(bytes));
  } else if (value.type() != ValueType::kBlob) {
    return CannotCast(value, from, target.kind);
  } else if (from != StaticType::kVector) {
    DASHI_RETURN_IF_ERROR(CheckVector(value.bytes()));
  }
  const std::size_t dimension = VectorDimension(vector.bytes());
  if (target.modifier && dimension != static_cast<std::size_t>(*target.modifier)) {
    return Status::InvalidArgument(
               fmt::format("expected {} dimensions, not {}", *target.modifier, dimension))
        .WithSqlState("22000");
  }
  return vector;
}

Result<Value> CastToMoment(const Value& value, CastTarget target, StaticType from) {
  const StaticType type = StaticTypeOf(target.kind);
  const bool is_day = type == StaticType::kDate || type == StaticType::kTimestamp;
  const bool other = (from == StaticType::kInterval && is_day) ||
                     (type == StaticType::kInterval && from >= StaticType::kDate &&
                      from != StaticType::kInterval && from != StaticType::kTime) ||
                     (from == StaticType::kTime && is_day) ||
                     (from == StaticType::kDate && type == StaticType::kTime);
  if (value.type() != ValueType::kText || other) {
    return CannotCast(value, from, target.kind);
  }
  if (target.kind == CastKind::kTimestamp && HasOtherOffset(value.text())) {
    return Status::Unimplemented("a timestamp without time zone leaves the offset out: \"" +
                                 std::string(ShownPart(value.text())) + "\"")
        .WithHint("Write ::timestamptz.");
  }
  DASHI_ASSIGN_OR_RETURN(Moment moment, ReadMoment(value.text(), type));
  if (target.modifier) {
    std::int64_t unit = kMicrosPerSecond;
    for (int i = 0; i < *target.modifier; ++i) {
      unit /= 10;
    }
    const std::int64_t rest = ((moment.micros % unit) + unit) % unit;
    moment.micros += rest * 2 >= unit ? unit - rest : -rest;
  }
  return Value::Text(ShowMoment(moment));
}

}  // namespace

std::string TextOfValue(const Value& value, StaticType from) {
  if (value.type() == ValueType::kInteger && from == StaticType::kBoolean) {
    return value.integer() != 0 ? "true" : "false";
  }
  if (value.type() == ValueType::kReal) {
    return from == StaticType::kNumeric ? NumericText(value.real()) : FloatText(value.real());
  }
  if (value.type() == ValueType::kBlob && from == StaticType::kVector) {
    return VectorText(value.bytes());
  }
  return value.ToString();
}

Result<Value> Cast(const Value& value, CastTarget target, StaticType from) {
  if (value.is_null()) {
    return Value::Null();
  }
  if (target.array) {
    return CastToArray(TextOfValue(value, from), target, from);
  }
  switch (target.kind) {
    case CastKind::kBoolean:
      return CastToBoolean(value, from);
    case CastKind::kInt2:
    case CastKind::kInt4:
    case CastKind::kInt8:
      return CastToInteger(value, target.kind, from);
    case CastKind::kFloat4:
    case CastKind::kFloat8:
      return CastToFloat(value, target.kind, from);
    case CastKind::kNumeric:
      return CastToNumeric(value, target, from);
    case CastKind::kText:
    case CastKind::kVarchar: {
      std::string text = TextOfValue(value, from);
      if (target.kind == CastKind::kVarchar && target.modifier) {
        text.resize(Utf8Offset(text, *target.modifier));
      }
      return Value::Text(std::move(text));
    }
    case CastKind::kName:
    case CastKind::kChar: {
      std::string text = TextOfValue(value, from);
      constexpr std::size_t kNameBytesMax = 63;
      text.resize(std::min(text.size(), target.kind == CastKind::kName
                                            ? Utf8Cut(text, kNameBytesMax)
                                            : std::size_t{1}));
      return Value::Text(std::move(text));
    }
    case CastKind::kOid:
    case CastKind::kRegclass:
    case CastKind::kRegtype:
    case CastKind::kRegproc:
    case CastKind::kRegnamespace:
    case CastKind::kRegrole:
      return CastToOid(value, from);
    case CastKind::kBytes:
      return CastToBytes(value, from);
    case CastKind::kVector:
      return CastToVector(value, target, from);
    case CastKind::kJson:
      if (from == StaticType::kVector) {
        return Value::Text(TextOfValue(value, from));
      }
      if (value.type() != ValueType::kText) {
        return CannotCast(value, from, target.kind);
      }
      return nlohmann::json::accept(value.text()) ? Result<Value>(value)
                                                  : BadText(value.text(), target.kind);
    default:
      return CastToMoment(value, target, from);
  }
}

}  // namespace dashi::sql::postgres
