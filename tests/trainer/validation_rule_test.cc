#include "trainer/validation_rule.h"

#include <string>

#include <gtest/gtest.h>

#include "base/timestamp.h"

namespace dashi::trainer {
namespace {

using storage::ColumnType;

constexpr std::uint32_t kFirst = storage::kUserColumnMin;

storage::SchemaRecord Schema() {
  storage::SchemaRecord schema;
  std::uint32_t number = kFirst;
  for (const auto& [name, type] : {std::pair{"rank", ColumnType::kInteger},
                                   {"price", ColumnType::kReal},
                                   {"lang", ColumnType::kText},
                                   {"fresh", ColumnType::kBoolean},
                                   {"created", ColumnType::kTimestamp}}) {
    storage::ColumnRecord column;
    column.number = number++;
    column.name = name;
    column.type = type;
    schema.columns.push_back(column);
  }
  return schema;
}

/// Whether a row with one value in one column is held out.
bool HeldOut(const std::string& rule, std::uint32_t column, const Value& value) {
  const storage::SchemaRecord schema = Schema();
  const auto parsed = ParseValidationRule(rule);
  EXPECT_TRUE(parsed.ok()) << parsed.status().ToString();
  const auto bound = BindValidationRule(*parsed, schema);
  EXPECT_TRUE(bound.ok()) << bound.status().ToString();
  storage::EntityRow row;
  row.attributes.push_back({column, value});
  return (*bound)(row);
}

TEST(ValidationRuleTest, RandomNamesNoColumn) {
  EXPECT_TRUE(ParseValidationRule("random").value().is_random());
  EXPECT_TRUE(ParseValidationRule(" random ").value().is_random());
}

TEST(ValidationRuleTest, ComparesValuesOfEveryType) {
  EXPECT_TRUE(HeldOut("rank >= 3", kFirst, Value::Integer(3)));
  EXPECT_FALSE(HeldOut("rank > 3", kFirst, Value::Integer(3)));
  EXPECT_TRUE(HeldOut("rank < -1", kFirst, Value::Integer(-5)));
  EXPECT_TRUE(HeldOut("rank<=7", kFirst, Value::Integer(7)));
  EXPECT_TRUE(HeldOut("price <> 1.5", kFirst + 1, Value::Real(1.25)));
  EXPECT_TRUE(HeldOut("price != 1.5", kFirst + 1, Value::Real(1.25)));
  EXPECT_FALSE(HeldOut("price = 1.5", kFirst + 1, Value::Real(1.25)));
  EXPECT_TRUE(HeldOut("lang = 'de'", kFirst + 2, Value::Text("de")));
  EXPECT_TRUE(HeldOut("lang = de", kFirst + 2, Value::Text("de")));
  EXPECT_FALSE(HeldOut("LANG = 'de'", kFirst + 2, Value::Text("fr")));
  EXPECT_TRUE(HeldOut("fresh", kFirst + 3, Value::Integer(1)));
  EXPECT_FALSE(HeldOut("fresh", kFirst + 3, Value::Integer(0)));
  EXPECT_TRUE(HeldOut("fresh = false", kFirst + 3, Value::Integer(0)));
  const auto noon = ParseTimestamp("2024-06-01T12:00").value();
  EXPECT_TRUE(HeldOut("created >= 2024-06-01", kFirst + 4, Value::Integer(noon)));
  EXPECT_FALSE(HeldOut("created >= '2024-06-01 13:00'", kFirst + 4, Value::Integer(noon)));
}

TEST(ValidationRuleTest, NullIsNeverHeldOut) {
  for (const char* rule : {"rank >= 0", "rank <> 0", "rank = 0", "fresh = false"}) {
    EXPECT_FALSE(HeldOut(rule, kFirst + 2, Value::Text("another column"))) << rule;
  }
}

TEST(ValidationRuleTest, MalformedRulesAreRefused) {
  for (const char* rule :
       {"", "   ", ">= 3", "rank >=", "rank >= <3", "rank ! 3", "'rank' = 3", "rank >= 3 > 4"}) {
    const auto parsed = ParseValidationRule(rule);
    ASSERT_FALSE(parsed.ok()) << rule;
    EXPECT_EQ(parsed.status().code(), StatusCode::kInvalidArgument) << rule;
  }
}

TEST(ValidationRuleTest, UnknownColumnsAndLiteralsOfOtherTypesAreRefused) {
  const storage::SchemaRecord schema = Schema();
  const auto error = [&](const char* rule) {
    return BindValidationRule(ParseValidationRule(rule).value(), schema).status();
  };
  EXPECT_EQ(error("colour = 3").sqlstate(), "42703");
  for (const char* rule : {"rank = three", "rank", "price >= nan", "fresh = yes",
                           "created >= 2024-13-01", "rank = 99999999999999999999"}) {
    EXPECT_EQ(error(rule).code(), StatusCode::kInvalidArgument) << rule;
  }
}

}  // namespace
}  // namespace dashi::trainer
