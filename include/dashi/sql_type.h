#pragma once

#include <cstdint>
#include <string_view>

namespace dashi {

/// What a column or a parameter of a statement stands for, where its values alone do not tell:
/// they are of fewer types (ValueType). Append only.
///
/// | type       | its values                                                  |
/// |------------|-------------------------------------------------------------|
/// | kBoolean   | integers, 1 and 0                                           |
/// | kInteger   | integers                                                    |
/// | kReal      | reals, or integers where nothing stands behind the point    |
/// | kText      | texts                                                       |
/// | kBytes     | blobs                                                       |
/// | kDate      | texts, "2026-11-28"                                         |
/// | kTime      | texts, "21:04:05"                                           |
/// | kTimestamp | texts, "2026-11-28 21:04:05.123456+00", always UTC          |
/// | kInterval  | texts, "1 day 02:00:00"                                     |
/// | k...Array  | of parameters alone: texts, "{1,2,NULL}" or "[1,2,null]"    |
enum class SqlType : std::uint8_t {
  kUnknown = 0,
  kBoolean = 1,
  kInteger = 2,
  kReal = 3,
  kText = 4,
  kBytes = 5,
  kDate = 6,
  kTime = 7,
  kTimestamp = 8,
  kInterval = 9,
  kTextArray = 10,
  kIntegerArray = 11,
  kRealArray = 12,
};

/// Returns the type's name in SQL: "boolean", "bigint", "double precision", "text", "bytea",
/// "date", "time", "timestamp with time zone", "interval", "text[]", "bigint[]", "double
/// precision[]"; "unknown".
std::string_view SqlTypeName(SqlType type) noexcept;

}  // namespace dashi
