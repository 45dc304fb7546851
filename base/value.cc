#include "dashi/value.h"

#include <iterator>

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
  static constexpr std::string_view kNames[] = {"unknown",
                                                "boolean",
                                                "bigint",
                                                "double precision",
                                                "text",
                                                "bytea",
                                                "date",
                                                "time",
                                                "timestamp with time zone",
                                                "interval",
                                                "text[]",
                                                "bigint[]",
                                                "double precision[]",
                                                "oid",
                                                "name",
                                                "\"char\"",
                                                "smallint",
                                                "integer",
                                                "real",
                                                "xid",
                                                "regclass",
                                                "regtype",
                                                "regproc",
                                                "regnamespace",
                                                "regrole",
                                                "int2vector",
                                                "oidvector",
                                                "boolean[]",
                                                "oid[]",
                                                "smallint[]",
                                                "\"char\"[]",
                                                "name[]",
                                                "real[]",
                                                "aclitem[]",
                                                "pg_node_tree",
                                                "vector"};
  static_assert(std::size(kNames) == static_cast<std::size_t>(SqlType::kVector) + 1);
  const auto number = static_cast<std::size_t>(type);
  return number < std::size(kNames) ? kNames[number] : kNames[0];
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
