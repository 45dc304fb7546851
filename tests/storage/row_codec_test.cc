#include "storage/row_codec.h"

#include <limits>

#include <gtest/gtest.h>

#include "tests/storage/damaged_bytes.h"

namespace dashi::storage {
namespace {

EntityRow FullRow() {
  EntityRow row;
  row.id = "doc/1";
  row.text = "wireless earbuds \xE2\x82\xAC";
  row.split = "valid";
  row.updated_at_micros = -5;
  row.attributes = {{16, Value::Integer(std::numeric_limits<std::int64_t>::min())},
                    {17, Value::Null()},
                    {40, Value::Real(-0.25)},
                    {1000000, Value::Text("en")},
                    {4000000000U, Value::Bytes(std::string("\0\xFF", 2))}};
  return row;
}

void ExpectSame(const EntityRow& a, const EntityRow& b) {
  EXPECT_EQ(a.id, b.id);
  EXPECT_EQ(a.text, b.text);
  EXPECT_EQ(a.split, b.split);
  EXPECT_EQ(a.updated_at_micros, b.updated_at_micros);
  ASSERT_EQ(a.attributes.size(), b.attributes.size());
  for (std::size_t i = 0; i < a.attributes.size(); ++i) {
    EXPECT_EQ(a.attributes[i].column, b.attributes[i].column);
    EXPECT_EQ(a.attributes[i].value, b.attributes[i].value);
  }
}

TEST(RowCodecTest, RowsComeBack) {
  EntityRow small;
  small.id = "x";
  for (const EntityRow& row : {FullRow(), small}) {
    EntityRow read = FullRow();  // Old content must not shine through.
    ASSERT_TRUE(DecodeRow(EncodeRow(row), &read));
    ExpectSame(row, read);
    std::string_view id;
    const std::string bytes = EncodeRow(row);
    ASSERT_TRUE(DecodeRowId(bytes, &id));
    EXPECT_EQ(id, row.id);
  }
}

TEST(RowCodecTest, EverySplitComesBack) {
  for (const std::optional<std::string>& split :
       {std::optional<std::string>(), std::optional<std::string>("train"),
        std::optional<std::string>("test"), std::optional<std::string>("valid")}) {
    EntityRow row = FullRow();
    row.split = split;
    EntityRow read;
    ASSERT_TRUE(DecodeRow(EncodeRow(row), &read));
    EXPECT_EQ(read.split, split);
  }
}

TEST(RowCodecTest, PrefixesAreRefusedAndFlipsAreHarmless) {
  const std::string bytes = EncodeRow(FullRow());
  ForEachDamage(bytes, [&](const std::string& damaged) {
    EntityRow row;
    const bool decoded = DecodeRow(damaged, &row);
    EXPECT_FALSE(decoded && damaged.size() < bytes.size());
  });
  EntityRow row;
  EXPECT_FALSE(DecodeRow(bytes + "x", &row));
}

TEST(RowCodecTest, OrdinalsAndCountersComeBack) {
  Ordinal ordinal{};
  ASSERT_TRUE(DecodeOrdinal(EncodeOrdinal(Ordinal{0xFFFFFFFE}), &ordinal));
  EXPECT_EQ(ToInteger(ordinal), 0xFFFFFFFEU);
  std::uint64_t counter = 0;
  ASSERT_TRUE(DecodeCounter(EncodeCounter(UINT64_MAX), &counter));
  EXPECT_EQ(counter, UINT64_MAX);
  EXPECT_FALSE(DecodeOrdinal("", &ordinal));
  EXPECT_FALSE(DecodeOrdinal(EncodeCounter(1), &ordinal));
  EXPECT_FALSE(DecodeCounter(EncodeOrdinal(Ordinal{1}), &counter));
}

}  // namespace
}  // namespace dashi::storage
