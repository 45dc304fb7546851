#include "server/parameter_decoder.h"

#include <bit>
#include <cstdint>
#include <limits>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "base/byte_codec.h"

namespace dashi {
namespace {

using std::string_literals::operator""s;

std::string Text(TypeOid type, std::string_view text) {
  const Result<Value> value = DecodeParameter(type, WireFormat::kText, text, 1);
  return value.ok() ? std::string(ValueTypeName(value->type())) + " " + value->ToString()
                    : std::string(value.status().sqlstate());
}

std::string Binary(TypeOid type, std::string_view bytes) {
  const Result<Value> value = DecodeParameter(type, WireFormat::kBinary, bytes, 1);
  return value.ok() ? std::string(ValueTypeName(value->type())) + " " + value->ToString()
                    : std::string(value.status().sqlstate());
}

std::string Int(std::uint64_t value, std::size_t size) {
  std::string bytes;
  AppendBigEndian64(&bytes, value);
  return bytes.substr(8 - size);
}

std::string Double(double value) { return Int(std::bit_cast<std::uint64_t>(value), 8); }

TEST(DecodeParameterTest, ReadsTypesOfTheCatalog) {
  EXPECT_EQ(Text(TypeOid::kOid, "4294967295"), "INTEGER 4294967295");
  EXPECT_EQ(Text(TypeOid::kOid, "4294967296"), "22003");
  EXPECT_EQ(Text(TypeOid::kOid, "x"), "22P02");
  EXPECT_EQ(Text(TypeOid::kRegclass, "labels"), "TEXT labels");
  EXPECT_EQ(Binary(TypeOid::kOid, "\xff\xff\xff\xff"), "INTEGER 4294967295");
  EXPECT_EQ(Binary(TypeOid::kOid, "\1"), "08P01");
  EXPECT_EQ(Binary(TypeOid::kRegclass, Int(1259, 4)), "INTEGER 1259");
  EXPECT_EQ(Binary(TypeOid::kChar, "r"), "TEXT r");
  EXPECT_EQ(Binary(TypeOid::kName, "labels"), "TEXT labels");
  EXPECT_EQ(Text(TypeOid::kOidArray, "{1,2}"), "TEXT [1,2]");
  EXPECT_EQ(Binary(TypeOid::kOidArray, Int(1, 4) + Int(0, 4) + Int(26, 4) + Int(1, 4) + Int(1, 4) +
                                           Int(4, 4) + Int(1021, 4)),
            "TEXT [1021]");
}

TEST(DecodeParameterTest, ReadsTexts) {
  EXPECT_EQ(Text(TypeOid::kInt2, "-7"), "INTEGER -7");
  EXPECT_EQ(Text(TypeOid::kInt2, "40000"), "22003");
  EXPECT_EQ(Text(TypeOid::kInt4, "zz"), "22P02");
  EXPECT_EQ(Text(TypeOid::kInt8, "9223372036854775807"), "INTEGER 9223372036854775807");
  EXPECT_EQ(Text(TypeOid::kFloat8, "1.5"), "REAL 1.5");
  EXPECT_EQ(Text(TypeOid::kFloat4, "0.5"), "REAL 0.5");
  EXPECT_EQ(Text(TypeOid::kNumeric, "1.50"), "REAL 1.5");
  EXPECT_EQ(Text(TypeOid::kNumeric, "1234567890.1234567890"), "0A000");
  EXPECT_EQ(Text(TypeOid::kBool, "t"), "INTEGER 1");
  EXPECT_EQ(Text(TypeOid::kBool, "false"), "INTEGER 0");
  EXPECT_EQ(Text(TypeOid::kBool, "maybe"), "22P02");
  EXPECT_EQ(Text(TypeOid::kBytea, "\\x00ff"), "BLOB \\x00ff");
  EXPECT_EQ(Text(TypeOid::kDate, "2026-11-28"), "TEXT 2026-11-28");
  EXPECT_EQ(Text(TypeOid::kTimestamptz, "2026-11-28 01:00:00+02"),
            "TEXT 2026-11-27 23:00:00.000000+00");
  EXPECT_EQ(Text(TypeOid::kTimestamptz, "yesterday-ish"), "22007");
  EXPECT_EQ(Text(TypeOid::kJson, "{\"a\": 1}"), "TEXT {\"a\": 1}");
  EXPECT_EQ(Text(TypeOid::kJson, "{a"), "22P02");
  for (const TypeOid type : {TypeOid::kText, TypeOid::kVarchar, TypeOid::kUnspecified,
                             TypeOid::kUnknown, TypeOid::kUuid, static_cast<TypeOid>(999'999)}) {
    EXPECT_EQ(Text(type, "any é"), "TEXT any é");
    EXPECT_EQ(Text(type, "a\xff"), "22021");
    EXPECT_EQ(Text(type, "a\0b"s), "22021");
  }
}

TEST(DecodeParameterTest, ReadsBytes) {
  EXPECT_EQ(Binary(TypeOid::kInt2, Int(0xFFF9, 2)), "INTEGER -7");
  EXPECT_EQ(Binary(TypeOid::kInt4, Int(70'000, 4)), "INTEGER 70000");
  EXPECT_EQ(Binary(TypeOid::kInt8, Int(1ULL << 63, 8)), "INTEGER -9223372036854775808");
  EXPECT_EQ(Binary(TypeOid::kFloat8, Double(-2.25)), "REAL -2.25");
  EXPECT_EQ(Binary(TypeOid::kFloat8, Double(std::numeric_limits<double>::infinity())), "0A000");
  EXPECT_EQ(Binary(TypeOid::kFloat4, Int(std::bit_cast<std::uint32_t>(0.5F), 4)), "REAL 0.5");
  EXPECT_EQ(Binary(TypeOid::kBool, "\1"), "INTEGER 1");
  EXPECT_EQ(Binary(TypeOid::kBytea, "\0\xff"s), "BLOB \\x00ff");
  EXPECT_EQ(Binary(TypeOid::kBytea, ""), "BLOB \\x");
  EXPECT_EQ(Binary(TypeOid::kText, "x"), "TEXT x");
  EXPECT_EQ(Binary(TypeOid::kText, "\xff"), "22021");
  EXPECT_EQ(Binary(TypeOid::kJsonb, "\1[1]"), "TEXT [1]");
  EXPECT_EQ(Binary(TypeOid::kJsonb, "[1]"), "22P03");
  EXPECT_EQ(Binary(TypeOid::kUuid, "0123456789abcdef"),
            "TEXT 30313233-3435-3637-3839-616263646566");
  EXPECT_EQ(Binary(static_cast<TypeOid>(999'999), "x"), "0A000");
}

TEST(DecodeParameterTest, ReadsTimes) {
  EXPECT_EQ(Binary(TypeOid::kDate, Int(0, 4)), "TEXT 2000-01-01");
  EXPECT_EQ(Binary(TypeOid::kDate, Int(0xFFFFFFFF, 4)), "TEXT 1999-12-31");
  EXPECT_EQ(Binary(TypeOid::kDate, Int(0x7FFFFFFF, 4)), "22008") << "infinity";
  EXPECT_EQ(Binary(TypeOid::kTimestamptz, Int(1, 8)), "TEXT 2000-01-01 00:00:00.000001+00");
  EXPECT_EQ(Binary(TypeOid::kTimestamp, Int(static_cast<std::uint64_t>(-1), 8)),
            "TEXT 1999-12-31 23:59:59.999999+00");
  EXPECT_EQ(Binary(TypeOid::kTimestamp, Int(0x7FFFFFFFFFFFFFFF, 8)), "22008");
  EXPECT_EQ(Binary(TypeOid::kTimestamp, Int(1ULL << 63, 8)), "22008");
  EXPECT_EQ(Binary(TypeOid::kTime, Int(3'600'000'000, 8)), "TEXT 01:00:00");
  EXPECT_EQ(Binary(TypeOid::kInterval, Int(3'600'000'000, 8) + Int(2, 4) + Int(1, 4)),
            "TEXT 1 mon 2 days 01:00:00");
}

TEST(DecodeParameterTest, ReadsNumerics) {
  const auto numeric = [](const std::vector<std::uint16_t>& parts) {
    std::string bytes;
    for (const std::uint16_t part : parts) {
      bytes += Int(part, 2);
    }
    return Binary(TypeOid::kNumeric, bytes);
  };
  EXPECT_EQ(numeric({0, 0, 0, 0}), "REAL 0");
  EXPECT_EQ(numeric({2, 0, 0, 2, 12, 3400}), "REAL 12.34");
  EXPECT_EQ(numeric({1, 1, 0x4000, 0, 5}), "REAL -50000");
  EXPECT_EQ(numeric({1, 0xFFFE, 0, 8, 7}), "REAL 7e-08");
  EXPECT_EQ(numeric({4, 3, 0, 0, 1234, 5678, 9012, 3456}), "0A000") << "more than 15 digits";
  EXPECT_EQ(numeric({0, 0, 0xC000, 0}), "0A000") << "NaN";
  EXPECT_EQ(numeric({1, 0x7FFF, 0, 0, 1}), "0A000");
  EXPECT_EQ(numeric({1, 0, 0, 0, 10'000}), "22P03");
  EXPECT_EQ(numeric({2, 0, 0, 0, 1}), "22P03");
  EXPECT_EQ(numeric({1, 0}), "22P03");
}

TEST(DecodeParameterTest, ReadsArrays) {
  EXPECT_EQ(Text(TypeOid::kFloat4Array, "{0.5,\"1.5\",NULL}"), "TEXT [0.5,1.5,null]");
  EXPECT_EQ(Text(TypeOid::kInt8Array, "{}"), "TEXT []");
  EXPECT_EQ(Text(TypeOid::kInt8Array, "{1,}"), "22P02");
  EXPECT_EQ(Text(TypeOid::kInt8Array, "1,2"), "22P02");
  EXPECT_EQ(Text(TypeOid::kInt8Array, "{x}"), "22P02");
  EXPECT_EQ(Text(TypeOid::kInt8Array, "{{1},{2}}"), "0A000");
  const std::string head = Int(1, 4) + Int(1, 4) + Int(700, 4) + Int(3, 4) + Int(1, 4);
  const std::string half = Int(4, 4) + Int(std::bit_cast<std::uint32_t>(0.5F), 4);
  EXPECT_EQ(Binary(TypeOid::kFloat4Array, head + half + Int(0xFFFFFFFF, 4) + half),
            "TEXT [0.5,null,0.5]");
  EXPECT_EQ(Binary(TypeOid::kFloat4Array, Int(0, 4) + Int(0, 4) + Int(700, 4)), "TEXT []");
  EXPECT_EQ(Binary(TypeOid::kFloat4Array, Int(2, 4) + Int(0, 4) + Int(700, 4)), "0A000");
  EXPECT_EQ(Binary(TypeOid::kFloat4Array, head + half), "22P03");
  EXPECT_EQ(Binary(TypeOid::kFloat8Array, head + half + half + half), "22P03");
  EXPECT_EQ(Binary(TypeOid::kFloat4Array,
                   Int(1, 4) + Int(0, 4) + Int(700, 4) + Int(0x7FFFFFFF, 4) + Int(1, 4)),
            "54000");
}

TEST(DecodeParameterTest, WrongLengthsAndFormatsAreTold) {
  for (const TypeOid type :
       {TypeOid::kBool, TypeOid::kInt2, TypeOid::kInt4, TypeOid::kInt8, TypeOid::kFloat4,
        TypeOid::kFloat8, TypeOid::kDate, TypeOid::kTime, TypeOid::kTimestamp,
        TypeOid::kTimestamptz, TypeOid::kInterval, TypeOid::kUuid}) {
    EXPECT_EQ(Binary(type, ""), "08P01");
    EXPECT_EQ(Binary(type, std::string(17, 'x')), "22P03");
  }
  EXPECT_EQ(Binary(TypeOid::kNumeric, ""), "22P03");
  EXPECT_EQ(Binary(TypeOid::kFloat4Array, "abcde"), "22P03");
  EXPECT_EQ(DecodeParameter(TypeOid::kText, static_cast<WireFormat>(7), "x", 1).status().message(),
            "unsupported format code: 7");
  EXPECT_EQ(DecodeParameter(TypeOid::kInt4, WireFormat::kBinary, "12345", 3).status().message(),
            "incorrect binary data format in bind parameter 3");
}

TEST(DecodeParameterTest, GarbageIsAValueOrAnError) {
  constexpr unsigned kSeed = 917;
  SCOPED_TRACE(kSeed);
  std::minstd_rand random(kSeed);
  constexpr TypeOid kTypes[] = {TypeOid::kNumeric,     TypeOid::kFloat4Array, TypeOid::kInt8Array,
                                TypeOid::kTimestamptz, TypeOid::kInterval,    TypeOid::kJson};
  int num_values = 0;
  for (int round = 0; round < 50'000; ++round) {
    std::string bytes(random() % 30, '\0');
    for (char& byte : bytes) {
      byte = static_cast<char>(random() % 3 == 0 ? random() % 256 : random() % 5);
    }
    const auto format = static_cast<WireFormat>(random() % 3);
    const Result<Value> value = DecodeParameter(kTypes[random() % 6], format, bytes, 1);
    num_values += value.ok() ? 1 : 0;
    EXPECT_TRUE(value.ok() || value.status().sqlstate() != "XX000");
  }
  EXPECT_GT(num_values, 50);
}

}  // namespace
}  // namespace dashi
