#include "storage/key_codec.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

namespace dashi::storage {
namespace {

const std::vector<std::uint32_t> kNumbers = {0,     1,        0x7F,       0x80,       0xFF,
                                             0x100, 0xFFFFFF, 0x01000000, 0x7FFFFFFF, 0xFFFFFFFF};

TEST(KeyCodecTest, RowKeysKeepTheOrderAndComeBack) {
  std::vector<std::string> keys;
  for (const std::uint32_t number : kNumbers) {
    keys.push_back(RowKey(Ordinal{number}));
    Ordinal ordinal{};
    ASSERT_TRUE(ParseRowKey(keys.back(), &ordinal));
    EXPECT_EQ(ToInteger(ordinal), number);
  }
  EXPECT_TRUE(std::is_sorted(keys.begin(), keys.end()));
}

TEST(KeyCodecTest, RelevanceKeysSortBySideThenOrdinal) {
  std::vector<std::string> keys;
  for (const RelevanceSide side :
       {RelevanceSide::kLabelsOfDocument, RelevanceSide::kDocumentsOfLabel}) {
    for (const std::uint32_t number : kNumbers) {
      keys.push_back(RelevanceKey(side, Ordinal{number}));
      RelevanceSide read_side{};
      Ordinal ordinal{};
      ASSERT_TRUE(ParseRelevanceKey(keys.back(), &read_side, &ordinal));
      EXPECT_EQ(read_side, side);
      EXPECT_EQ(ToInteger(ordinal), number);
      EXPECT_TRUE(keys.back().starts_with(RelevancePrefix(side)));
    }
  }
  EXPECT_TRUE(std::is_sorted(keys.begin(), keys.end()));
}

TEST(KeyCodecTest, EmbeddingKeysSortByKindThenOrdinal) {
  std::vector<std::string> keys;
  for (const EntityKind kind : {EntityKind::kDocument, EntityKind::kLabel, EntityKind::kAnchor}) {
    for (const std::uint32_t number : kNumbers) {
      keys.push_back(EmbeddingKey(kind, Ordinal{number}));
      EntityKind read_kind{};
      Ordinal ordinal{};
      ASSERT_TRUE(ParseEmbeddingKey(keys.back(), &read_kind, &ordinal));
      EXPECT_EQ(read_kind, kind);
      EXPECT_EQ(ToInteger(ordinal), number);
    }
  }
  EXPECT_TRUE(std::is_sorted(keys.begin(), keys.end()));
}

TEST(KeyCodecTest, NumberedKeysKeepTheOrder) {
  EXPECT_LT(ChangeKey(255), ChangeKey(256));
  EXPECT_LT(JobKey(0xFFFFFFFF), JobKey(0x100000000));
  EXPECT_LT(EvaluationKey(1, 0xFFFFFFFF), EvaluationKey(2, 0));
  EXPECT_LT(WeightsChunkKey(7, 2), WeightsChunkKey(7, 10));
  EXPECT_LT(ReleaseKey("ads", 2), ReleaseKey("ads", 10));
  EXPECT_LT(ReleaseKey("ads", 0xFFFFFFFF), ReleaseKey("ads_g", 1));
  std::uint64_t sequence = 0;
  ASSERT_TRUE(ParseChangeKey(ChangeKey(0x0102030405060708), &sequence));
  EXPECT_EQ(sequence, 0x0102030405060708U);
}

TEST(KeyCodecTest, RefusesKeysOfAnotherShape) {
  Ordinal ordinal{};
  RelevanceSide side{};
  EntityKind kind{};
  std::uint64_t sequence = 0;
  for (std::size_t size = 0; size < 12; ++size) {
    const std::string key(size, '\x05');
    EXPECT_EQ(ParseRowKey(key, &ordinal), size == 4);
    EXPECT_FALSE(ParseRelevanceKey(key, &side, &ordinal));
    EXPECT_FALSE(ParseEmbeddingKey(key, &kind, &ordinal));
    EXPECT_EQ(ParseChangeKey(key, &sequence), size == 8);
  }
}

TEST(KeyCodecTest, EmbeddingFamilyNamesComeBackAndOthersDoNot) {
  EXPECT_EQ(ParseEmbeddingFamilyName(EmbeddingFamilyName(42)), 42U);
  EXPECT_EQ(ParseEmbeddingFamilyName(EmbeddingFamilyName(UINT64_MAX)), UINT64_MAX);
  for (const char* name : {"emb_", "emb_delta", "emb_1x", "emb_-1", "emb_01",
                           "emb_99999999999999999999", "documents", ""}) {
    EXPECT_FALSE(ParseEmbeddingFamilyName(name).has_value()) << name;
  }
}

TEST(KeyCodecTest, PrefixEndBoundsEveryKeyOfThePrefix) {
  EXPECT_EQ(PrefixEnd("model/"), "model0");
  EXPECT_EQ(PrefixEnd(std::string("a\xFF\xFF")), "b");
  EXPECT_EQ(PrefixEnd(std::string("\xFF")), "");
}

}  // namespace
}  // namespace dashi::storage
