#pragma once

#include <cstdint>

namespace dashi {

/// PostgreSQL's numbers of types. Values are those of the protocol; a client may name others.
enum class TypeOid : std::uint32_t {
  kUnspecified = 0,  ///< a parameter whose type the server is to find
  kBool = 16,
  kBytea = 17,
  kChar = 18,
  kName = 19,
  kInt8 = 20,
  kInt2 = 21,
  kInt2Vector = 22,
  kInt4 = 23,
  kRegproc = 24,
  kText = 25,
  kOid = 26,
  kXid = 28,
  kOidVector = 30,
  kJson = 114,
  kNodeTree = 194,
  kFloat4 = 700,
  kFloat8 = 701,
  kUnknown = 705,
  kBoolArray = 1000,
  kCharArray = 1002,
  kNameArray = 1003,
  kInt2Array = 1005,
  kInt4Array = 1007,
  kTextArray = 1009,
  kVarcharArray = 1015,
  kInt8Array = 1016,
  kFloat4Array = 1021,
  kFloat8Array = 1022,
  kOidArray = 1028,
  kAclItemArray = 1034,
  kBpchar = 1042,
  kVarchar = 1043,
  kDate = 1082,
  kTime = 1083,
  kTimestamp = 1114,
  kTimestamptz = 1184,
  kInterval = 1186,
  kNumeric = 1700,
  kRegclass = 2205,
  kRegtype = 2206,
  kUuid = 2950,
  kJsonb = 3802,
  kRegnamespace = 4089,
  kRegrole = 4096,
  kVector = 16384,  ///< pgvector's, by the number that the catalog here gives it
};

/// How a value is written. Values are those of the protocol; a client may send others.
enum class WireFormat : std::uint16_t { kText = 0, kBinary = 1 };

}  // namespace dashi
