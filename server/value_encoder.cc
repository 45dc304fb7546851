#include "server/value_encoder.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "base/byte_codec.h"
#include "base/status.h"
#include "base/vector_codec.h"
#include "server/vector_array.h"
#include "sql/postgres/array_text.h"
#include "sql/postgres/interval.h"
#include "sql/postgres/moment.h"

namespace dashi {

namespace {

using sql::postgres::StaticType;

constexpr double kIntegersEnd = 9223372036854775808.0;  // 2^63

std::string_view NameOf(TypeOid type) {
  switch (type) {
    case TypeOid::kInt8:
      return "int8";
    case TypeOid::kFloat8:
      return "float8";
    case TypeOid::kBytea:
      return "bytea";
    case TypeOid::kBool:
      return "bool";
    case TypeOid::kDate:
      return "date";
    case TypeOid::kTime:
      return "time";
    case TypeOid::kTimestamptz:
      return "timestamptz";
    case TypeOid::kInterval:
      return "interval";
    case TypeOid::kInt2:
      return "int2";
    case TypeOid::kInt4:
      return "int4";
    case TypeOid::kFloat4:
      return "float4";
    case TypeOid::kOid:
    case TypeOid::kXid:
      return "oid";
    case TypeOid::kRegclass:
    case TypeOid::kRegtype:
    case TypeOid::kRegproc:
    case TypeOid::kRegnamespace:
    case TypeOid::kRegrole:
      return "a name of the catalog, which has no binary format here";
    default:
      return ElementOf(type) ? "an array" : "text";
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

// Microseconds since 1970, or of the day; nullopt for what is none.
std::optional<std::int64_t> MicrosOf(const Value& value, StaticType type) {
  if (value.type() != ValueType::kText) {
    return std::nullopt;
  }
  const Result<sql::postgres::Moment> moment = sql::postgres::ReadMoment(value.text(), type);
  return moment.ok() && moment->type == type ? std::optional<std::int64_t>(moment->micros)
                                             : std::nullopt;
}

bool AppendMoment(std::string* out, const Value& value, TypeOid type) {
  // The protocol's times count from 2000-01-01.
  constexpr std::int64_t kEpochDays = 10'957;
  constexpr std::int64_t kDay = sql::postgres::kMicrosPerDay;
  std::optional<std::int64_t> micros;
  switch (type) {
    case TypeOid::kDate:
      micros = MicrosOf(value, StaticType::kDate);
      if (micros) {
        AppendBigEndian32(out, static_cast<std::uint32_t>(*micros / kDay - kEpochDays));
      }
      break;
    case TypeOid::kTime:
      micros = MicrosOf(value, StaticType::kTime);
      if (micros) {
        AppendBigEndian64(out, static_cast<std::uint64_t>(*micros));
      }
      break;
    default:
      micros = MicrosOf(value, StaticType::kTimestamp);
      if (micros) {
        AppendBigEndian64(out, static_cast<std::uint64_t>(*micros - kEpochDays * kDay));
      }
      break;
  }
  return micros.has_value();
}

bool AppendInterval(std::string* out, const Value& value) {
  if (value.type() != ValueType::kText) {
    return false;
  }
  const Result<sql::postgres::Interval> interval = sql::postgres::ParseInterval(value.text());
  if (interval.ok()) {
    AppendBigEndian64(out, static_cast<std::uint64_t>(interval->micros));
    AppendBigEndian32(out, static_cast<std::uint32_t>(interval->days));
    AppendBigEndian32(out, static_cast<std::uint32_t>(interval->months));
  }
  return interval.ok();
}

// An integer that `bytes` bytes hold, with or without a sign; false for others.
bool AppendInteger(std::string* out, const Value& value, int bytes, bool is_signed) {
  const std::optional<std::int64_t> integer = ExactInteger(value);
  const std::int64_t end = std::int64_t{1} << (8 * bytes - (is_signed ? 1 : 0));
  if (!integer || *integer >= end || *integer < (is_signed ? -end : 0)) {
    return false;
  }
  if (bytes == 2) {
    AppendBigEndian16(out, static_cast<std::uint16_t>(*integer));
  } else {
    AppendBigEndian32(out, static_cast<std::uint32_t>(*integer));
  }
  return true;
}

bool AppendSingle(std::string* out, const Value& value) {
  const std::optional<double> real = ExactReal(value);
  if (real) {
    AppendBigEndian32(out, std::bit_cast<std::uint32_t>(static_cast<float>(*real)));
  }
  return real.has_value();
}

char KindOfElements(TypeOid element) {
  switch (element) {
    case TypeOid::kInt2:
    case TypeOid::kInt4:
    case TypeOid::kInt8:
    case TypeOid::kOid:
      return 'i';
    case TypeOid::kFloat4:
    case TypeOid::kFloat8:
      return 'f';
    case TypeOid::kBool:
      return 'b';
    default:
      return 't';
  }
}

// A column of vectors is announced as float4[].
bool IsVector(const Value& value, const WireColumn& column) {
  return column.type == TypeOid::kFloat4Array && value.type() == ValueType::kBlob;
}

// Dimensions, whether there are NULLs, type; length and lower bound; the elements.
Status AppendArray(std::string* out, const Value& value, const WireColumn& column,
                   TypeOid element) {
  if (IsVector(value, column)) {
    AppendVectorArray(out, value.bytes());
    return Status();
  }
  if (value.type() != ValueType::kText) {
    return DoesNotFit(value, column);
  }
  DASHI_ASSIGN_OR_RETURN(const auto elements, sql::postgres::ReadAnyArrayText(value.text()));
  const bool vector = column.type == TypeOid::kInt2Vector || column.type == TypeOid::kOidVector;
  const bool has_null = std::any_of(elements.begin(), elements.end(),
                                    [](const auto& one) { return !one.has_value(); });
  AppendBigEndian32(out, elements.empty() && !vector ? 0 : 1);
  AppendBigEndian32(out, has_null ? 1 : 0);
  AppendBigEndian32(out, static_cast<std::uint32_t>(element));
  if (!elements.empty() || vector) {
    AppendBigEndian32(out, static_cast<std::uint32_t>(elements.size()));
    AppendBigEndian32(out, vector ? 0 : 1);
  }
  const char kind = KindOfElements(element);
  for (const std::optional<std::string>& one : elements) {
    if (!one) {
      AppendBigEndian32(out, UINT32_MAX);
      continue;
    }
    DASHI_ASSIGN_OR_RETURN(const Value held,
                           sql::postgres::ElementValue(*one, vector, std::string_view(&kind, 1)));
    std::string bytes;
    DASHI_RETURN_IF_ERROR(AppendBinary(&bytes, held, {column.name, element}));
    AppendBigEndian32(out, static_cast<std::uint32_t>(bytes.size()));
    *out += bytes;
  }
  return Status();
}

std::optional<bool> BooleanOf(const Value& value) {
  const std::optional<std::int64_t> integer = ExactInteger(value);
  return integer && (*integer == 0 || *integer == 1) ? std::optional<bool>(*integer == 1)
                                                     : std::nullopt;
}

}  // namespace

std::optional<TypeOid> ElementOf(TypeOid array) {
  switch (array) {
    case TypeOid::kInt2Array:
    case TypeOid::kInt2Vector:
      return TypeOid::kInt2;
    case TypeOid::kInt4Array:
      return TypeOid::kInt4;
    case TypeOid::kInt8Array:
      return TypeOid::kInt8;
    case TypeOid::kFloat4Array:
      return TypeOid::kFloat4;
    case TypeOid::kFloat8Array:
      return TypeOid::kFloat8;
    case TypeOid::kBoolArray:
      return TypeOid::kBool;
    case TypeOid::kOidArray:
    case TypeOid::kOidVector:
      return TypeOid::kOid;
    case TypeOid::kCharArray:
      return TypeOid::kChar;
    case TypeOid::kNameArray:
      return TypeOid::kName;
    case TypeOid::kTextArray:
    case TypeOid::kVarcharArray:
      return TypeOid::kText;
    default:
      return std::nullopt;
  }
}

void AppendPlain(std::string* out, const Value& value) {
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

Status AppendText(std::string* out, const Value& value, const WireColumn& column) {
  if (IsVector(value, column)) {
    AppendVectorArrayText(out, value.bytes());
    return Status();
  }
  if (column.type != TypeOid::kBool) {
    AppendPlain(out, value);
    return Status();
  }
  const std::optional<bool> boolean = BooleanOf(value);
  if (!boolean) {
    return DoesNotFit(value, column);
  }
  *out += *boolean ? 't' : 'f';
  return Status();
}

Status AppendBinary(std::string* out, const Value& value, const WireColumn& column) {
  bool fits = true;
  switch (column.type) {
    case TypeOid::kBool:
      if (const std::optional<bool> boolean = BooleanOf(value)) {
        *out += *boolean ? '\1' : '\0';
        return Status();
      }
      return DoesNotFit(value, column);
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
      *out += value.bytes();
      fits = value.type() == ValueType::kBlob;
      break;
    case TypeOid::kDate:
    case TypeOid::kTime:
    case TypeOid::kTimestamptz:
      fits = AppendMoment(out, value, column.type);
      break;
    case TypeOid::kInterval:
      fits = AppendInterval(out, value);
      break;
    case TypeOid::kInt2:
      fits = AppendInteger(out, value, 2, /*is_signed=*/true);
      break;
    case TypeOid::kInt4:
      fits = AppendInteger(out, value, 4, /*is_signed=*/true);
      break;
    case TypeOid::kFloat4:
      fits = AppendSingle(out, value);
      break;
    case TypeOid::kOid:
    case TypeOid::kXid:
    case TypeOid::kRegclass:
    case TypeOid::kRegtype:
    case TypeOid::kRegproc:
    case TypeOid::kRegnamespace:
    case TypeOid::kRegrole:
      fits = AppendInteger(out, value, 4, /*is_signed=*/false);
      break;
    default:
      if (const std::optional<TypeOid> element = ElementOf(column.type)) {
        return AppendArray(out, value, column, *element);
      }
      AppendPlain(out, value);
      break;
  }
  return fits ? Status() : DoesNotFit(value, column);
}

}  // namespace dashi
