// Loads of relevance pairs.

#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "tests/storage/bulk_load_fixture.h"

namespace dashi::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

TEST_F(BulkLoadTest, RelevanceComesBackFromBothSides) {
  constexpr std::uint64_t kSeed = 4711;
  SCOPED_TRACE(kSeed);
  Open();
  LoadRows(EntityKind::kDocument, "d", 500);
  LoadRows(EntityKind::kLabel, "l", 100);
  Random random(kSeed);
  std::map<std::uint32_t, std::map<std::uint32_t, float>> by_document;
  std::map<std::uint32_t, std::map<std::uint32_t, float>> by_label;
  for (int round = 0; round < 3; ++round) {
    const auto load = PairLoad(DuplicatePolicy::kReplace);
    const int count = round == 1 ? 40 : 9000;      // One that fits a block, two that do not.
    ASSERT_OK(load->ExpectRows(round * 100'000));  // Rightly or not.
    std::uint64_t inserted = 0;
    for (int i = 0; i < count; ++i) {
      const auto document = static_cast<std::uint32_t>(random.Uniform(500));
      const auto label = static_cast<std::uint32_t>(random.Uniform(100));
      const float weight = 0.5F * static_cast<float>(random.Uniform(4));
      inserted += by_document[document].emplace(label, weight).second ? 1 : 0;
      by_document[document][label] = weight;
      by_label[label][document] = weight;
      ASSERT_OK(
          load->AddRelevance("d" + std::to_string(document), "l" + std::to_string(label), weight));
    }
    auto counts = load->Commit({});
    ASSERT_OK(counts);
    EXPECT_EQ(counts->inserted, inserted);
    EXPECT_EQ(counts->inserted + counts->replaced, static_cast<std::uint64_t>(count));
  }
  const auto expect_same = [](const auto& view, const auto& expected, bool documents) {
    for (const auto& [node, neighbours] : expected) {
      const auto read = documents ? view.LabelsOf(Ordinal{node}) : view.DocumentsOf(Ordinal{node});
      const std::vector<std::pair<std::uint32_t, float>> wanted(neighbours.begin(),
                                                                neighbours.end());
      ASSERT_EQ(Pairs(read.value()), wanted);
    }
  };
  for (int round = 0; round < 2; ++round) {
    {
      const auto view = Snapshot();
      expect_same(*view, by_document, /*documents=*/true);
      expect_same(*view, by_label, /*documents=*/false);
      const auto cursor = view->ScanRelevance();
      for (const auto& [document, labels] : by_document) {
        ASSERT_TRUE(cursor->Next().value());
        EXPECT_EQ(ToInteger(cursor->document()), document);
        EXPECT_EQ(cursor->labels().size(), labels.size());
      }
      EXPECT_FALSE(cursor->Next().value());
    }
    Open();
  }
}

// A load of many pairs reads all ids into memory on its way: answers stay the same.
TEST_F(BulkLoadTest, IdsAreFoundBeforeAndAfterTheyAreAllInMemory) {
  Open();
  constexpr int kNumDocuments = 4000;
  LoadRows(EntityKind::kDocument, "d", kNumDocuments);
  LoadRows(EntityKind::kLabel, "l", 3);
  const auto load = PairLoad(DuplicatePolicy::kFail);
  for (int i = 0; i < kNumDocuments; ++i) {
    ASSERT_OK(load->AddRelevance("d" + std::to_string(i), "l" + std::to_string(i % 3), 1));
    EXPECT_EQ(load->AddRelevance("e" + std::to_string(i), "l0", 1).sqlstate(), "23503");
  }
  EXPECT_EQ(load->Commit({}).value().inserted, static_cast<std::uint64_t>(kNumDocuments));
  const auto view = Snapshot();
  for (std::uint32_t i = 0; i < kNumDocuments; ++i) {
    ASSERT_THAT(Pairs(view->LabelsOf(Ordinal{i}).value()), ElementsAre(Pair(i % 3, 1.0F)));
  }
}

TEST_F(BulkLoadTest, PairsOfUnknownRowsAndDuplicatesAreReported) {
  Open();
  LoadRows(EntityKind::kDocument, "d", 2);
  LoadRows(EntityKind::kLabel, "l", 2);
  auto load = PairLoad(DuplicatePolicy::kFail);
  ASSERT_OK(load->AddRelevance("d0", "l0", 1));
  const Status unknown = load->AddRelevance("d9", "l0", 1);
  EXPECT_EQ(unknown.sqlstate(), "23503");
  EXPECT_THAT(std::string(unknown.message()), HasSubstr("'d9' in documents"));
  EXPECT_THAT(std::string(load->AddRelevance("d0", "x", 1).message()), HasSubstr("'x' in labels"));
  EXPECT_EQ(load->AddRelevance("d0", "l0", 1).sqlstate(), "23505");
  EXPECT_EQ(load->AddRelevance("d0", "l1", std::numeric_limits<float>::quiet_NaN()).sqlstate(),
            "22023");
  EXPECT_EQ(load->AddRow(Row("a")).code(), StatusCode::kInvalidArgument);
  ASSERT_OK(load->Commit({}));
  load = nullptr;
  load = PairLoad(DuplicatePolicy::kFail);
  EXPECT_EQ(load->AddRelevance("d0", "l0", 1).sqlstate(), "23505");
  load = nullptr;
  load = PairLoad(DuplicatePolicy::kIgnore);
  ASSERT_OK(load->AddRelevance("d0", "l0", 7));
  ASSERT_OK(load->AddRelevance("d0", "l1", 1));
  EXPECT_EQ(load->Commit({}).value().ignored, 1U);
  EXPECT_THAT(Pairs(Snapshot()->LabelsOf(Ordinal{0}).value()),
              ElementsAre(Pair(0, 1.0F), Pair(1, 1.0F)));
}

}  // namespace
}  // namespace dashi::storage
