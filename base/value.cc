#include "dashi/value.h"

#include <fmt/format.h>

#include "dashi/sql_type.h"

namespace dashi {

std::string_view ValueTypeName(ValueType type) noexcept {
  switch (type) {
    case ValueType::kNull:
      return "NULL";
    case ValueType::kInteger:
      return "INTEGER";
    case ValueType::kReal:
      return "REAL";
    case ValueType::kText:
      return "TEXT";
    case ValueType::kBlob:
      return "BLOB";
  }
  return "NULL";
}

std::string_view SqlTypeName(SqlType type) noexcept {
  switch (type) {
    case SqlType::kUnknown:
      return "unknown";
    case SqlType::kBoolean:
      return "boolean";
    case SqlType::kInteger:
      return "bigint";
    case SqlType::kReal:
      return "double precision";
    case SqlType::kText:
      return "text";
    case SqlType::kBytes:
      return "bytea";
    case SqlType::kDate:
      return "date";
    case SqlType::kTime:
      return "time";
    case SqlType::kTimestamp:
      return "timestamp with time zone";
    case SqlType::kInterval:
      return "interval";
    case SqlType::kTextArray:
      return "text[]";
    case SqlType::kIntegerArray:
      return "bigint[]";
    case SqlType::kRealArray:
      return "double precision[]";
  }
  return "unknown";
}

std::int64_t Value::integer() const noexcept {
  const auto* value = std::get_if<std::int64_t>(&data_);
  return value ? *value : 0;
}

double Value::real() const noexcept {
  if (const auto* value = std::get_if<double>(&data_)) {
    return *value;
  }
  return static_cast<double>(integer());
}

std::string_view Value::text() const noexcept {
  const auto* value = std::get_if<std::string>(&data_);
  return value ? std::string_view(*value) : std::string_view();
}

void Value::AssignText(std::string_view text) {
  if (auto* value = std::get_if<std::string>(&data_)) {
    value->assign(text);
  } else {
    data_.emplace<std::string>(text);
  }
}

std::string_view Value::bytes() const noexcept {
  const auto* value = std::get_if<Blob>(&data_);
  return value ? std::string_view(value->bytes) : std::string_view();
}

std::string Value::ToString() const {
  switch (type()) {
    case ValueType::kNull:
      return "NULL";
    case ValueType::kInteger:
      return fmt::format("{}", integer());
    case ValueType::kReal:
      return fmt::format("{}", real());
    case ValueType::kText:
      return std::string(text());
    case ValueType::kBlob: {
      std::string out = "\\x";
      for (const char byte : bytes()) {
        out += fmt::format("{:02x}", static_cast<unsigned char>(byte));
      }
      return out;
    }
  }
  return "NULL";
}

}  // namespace dashi
