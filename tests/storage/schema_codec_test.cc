#include "storage/schema_codec.h"

#include <gtest/gtest.h>

#include "tests/storage/damaged_bytes.h"

namespace dashi::storage {
namespace {

SchemaRecord SomeSchema() {
  SchemaRecord schema;
  schema.version = 9;
  schema.next_column = 25;
  schema.columns = {
      {16, "price", ColumnType::kReal, Value::Real(2.0), false},
      {17,
       "gr\xC3\xB6\xC3\x9F"
       "e",
       ColumnType::kInteger, Value::Integer(INT64_MIN), true},
      {19, "lang", ColumnType::kText, Value::Text("en \"x\""), false},
      {20, "active", ColumnType::kBoolean, Value::Integer(1), false},
      {22, "seen", ColumnType::kTimestamp, Value::Null(), false},
      {23, "emb", ColumnType::kVector, Value::Bytes(std::string("\0\0\x80\x3f\xcd\xcc\xcc\x3d", 8)),
       false, 2},
      {24, "free", ColumnType::kVector, Value::Null(), false},
  };
  schema.indexes = {{3, "i", 16, IndexState::kBuilding}, {9, "j j", 19, IndexState::kReady}};
  return schema;
}

TEST(SchemaCodecTest, SchemasComeBack) {
  SchemaRecord read;
  ASSERT_TRUE(DecodeSchema(EncodeSchema(SomeSchema()), &read));
  EXPECT_EQ(read, SomeSchema());
  ASSERT_TRUE(DecodeSchema(EncodeSchema(SchemaRecord()), &read));
  EXPECT_EQ(read, SchemaRecord());
}

TEST(SchemaCodecTest, BytesStayAsTheyAre) {
  SchemaRecord schema;
  schema.version = 2;
  schema.next_column = 17;
  schema.columns = {{16, "lang", ColumnType::kText, Value::Text("en"), false}};
  EXPECT_EQ(EncodeSchema(schema),
            "\x01{\"columns\":[{\"default\":\"en\",\"name\":\"lang\",\"number\":16,\"type\":3}],"
            "\"next_column\":17,\"version\":2}");
  SchemaRecord vectors = schema;
  vectors.columns = {{16, "emb", ColumnType::kVector, Value::Null(), false, 3}};
  EXPECT_EQ(EncodeSchema(vectors),
            "\x01{\"columns\":[{\"dimension\":3,\"name\":\"emb\",\"number\":16,\"type\":6}],"
            "\"next_column\":17,\"version\":2}");
  schema.indexes = {{5, "lang_idx", 16, IndexState::kReady}};
  EXPECT_TRUE(EncodeSchema(schema).find("\"indexes\":[{\"column\":16,\"name\":\"lang_idx\","
                                        "\"number\":5,\"state\":2}]") != std::string::npos);
}

TEST(SchemaCodecTest, DamageIsRefusedOrHarmless) {
  ForEachDamage(EncodeSchema(SomeSchema()), [](const std::string& bytes) {
    SchemaRecord read;
    if (DecodeSchema(bytes, &read)) {
      EXPECT_TRUE(DecodeSchema(EncodeSchema(read), &read));
    }
  });
  SchemaRecord twice = SomeSchema();
  twice.columns[1].number = 16;
  SchemaRecord read;
  EXPECT_FALSE(DecodeSchema(EncodeSchema(twice), &read));
  SchemaRecord orphan = SomeSchema();
  orphan.indexes[0].column = 17;  // Dropped.
  EXPECT_FALSE(DecodeSchema(EncodeSchema(orphan), &read));
  SchemaRecord reused = SomeSchema();
  reused.next_column = 24;
  EXPECT_FALSE(DecodeSchema(EncodeSchema(reused), &read));
}

TEST(SchemaRecordTest, FindsColumnsAndTheirValues) {
  const SchemaRecord schema = SomeSchema();
  EXPECT_EQ(schema.FindColumn("LANG")->number, 19U);
  EXPECT_EQ(schema.FindColumn("gr\xC3\xB6\xC3\x9F"
                              "e"),
            nullptr);
  EXPECT_EQ(schema.FindColumn(17U), nullptr);
  EXPECT_EQ(schema.LiveColumns().size(), 6U);
  EntityRow row;
  row.attributes = {{17, Value::Integer(3)}, {19, Value::Null()}, {22, Value::Integer(5)}};
  EXPECT_EQ(ColumnValue(row, schema.columns[0]), Value::Real(2.0));
  EXPECT_EQ(ColumnValue(row, schema.columns[2]), Value::Null());
  EXPECT_EQ(ColumnValue(row, schema.columns[4]), Value::Integer(5));
}

TEST(SchemaCacheTest, DecodesEachStateOnce) {
  SchemaCache cache;
  const std::string bytes = EncodeSchema(SomeSchema());
  const auto first = cache.Decode(EntityKind::kLabel, bytes);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(*first.value(), SomeSchema());
  EXPECT_EQ(cache.Decode(EntityKind::kLabel, bytes).value(), first.value());
  EXPECT_TRUE(cache.Decode(EntityKind::kLabel, "").value()->columns.empty());
  EXPECT_EQ(cache.Decode(EntityKind::kDocument, "\x01{").status().sqlstate(), "XX001");
}

}  // namespace
}  // namespace dashi::storage
