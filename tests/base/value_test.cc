#include "dashi/value.h"

#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/nearest_name.h"

namespace dashi {
namespace {

TEST(ValueTest, EachTypeKeepsItsValue) {
  EXPECT_TRUE(Value().is_null());
  EXPECT_EQ(Value::Integer(-3).integer(), -3);
  EXPECT_EQ(Value::Integer(-3).real(), -3.0);
  EXPECT_EQ(Value::Real(0.5).real(), 0.5);
  EXPECT_EQ(Value::Text("a").text(), "a");
  EXPECT_EQ(Value::Bytes(std::string("\0\xFF", 2)).ToString(), "\\x00ff");
  EXPECT_EQ(Value::Null().ToString(), "NULL");
  EXPECT_NE(Value::Text("1"), Value::Integer(1));
}

TEST(ValueTest, AssignTextMakesATextOfAnyValue) {
  const std::string long_text(100, 'x');
  for (Value value : {Value::Null(), Value::Integer(7), Value::Text("before"),
                      Value::Text(std::string(200, 'y')), Value::Bytes("b")}) {
    value.AssignText(long_text);
    EXPECT_EQ(value, Value::Text(long_text));
    value.AssignText("");
    EXPECT_EQ(value, Value::Text(""));
  }
}

TEST(ClockTest, TimestampsAreFormattedInUtc) {
  EXPECT_EQ(FormatTimestamp(0), "1970-01-01 00:00:00.000000+00");
  EXPECT_EQ(FormatTimestamp(1'700'000'000'123'456), "2023-11-14 22:13:20.123456+00");
  EXPECT_EQ(FormatTimestamp(-1), "1969-12-31 23:59:59.999999+00");
}

TEST(NearestNameTest, FindsSlipsAndNothingElse) {
  constexpr std::string_view kNames[] = {"documents", "labels", "relevance"};
  EXPECT_EQ(NearestName("document", kNames), "documents");
  EXPECT_EQ(NearestName("LABLES", kNames), "labels");
  constexpr std::string_view kModel[] = {"model"};
  EXPECT_EQ(NearestName("modle", kModel), "model");
  EXPECT_EQ(NearestName("zebra", kNames), "");
  EXPECT_EQ(NearestName("x", {}), "");
}

}  // namespace
}  // namespace dashi
