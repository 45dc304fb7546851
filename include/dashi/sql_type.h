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
/// | k...Array  | texts, "{1,2,NULL}"; of parameters "[1,2,null]", too        |
/// | k...Vector | texts, "1 2": arrays of PostgreSQL's catalog, counted from 0  |
/// | kReg...    | texts that name an object of the catalog, or its number     |
/// | kVector    | blobs: 32-bit floats, little-endian, one after another        |
/// | others     | integers, reals or texts, as PostgreSQL's types of the names |
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
  // Of PostgreSQL's catalog.
  kOid = 13,
  kName = 14,
  kChar = 15,
  kSmallInt = 16,
  kInt = 17,
  kSingle = 18,
  kXid = 19,
  kRegclass = 20,
  kRegtype = 21,
  kRegproc = 22,
  kRegnamespace = 23,
  kRegrole = 24,
  kSmallIntVector = 25,
  kOidVector = 26,
  kBooleanArray = 27,
  kOidArray = 28,
  kSmallIntArray = 29,
  kCharArray = 30,
  kNameArray = 31,
  kSingleArray = 32,
  kAclItemArray = 33,
  kNodeTree = 34,
  kVector = 35,
};

/// Returns the type's name in SQL: "boolean", "bigint", "double precision", "text", "bytea",
/// "date", "time", "timestamp with time zone", "interval", "text[]", "bigint[]", "double
/// precision[]", "oid" and so on; "unknown".
std::string_view SqlTypeName(SqlType type) noexcept;

}  // namespace dashi
