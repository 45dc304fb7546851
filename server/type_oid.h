#pragma once

#include <cstdint>

namespace dashi {

/// PostgreSQL's numbers of types. Values are those of the protocol; a client may name others.
enum class TypeOid : std::uint32_t {
  kUnspecified = 0,  ///< a parameter whose type the server is to find
  kBool = 16,
  kBytea = 17,
  kName = 19,
  kInt8 = 20,
  kInt2 = 21,
  kInt4 = 23,
  kText = 25,
  kJson = 114,
  kFloat4 = 700,
  kFloat8 = 701,
  kUnknown = 705,
  kBoolArray = 1000,
  kInt2Array = 1005,
  kInt4Array = 1007,
  kTextArray = 1009,
  kVarcharArray = 1015,
  kInt8Array = 1016,
  kFloat4Array = 1021,
  kFloat8Array = 1022,
  kBpchar = 1042,
  kVarchar = 1043,
  kDate = 1082,
  kTime = 1083,
  kTimestamp = 1114,
  kTimestamptz = 1184,
  kInterval = 1186,
  kNumeric = 1700,
  kUuid = 2950,
  kJsonb = 3802,
};

/// How a value is written. Values are those of the protocol; a client may send others.
enum class WireFormat : std::uint16_t { kText = 0, kBinary = 1 };

}  // namespace dashi
