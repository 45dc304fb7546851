#include "base/value_format.h"

#include <limits>
#include <string>

#include <gtest/gtest.h>

namespace dashi {
namespace {

std::string Csv(const Value& value) {
  std::string out;
  AppendCsvField(&out, value);
  return out;
}

std::string Json(const Value& value) {
  std::string out;
  AppendJsonValue(&out, value);
  return out;
}

TEST(ValueFormatTest, CsvQuotesOnlyWhatNeedsIt) {
  EXPECT_EQ(Csv(Value::Text("plain text")), "plain text");
  EXPECT_EQ(Csv(Value::Text("a,b")), "\"a,b\"");
  EXPECT_EQ(Csv(Value::Text("say \"hi\"")), "\"say \"\"hi\"\"\"");
  EXPECT_EQ(Csv(Value::Text("two\nlines")), "\"two\nlines\"");
  EXPECT_EQ(Csv(Value::Text("carriage\rreturn")), "\"carriage\rreturn\"");
  EXPECT_EQ(Csv(Value::Integer(-7)), "-7");
  EXPECT_EQ(Csv(Value::Real(0.1)), "0.1");
  EXPECT_EQ(Csv(Value::Bytes(std::string("\x00\xff", 2))), "\\x00ff");
}

TEST(ValueFormatTest, CsvTellsNullFromEmptyText) {
  EXPECT_EQ(Csv(Value::Null()), "");
  EXPECT_EQ(Csv(Value::Text("")), "\"\"");
}

TEST(ValueFormatTest, JsonKeepsTypes) {
  EXPECT_EQ(Json(Value::Null()), "null");
  EXPECT_EQ(Json(Value::Integer(std::numeric_limits<std::int64_t>::min())), "-9223372036854775808");
  EXPECT_EQ(Json(Value::Real(0.1)), "0.1");
  EXPECT_EQ(Json(Value::Real(2)), "2.0");
  EXPECT_EQ(Json(Value::Real(1e300)), "1e+300");
  EXPECT_EQ(Json(Value::Real(std::numeric_limits<double>::infinity())), "null");
  EXPECT_EQ(Json(Value::Real(std::numeric_limits<double>::quiet_NaN())), "null");
  EXPECT_EQ(Json(Value::Bytes("\x01")), "\"\\\\x01\"");
}

TEST(ValueFormatTest, JsonEscapesText) {
  EXPECT_EQ(Json(Value::Text("a \"b\" \\ \n\t\r\x01\x7f")),
            "\"a \\\"b\\\" \\\\ \\n\\t\\r\\u0001\\u007f\"");
  EXPECT_EQ(Json(Value::Text("日本")), "\"日本\"");
  EXPECT_EQ(Json(Value::Text("\xff"
                             "a")),
            "\"\xEF\xBF\xBD"
            "a\"");
  EXPECT_EQ(Json(Value::Text(std::string("\0", 1))), "\"\\u0000\"");
}

}  // namespace
}  // namespace dashi
