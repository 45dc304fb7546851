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
};

/// Returns the type's name in SQL: "boolean", "bigint", "double precision", "text", "bytea",
/// "date", "time", "timestamp with time zone", "interval"; "unknown".
std::string_view SqlTypeName(SqlType type) noexcept;

}  // namespace dashi
