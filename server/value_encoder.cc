#include "server/value_encoder.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "base/byte_codec.h"

namespace dashi {

namespace {

constexpr double kIntegersEnd = 9223372036854775808.0;  // 2^63

std::string_view NameOf(TypeOid type) {
  switch (type) {
    case TypeOid::kInt8:
      return "int8";
    case TypeOid::kFloat8:
      return "float8";
    case TypeOid::kBytea:
      return "bytea";
    default:
      return "text";
  }
}

std::optional<std::int64_t> ExactInteger(const Value& value) {
  if (value.type() == ValueType::kInteger) {
    return value.integer();
  }
  const double real = value.real();
  const bool whole = value.type() == ValueType::kReal && real >= -kIntegersEnd &&
                     real < kIntegersEnd && std::trunc(real) == real;
  return whole ? std::optional<std::int64_t>(static_cast<std::int64_t>(real)) : std::nullopt;
}

std::optional<double> ExactReal(const Value& value) {
  if (value.type() == ValueType::kReal) {
    return value.real();
  }
  const auto real = static_cast<double>(value.integer());
  const bool exact = value.type() == ValueType::kInteger && real < kIntegersEnd &&
                     static_cast<std::int64_t>(real) == value.integer();
  return exact ? std::optional<double>(real) : std::nullopt;
}

Status DoesNotFit(const Value& value, const WireColumn& column) {
  return Status::InvalidArgument(
             fmt::format("a value of type {} is in column \"{}\", which was announced as {}",
                         ValueTypeName(value.type()), column.name, NameOf(column.type)))
      .WithSqlState("42804")
      .WithHint("Cast the column to one type: CAST(x AS TEXT) holds every value.");
}

}  // namespace

void AppendText(std::string* out, const Value& value) {
  if (value.type() == ValueType::kText) {
    *out += value.text();
  } else if (value.type() != ValueType::kReal || std::isfinite(value.real())) {
    *out += value.ToString();
  } else if (std::isnan(value.real())) {
    *out += "NaN";
  } else {
    *out += value.real() > 0 ? "Infinity" : "-Infinity";
  }
}

Status AppendBinary(std::string* out, const Value& value, const WireColumn& column) {
  switch (column.type) {
    case TypeOid::kInt8:
      if (const std::optional<std::int64_t> integer = ExactInteger(value)) {
        AppendBigEndian64(out, static_cast<std::uint64_t>(*integer));
        return Status();
      }
      return DoesNotFit(value, column);
    case TypeOid::kFloat8:
      if (const std::optional<double> real = ExactReal(value)) {
        AppendBigEndian64(out, std::bit_cast<std::uint64_t>(*real));
        return Status();
      }
      return DoesNotFit(value, column);
    case TypeOid::kBytea:
      if (value.type() == ValueType::kBlob) {
        *out += value.bytes();
        return Status();
      }
      return DoesNotFit(value, column);
    default:
      AppendText(out, value);
      return Status();
  }
}

}  // namespace dashi
