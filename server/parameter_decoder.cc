#include "server/parameter_decoder.h"

#include <algorithm>
#include <bit>
#include <cctype>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/byte_codec.h"
#include "base/status.h"
#include "base/vector_codec.h"
#include "server/value_encoder.h"
#include "server/wire_decoder.h"
#include "sql/postgres/array_text.h"
#include "sql/postgres/cast.h"
#include "sql/postgres/interval.h"
#include "sql/postgres/moment.h"

namespace dashi {

namespace {

using sql::postgres::Cast;
using sql::postgres::CastKind;
using sql::postgres::StaticType;

// Of the protocol's times, which count from 2000-01-01.
constexpr std::int64_t kEpochDays = 10'957;
constexpr std::size_t kUuidBytes = 16;
constexpr std::size_t kArrayElementsMax = std::size_t{1} << 20;

Status WrongBytes(std::size_t number) {
  return Status::InvalidArgument(
             fmt::format("incorrect binary data format in bind parameter {}", number))
      .WithSqlState("22P03");
}

std::optional<CastKind> KindOf(TypeOid type) {
  switch (type) {
    case TypeOid::kBool:
      return CastKind::kBoolean;
    case TypeOid::kBytea:
      return CastKind::kBytes;
    case TypeOid::kInt2:
      return CastKind::kInt2;
    case TypeOid::kInt4:
      return CastKind::kInt4;
    case TypeOid::kInt8:
      return CastKind::kInt8;
    case TypeOid::kFloat4:
      return CastKind::kFloat4;
    case TypeOid::kFloat8:
      return CastKind::kFloat8;
    case TypeOid::kNumeric:
      return CastKind::kNumeric;
    case TypeOid::kDate:
      return CastKind::kDate;
    case TypeOid::kTime:
      return CastKind::kTime;
    case TypeOid::kTimestamp:
      return CastKind::kTimestamp;
    case TypeOid::kTimestamptz:
      return CastKind::kTimestamptz;
    case TypeOid::kInterval:
      return CastKind::kInterval;
    case TypeOid::kJson:
    case TypeOid::kJsonb:
      return CastKind::kJson;
    case TypeOid::kVector:
      return CastKind::kVector;
    case TypeOid::kOid:
      return CastKind::kOid;
    default:
      return std::nullopt;
  }
}

Result<Value> ValueOfText(TypeOid type, std::string_view text) {
  if (const std::optional<CastKind> kind = KindOf(type)) {
    return Cast(Value::Text(std::string(text)), {*kind, std::nullopt}, StaticType::kUnknown);
  }
  return Value::Text(std::string(text));
}

void AppendElement(std::string* json, const Value& element) {
  if (json->size() > 1) {
    *json += ',';
  }
  if (element.is_null()) {
    *json += "null";
  } else if (element.type() == ValueType::kText) {
    *json += nlohmann::json(element.text()).dump();
  } else {
    AppendPlain(json, element);
  }
}

// {1.5, NULL, "2"} becomes [1.5,null,2].
Result<Value> ArrayOfText(TypeOid element_type, std::string_view text) {
  const bool of_reals = element_type == TypeOid::kFloat4 || element_type == TypeOid::kFloat8;
  if (of_reals && text.starts_with('[')) {  // As pgvector's clients write a vector.
    DASHI_RETURN_IF_ERROR(VectorOfText(text).status());
    return Value::Text(std::string(text));
  }
  DASHI_ASSIGN_OR_RETURN(const auto elements, sql::postgres::ReadArrayText(text));
  std::string json = "[";
  for (const std::optional<std::string>& element : elements) {
    if (!element) {
      AppendElement(&json, Value::Null());
      continue;
    }
    DASHI_ASSIGN_OR_RETURN(const Value value, ValueOfText(element_type, *element));
    AppendElement(&json, value);
  }
  return Value::Text(json + "]");
}

Result<Value> Finite(double value) {
  if (!std::isfinite(value)) {
    return Status::Unimplemented("a parameter that is not a finite number is not supported");
  }
  return Value::Real(value);
}

// Base 10,000 digits: count, weight of the first, sign, digits behind the point, digits.
Result<Value> NumericOf(std::string_view bytes, std::size_t number) {
  constexpr std::uint16_t kNegative = 0x4000;
  constexpr std::uint16_t kBase = 10'000;
  constexpr int kWeightMax = 100;
  ByteReader reader(bytes);
  std::uint16_t num_digits = 0;
  std::uint16_t weight_bits = 0;
  std::uint16_t sign = 0;
  std::uint16_t scale = 0;
  if (!reader.ReadBigEndian16(&num_digits) || !reader.ReadBigEndian16(&weight_bits) ||
      !reader.ReadBigEndian16(&sign) || !reader.ReadBigEndian16(&scale) ||
      reader.rest().size() != 2 * std::size_t{num_digits}) {
    return WrongBytes(number);
  }
  if (sign != 0 && sign != kNegative) {
    return Status::Unimplemented("a parameter that is not a finite number is not supported");
  }
  const int weight = static_cast<std::int16_t>(weight_bits);
  if (weight > kWeightMax || weight < -kWeightMax) {
    return Status::Unimplemented("a numeric has at most 15 digits here");
  }
  std::string whole = sign == kNegative ? "-" : "";
  std::string fraction;
  for (int place = std::max(weight, 0); place >= std::min(weight - num_digits + 1, 0); --place) {
    std::uint16_t digits = 0;
    if (place <= weight && place > weight - num_digits && !reader.ReadBigEndian16(&digits)) {
      return WrongBytes(number);
    }
    if (digits >= kBase) {
      return WrongBytes(number);
    }
    (place >= 0 ? whole : fraction) += fmt::format("{:04}", digits);
  }
  return ValueOfText(TypeOid::kNumeric, fraction.empty() ? whole : whole + "." + fraction);
}

Status CheckSize(std::string_view bytes, std::size_t size, std::size_t number) {
  if (bytes.size() < size) {
    return Status::InvalidArgument("insufficient data left in message").WithSqlState("08P01");
  }
  return bytes.size() == size ? Status() : WrongBytes(number);
}

Result<std::int64_t> IntegerOf(std::string_view bytes, std::size_t size, std::size_t number) {
  DASHI_RETURN_IF_ERROR(CheckSize(bytes, size, number));
  std::uint64_t bits = (static_cast<unsigned char>(bytes.front()) & 0x80U) != 0 ? ~0ULL : 0ULL;
  for (const char byte : bytes) {
    bits = (bits << 8U) | static_cast<unsigned char>(byte);
  }
  return static_cast<std::int64_t>(bits);
}

Result<Value> MomentOf(StaticType type, std::int64_t micros) {
  sql::postgres::Moment moment;
  moment.type = type;
  moment.micros = micros;
  if (type != StaticType::kTime) {
    // Infinity, and years that dashi does not have.
    constexpr std::int64_t kFirstDay = -719'162;  // 0001-01-01
    constexpr std::int64_t kLastDay = 2'932'896;  // 9999-12-31
    constexpr std::int64_t kDay = sql::postgres::kMicrosPerDay;
    if (micros < kFirstDay * kDay || micros >= (kLastDay + 1) * kDay) {
      return Status::InvalidArgument("a date is outside the years 1 to 9999").WithSqlState("22008");
    }
  } else if (micros < 0 || micros > sql::postgres::kMicrosPerDay) {
    return Status::InvalidArgument("a time is outside the day").WithSqlState("22008");
  }
  return Value::Text(ShowMoment(moment));
}

Result<Value> TimestampOf(std::string_view bytes, std::size_t number) {
  DASHI_ASSIGN_OR_RETURN(const std::int64_t micros, IntegerOf(bytes, 8, number));
  constexpr std::int64_t kEpoch = kEpochDays * sql::postgres::kMicrosPerDay;
  const std::int64_t since_1970 = micros > INT64_MAX - kEpoch ? INT64_MAX : micros + kEpoch;
  return MomentOf(StaticType::kTimestamp, since_1970);
}

Result<Value> IntervalOf(std::string_view bytes, std::size_t number) {
  DASHI_RETURN_IF_ERROR(CheckSize(bytes, 16, number));
  sql::postgres::Interval interval;
  DASHI_ASSIGN_OR_RETURN(interval.micros, IntegerOf(bytes.substr(0, 8), 8, number));
  DASHI_ASSIGN_OR_RETURN(interval.days, IntegerOf(bytes.substr(8, 4), 4, number));
  DASHI_ASSIGN_OR_RETURN(interval.months, IntegerOf(bytes.substr(12, 4), 4, number));
  return Value::Text(FormatInterval(interval));
}

Result<Value> FloatOf(std::string_view bytes, std::size_t size, std::size_t number) {
  DASHI_ASSIGN_OR_RETURN(const std::int64_t bits, IntegerOf(bytes, size, number));
  return size == 4 ? Finite(std::bit_cast<float>(static_cast<std::uint32_t>(bits)))
                   : Finite(std::bit_cast<double>(bits));
}

Result<Value> UuidOf(std::string_view bytes, std::size_t number) {
  DASHI_RETURN_IF_ERROR(CheckSize(bytes, kUuidBytes, number));
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const bool dash = i == 4 || i == 6 || i == 8 || i == 10;
    text += fmt::format("{}{:02x}", dash ? "-" : "", static_cast<unsigned char>(bytes[i]));
  }
  return Value::Text(std::move(text));
}

Result<Value> TextOf(std::string_view bytes) {
  DASHI_RETURN_IF_ERROR(CheckUtf8(bytes));
  return Value::Text(std::string(bytes));
}

// The version of the format, which is 1, and the text.
Result<Value> JsonbOf(std::string_view bytes, std::size_t number) {
  if (bytes.empty() || bytes.front() != '\1') {
    return WrongBytes(number);
  }
  DASHI_RETURN_IF_ERROR(CheckUtf8(bytes.substr(1)));
  return ValueOfText(TypeOid::kJsonb, bytes.substr(1));
}

// pgvector's format: the number of dimensions, 0, and the numbers.
Result<Value> VectorOf(std::string_view bytes, std::size_t number) {
  ByteReader reader(bytes);
  std::uint16_t dimension = 0;
  std::uint16_t unused = 0;
  if (!reader.ReadBigEndian16(&dimension) || !reader.ReadBigEndian16(&unused) || unused != 0 ||
      reader.rest().size() != dimension * sizeof(float)) {
    return WrongBytes(number);
  }
  std::string vector(reader.rest());
  for (std::size_t i = 0; i < vector.size(); i += sizeof(float)) {
    std::reverse(vector.begin() + static_cast<std::ptrdiff_t>(i),
                 vector.begin() + static_cast<std::ptrdiff_t>(i + sizeof(float)));
  }
  DASHI_RETURN_IF_ERROR(CheckVector(vector));
  return Value::Bytes(std::move(vector));
}

Result<Value> ScalarOfBytes(TypeOid type, std::string_view bytes, std::size_t number) {
  switch (type) {
    case TypeOid::kBool: {
      DASHI_ASSIGN_OR_RETURN(const std::int64_t byte, IntegerOf(bytes, 1, number));
      return Value::Integer(byte != 0 ? 1 : 0);
    }
    case TypeOid::kBytea:
      return Value::Bytes(std::string(bytes));
    case TypeOid::kInt2:
    case TypeOid::kInt4:
    case TypeOid::kInt8: {
      const std::size_t size = type == TypeOid::kInt2 ? 2 : type == TypeOid::kInt4 ? 4 : 8;
      DASHI_ASSIGN_OR_RETURN(const std::int64_t integer, IntegerOf(bytes, size, number));
      return Value::Integer(integer);
    }
    case TypeOid::kFloat4:
      return FloatOf(bytes, 4, number);
    case TypeOid::kFloat8:
      return FloatOf(bytes, 8, number);
    case TypeOid::kNumeric:
      return NumericOf(bytes, number);
    case TypeOid::kDate: {
      DASHI_ASSIGN_OR_RETURN(std::int64_t days, IntegerOf(bytes, 4, number));
      constexpr std::int64_t kDaysMax = 10'000'000;  // Farther than any year that dashi has.
      days = std::clamp(days, -kDaysMax, kDaysMax);
      return MomentOf(StaticType::kDate, (days + kEpochDays) * sql::postgres::kMicrosPerDay);
    }
    case TypeOid::kTime: {
      DASHI_ASSIGN_OR_RETURN(const std::int64_t micros, IntegerOf(bytes, 8, number));
      return MomentOf(StaticType::kTime, micros);
    }
    case TypeOid::kTimestamp:
    case TypeOid::kTimestamptz:
      return TimestampOf(bytes, number);
    case TypeOid::kInterval:
      return IntervalOf(bytes, number);
    case TypeOid::kUuid:
      return UuidOf(bytes, number);
    case TypeOid::kJsonb:
      return JsonbOf(bytes, number);
    case TypeOid::kVector:
      return VectorOf(bytes, number);
    case TypeOid::kJson:
      DASHI_RETURN_IF_ERROR(CheckUtf8(bytes));
      return ValueOfText(type, bytes);
    case TypeOid::kOid:
    case TypeOid::kXid:
    case TypeOid::kRegclass:
    case TypeOid::kRegtype:
    case TypeOid::kRegproc:
    case TypeOid::kRegnamespace:
    case TypeOid::kRegrole: {
      DASHI_ASSIGN_OR_RETURN(const std::int64_t bits, IntegerOf(bytes, 4, number));
      return Value::Integer(static_cast<std::uint32_t>(bits));
    }
    case TypeOid::kUnspecified:
    case TypeOid::kUnknown:
    case TypeOid::kChar:
    case TypeOid::kText:
    case TypeOid::kVarchar:
    case TypeOid::kBpchar:
    case TypeOid::kName:
      return TextOf(bytes);
    default:
      return Status::Unimplemented(
                 fmt::format("parameters of type {} in binary format are not supported",
                             static_cast<std::uint32_t>(type)))
          .WithHint("Send the parameter as text.");
  }
}

// Dimensions, whether there are NULLs, type; length and lower bound; the elements.
Result<Value> ArrayOfBytes(TypeOid element_type, std::string_view bytes, std::size_t number) {
  ByteReader reader(bytes);
  std::uint32_t num_dimensions = 0;
  std::uint32_t has_nulls = 0;
  std::uint32_t type = 0;
  if (!reader.ReadBigEndian32(&num_dimensions) || !reader.ReadBigEndian32(&has_nulls) ||
      !reader.ReadBigEndian32(&type) || static_cast<TypeOid>(type) != element_type) {
    return WrongBytes(number);
  }
  if (num_dimensions > 1) {
    return Status::Unimplemented("arrays of several dimensions are not supported");
  }
  std::uint32_t num_elements = 0;
  std::uint32_t lower_bound = 0;
  if (num_dimensions == 1 &&
      (!reader.ReadBigEndian32(&num_elements) || !reader.ReadBigEndian32(&lower_bound))) {
    return WrongBytes(number);
  }
  if (num_elements > kArrayElementsMax) {
    return Status::ResourceExhausted("an array has too many elements").WithSqlState("54000");
  }
  std::string json = "[";
  for (std::uint32_t i = 0; i < num_elements; ++i) {
    std::uint32_t length = 0;
    std::string_view element;
    if (!reader.ReadBigEndian32(&length)) {
      return WrongBytes(number);
    }
    if (length == 0xFFFFFFFFU) {
      AppendElement(&json, Value::Null());
      continue;
    }
    if (!reader.ReadBytes(length, &element)) {
      return WrongBytes(number);
    }
    DASHI_ASSIGN_OR_RETURN(const Value value, ScalarOfBytes(element_type, element, number));
    AppendElement(&json, value);
  }
  return reader.empty() ? Result<Value>(Value::Text(json + "]")) : WrongBytes(number);
}

}  // namespace

Result<Value> DecodeParameter(TypeOid type, WireFormat format, std::string_view bytes,
                              std::size_t number) {
  const std::optional<TypeOid> element_type = ElementOf(type);
  switch (format) {
    case WireFormat::kText:
      DASHI_RETURN_IF_ERROR(CheckUtf8(bytes));
      return element_type ? ArrayOfText(*element_type, bytes) : ValueOfText(type, bytes);
    case WireFormat::kBinary:
      return element_type ? ArrayOfBytes(*element_type, bytes, number)
                          : ScalarOfBytes(type, bytes, number);
  }
  return Status::InvalidArgument(
             fmt::format("unsupported format code: {}", static_cast<std::uint16_t>(format)))
      .WithSqlState("22023");
}

}  // namespace dashi
