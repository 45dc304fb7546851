#include "storage/id_table.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"

namespace dashi::storage {
namespace {

TEST(IdTableTest, AgreesWithAMap) {
  constexpr std::uint64_t kSeed = 3;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  Random random(kSeed);
  IdTable table;
  std::map<std::string, Ordinal> expected;
  for (std::uint32_t i = 0; i < 20'000; ++i) {
    std::string id(1 + random.Uniform(12), '\0');
    for (char& c : id) {
      c = static_cast<char>('a' + random.Uniform(4));
    }
    if (expected.emplace(id, Ordinal{i}).second) {
      ASSERT_TRUE(table.Add(id, Ordinal{i}, std::uint64_t{1} << 30U));
    }
    id.back() = 'z';
    ASSERT_EQ(table.Find(id), std::nullopt);
  }
  ASSERT_EQ(table.size(), expected.size());
  std::vector<std::string> unknown;
  for (const auto& [id, ordinal] : expected) {
    ASSERT_EQ(table.Find(id), ordinal) << id;
    unknown.push_back(id + "z");
  }
  std::vector<std::string_view> ids;
  for (const auto& [id, ordinal] : expected) {
    ids.emplace_back(id);
    ids.emplace_back(unknown[ids.size() / 2]);
  }
  std::vector<std::optional<Ordinal>> together(ids.size(), Ordinal{1});
  table.Find(ids, together);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    ASSERT_EQ(together[i], table.Find(ids[i])) << ids[i];
  }
  table.Clear();
  table.Find(ids, together);
  for (const std::optional<Ordinal>& ordinal : together) {
    ASSERT_EQ(ordinal, std::nullopt);
  }
}

TEST(IdTableTest, ReservedMemoryIsEnoughForTheIdsOrNotTaken) {
  IdTable table;
  table.Reserve(3000, /*bytes_max=*/100);
  EXPECT_EQ(table.bytes(), 0U);
  table.Reserve(3000, /*bytes_max=*/100'000);
  const std::uint64_t bytes = table.bytes();
  EXPECT_GT(bytes, 0U);
  EXPECT_EQ(table.Find("0"), std::nullopt);
  for (std::uint32_t i = 0; i < 3000; ++i) {
    ASSERT_TRUE(table.Add(std::to_string(i), Ordinal{i}, 100'000));
  }
  EXPECT_EQ(table.bytes(), bytes);
  for (std::uint32_t i = 0; i < 3000; ++i) {
    ASSERT_EQ(table.Find(std::to_string(i)), Ordinal{i});
  }
}

TEST(IdTableTest, StopsAtItsLimit) {
  constexpr std::uint64_t kBytesMax = 100'000;
  IdTable table;
  std::uint32_t num_ids = 0;
  while (table.Add("some id " + std::to_string(num_ids), Ordinal{num_ids}, kBytesMax)) {
    ++num_ids;
    ASSERT_LE(table.bytes(), kBytesMax + kBytesMax / 2);
  }
  EXPECT_GT(num_ids, 2000U);
  EXPECT_EQ(table.size(), num_ids);
  EXPECT_EQ(table.Find("some id 0"), Ordinal{0});
  table.Clear();
  EXPECT_EQ(table.size(), 0U);
  EXPECT_EQ(table.Find("some id 0"), std::nullopt);
}

}  // namespace
}  // namespace dashi::storage
