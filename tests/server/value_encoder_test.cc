#include "server/value_encoder.h"

#include <string>

#include <gtest/gtest.h>

#include "server/parameter_decoder.h"

namespace dashi {
namespace {

using std::string_literals::operator""s;

std::string Binary(TypeOid type, const Value& value) {
  std::string out;
  const Status status = AppendBinary(&out, value, {"x", type, WireFormat::kBinary});
  return status.ok() ? out : std::string(status.sqlstate());
}

std::string Text(TypeOid type, const Value& value) {
  std::string out;
  const Status status = AppendText(&out, value, {"x", type, WireFormat::kText});
  return status.ok() ? out : std::string(status.sqlstate());
}

TEST(ValueEncoderTest, NumbersAreTakenToOtherTypesExactly) {
  EXPECT_EQ(Binary(TypeOid::kInt8, Value::Integer(-2)), "\xff\xff\xff\xff\xff\xff\xff\xfe");
  EXPECT_EQ(Binary(TypeOid::kInt8, Value::Real(3)), "\0\0\0\0\0\0\0\3"s);
  EXPECT_EQ(Binary(TypeOid::kInt8, Value::Real(3.5)), "42804");
  EXPECT_EQ(Binary(TypeOid::kInt8, Value::Real(1e19)), "42804");
  EXPECT_EQ(Binary(TypeOid::kInt8, Value::Text("3")), "42804");
  EXPECT_EQ(Binary(TypeOid::kFloat8, Value::Real(0.5)), "\x3f\xe0\0\0\0\0\0\0"s);
  EXPECT_EQ(Binary(TypeOid::kFloat8, Value::Integer(1)), "\x3f\xf0\0\0\0\0\0\0"s);
  EXPECT_EQ(Binary(TypeOid::kFloat8, Value::Integer((1LL << 53) + 1)), "42804");
  EXPECT_EQ(Binary(TypeOid::kFloat8, Value::Integer(INT64_MAX)), "42804");
  EXPECT_EQ(Binary(TypeOid::kFloat8, Value::Bytes("x")), "42804");
}

TEST(ValueEncoderTest, TextHoldsEveryValue) {
  EXPECT_EQ(Binary(TypeOid::kText, Value::Real(0.5)), "0.5");
  EXPECT_EQ(Binary(TypeOid::kText, Value::Bytes("\1")), "\\x01");
  EXPECT_EQ(Binary(TypeOid::kBytea, Value::Bytes("\0\1"s)), "\0\1"s);
  EXPECT_EQ(Binary(TypeOid::kBytea, Value::Text("x")), "42804");
  EXPECT_EQ(Text(TypeOid::kInt8, Value::Text("three")), "three");
  EXPECT_EQ(Text(TypeOid::kBytea, Value::Bytes("\1")), "\\x01");
}

TEST(ValueEncoderTest, BooleansAreOneAndZero) {
  EXPECT_EQ(Text(TypeOid::kBool, Value::Integer(1)), "t");
  EXPECT_EQ(Text(TypeOid::kBool, Value::Integer(0)), "f");
  EXPECT_EQ(Text(TypeOid::kBool, Value::Integer(2)), "42804") << "a driver would take it for false";
  EXPECT_EQ(Text(TypeOid::kBool, Value::Text("t")), "42804");
  EXPECT_EQ(Binary(TypeOid::kBool, Value::Integer(1)), "\1");
  EXPECT_EQ(Binary(TypeOid::kBool, Value::Integer(0)), "\0"s);
  EXPECT_EQ(Binary(TypeOid::kBool, Value::Integer(-1)), "42804");
}

TEST(ValueEncoderTest, TypesOfTheCatalogHaveTheirSizes) {
  EXPECT_EQ(Binary(TypeOid::kOid, Value::Integer(4'294'967'295)), "\xff\xff\xff\xff");
  EXPECT_EQ(Binary(TypeOid::kOid, Value::Integer(-1)), "42804");
  EXPECT_EQ(Binary(TypeOid::kOid, Value::Integer(4'294'967'296)), "42804");
  EXPECT_EQ(Binary(TypeOid::kInt2, Value::Integer(-2)), "\xff\xfe");
  EXPECT_EQ(Binary(TypeOid::kInt2, Value::Integer(32'768)), "42804");
  EXPECT_EQ(Binary(TypeOid::kInt4, Value::Integer(-2)), "\xff\xff\xff\xfe");
  EXPECT_EQ(Binary(TypeOid::kInt4, Value::Text("1")), "42804");
  EXPECT_EQ(Binary(TypeOid::kFloat4, Value::Real(0.5)), "\x3f\0\0\0"s);
  EXPECT_EQ(Binary(TypeOid::kName, Value::Text("labels")), "labels");
  EXPECT_EQ(Binary(TypeOid::kChar, Value::Text("r")), "r");
  EXPECT_EQ(Binary(TypeOid::kRegclass, Value::Integer(1259)), "\0\0\4\xeb"s);
  EXPECT_EQ(Binary(TypeOid::kRegclass, Value::Text("labels")), "42804") << "only its number is";
  EXPECT_EQ(Text(TypeOid::kRegclass, Value::Text("labels")), "labels");
}

TEST(ValueEncoderTest, ArraysAreThoseOfTheProtocol) {
  EXPECT_EQ(Text(TypeOid::kTextArray, Value::Text("{a,NULL}")), "{a,NULL}");
  EXPECT_EQ(Binary(TypeOid::kTextArray, Value::Text("{a,NULL,\"b c\"}")),
            "\0\0\0\1\0\0\0\1\0\0\0\x19\0\0\0\3\0\0\0\1"
            "\0\0\0\1a\xff\xff\xff\xff\0\0\0\3b c"s);
  const std::string numbers =
      "\0\0\0\1\0\0\0\0\0\0\0\x14\0\0\0\1\0\0\0\1\0\0\0\x8\0\0\0\0\0\0\0\7"s;
  EXPECT_EQ(Binary(TypeOid::kInt8Array, Value::Text("{7}")), numbers);
  EXPECT_EQ(Binary(TypeOid::kInt8Array, Value::Text("[7]")), numbers) << "as parameters come";
  EXPECT_EQ(Binary(TypeOid::kInt8Array, Value::Text("{}")), "\0\0\0\0\0\0\0\0\0\0\0\x14"s);
  EXPECT_EQ(Binary(TypeOid::kBoolArray, Value::Text("{t}")),
            "\0\0\0\1\0\0\0\0\0\0\0\x10\0\0\0\1\0\0\0\1\0\0\0\1\1"s);
  // Vectors are arrays that begin with 0.
  EXPECT_EQ(Binary(TypeOid::kInt2Vector, Value::Text("1 2")),
            "\0\0\0\1\0\0\0\0\0\0\0\x15\0\0\0\2\0\0\0\0"
            "\0\0\0\2\0\1\0\0\0\2\0\2"s);
  EXPECT_EQ(Binary(TypeOid::kOidVector, Value::Text("")),
            "\0\0\0\1\0\0\0\0\0\0\0\x1a\0\0\0\0\0\0\0\0"s);
  EXPECT_EQ(Binary(TypeOid::kTextArray, Value::Text("{a")), "22P02");
  EXPECT_EQ(Binary(TypeOid::kInt8Array, Value::Text("{x}")), "22P02");
  EXPECT_EQ(Binary(TypeOid::kInt2Array, Value::Text("{40000}")), "42804");
  EXPECT_EQ(Binary(TypeOid::kInt8Array, Value::Integer(7)), "42804");
}

TEST(ValueEncoderTest, TimesAreThoseOfTheProtocol) {
  EXPECT_EQ(Binary(TypeOid::kDate, Value::Text("2000-01-02")), "\0\0\0\1"s);
  EXPECT_EQ(Binary(TypeOid::kDate, Value::Text("1999-12-31")), "\xff\xff\xff\xff");
  EXPECT_EQ(Binary(TypeOid::kDate, Value::Text("no date")), "42804");
  EXPECT_EQ(Binary(TypeOid::kDate, Value::Integer(1)), "42804");
  EXPECT_EQ(Binary(TypeOid::kTime, Value::Text("00:00:00.000001")), "\0\0\0\0\0\0\0\1"s);
  EXPECT_EQ(Binary(TypeOid::kTimestamptz, Value::Text("2000-01-01 00:00:00.000001+00")),
            "\0\0\0\0\0\0\0\1"s);
  EXPECT_EQ(Binary(TypeOid::kTimestamptz, Value::Text("x")), "42804");
  EXPECT_EQ(Binary(TypeOid::kInterval, Value::Text("1 mon 2 days 00:00:00.000003")),
            "\0\0\0\0\0\0\0\3\0\0\0\2\0\0\0\1"s);
  EXPECT_EQ(Binary(TypeOid::kInterval, Value::Text("x")), "42804");
  EXPECT_EQ(Text(TypeOid::kTimestamptz, Value::Text("2000-01-01 00:00:00.000000+00")),
            "2000-01-01 00:00:00.000000+00");
}

TEST(ValueEncoderTest, WhatIsSentComesBackAsAParameter) {
  const std::pair<TypeOid, Value> values[] = {
      {TypeOid::kBool, Value::Integer(1)},
      {TypeOid::kInt8, Value::Integer(INT64_MIN)},
      {TypeOid::kFloat8, Value::Real(-1e-300)},
      {TypeOid::kBytea, Value::Bytes("\0\xff"s)},
      {TypeOid::kText, Value::Text("é")},
      {TypeOid::kDate, Value::Text("0001-01-01")},
      {TypeOid::kDate, Value::Text("9999-12-31")},
      {TypeOid::kTime, Value::Text("23:59:59.999999")},
      {TypeOid::kTimestamptz, Value::Text("1969-12-31 23:59:59.999999+00")},
      {TypeOid::kTimestamptz, Value::Text("9999-12-31 23:59:59.999999+00")},
      {TypeOid::kInterval, Value::Text("-1 days -00:00:00.000001")}};
  for (const auto& [type, value] : values) {
    for (const WireFormat format : {WireFormat::kText, WireFormat::kBinary}) {
      std::string bytes;
      const WireColumn column = {"x", type, format};
      const Status status = format == WireFormat::kText ? AppendText(&bytes, value, column)
                                                        : AppendBinary(&bytes, value, column);
      EXPECT_TRUE(status.ok());
      const Result<Value> back = DecodeParameter(type, format, bytes, 1);
      ASSERT_TRUE(back.ok()) << value.ToString() << ": " << back.status().ToString();
      EXPECT_EQ(*back, value) << value.ToString() << " as " << static_cast<int>(format);
    }
  }
}

}  // namespace
}  // namespace dashi
