#include "trainer/retrieval/voting_documents.h"

#include <string>

#include <gtest/gtest.h>

#include "base/status.h"
#include "tests/testing/tiny_database.h"

namespace dashi::trainer {
namespace {

std::string Message(const Result<VotingDocuments>& documents) {
  return std::string(documents.status().message());
}

TEST(VotingDocumentsTest, AreTheTrainingDocumentsThatHaveOneOfTheLabels) {
  const testing::TemporaryDirectory directory;
  const auto store = testing::OpenStore(directory.path() + "/db");
  ASSERT_NE(store, nullptr);
  testing::AddRows(*store, {{"a", "red"}, {"b", "green"}, {"c", "blue"}},
                   {{"both", "x", "train", {"a", "c"}},
                    {"test", "x", "test", {"a"}},
                    {"other", "x", "", {"b"}},
                    {"none", "x", "train", {}},
                    {"last", "x", "", {"c"}}});
  const auto view = store->NewSnapshot().value();
  const auto label = [&](const char* id) {
    return view->FindOrdinal(storage::EntityKind::kLabel, id).value().value();
  };
  const auto document = [&](const char* id) {
    return view->FindOrdinal(storage::EntityKind::kDocument, id).value().value();
  };
  const std::vector<storage::Ordinal> labels{label("a"), label("c")};
  const auto documents = ReadVotingDocuments(*view, {}, labels, {});
  ASSERT_TRUE(documents.ok()) << documents.status().ToString();
  EXPECT_EQ(documents->ordinals,
            (std::vector<storage::Ordinal>{document("both"), document("last")}));
  EXPECT_EQ(documents->labels.offsets.ToVector(), (std::vector<std::uint64_t>{0, 2, 3}));
  EXPECT_EQ(documents->labels.columns.ToVector(), (std::vector<std::uint32_t>{0, 1, 1}));

  const auto parsed = ParseVotingDocuments(SerializeVotingDocuments(*documents), 2);
  ASSERT_TRUE(parsed.ok()) << parsed.status().ToString();
  EXPECT_EQ(parsed->ordinals, documents->ordinals);
  EXPECT_EQ(parsed->labels.offsets.ToVector(), documents->labels.offsets.ToVector());
  EXPECT_EQ(parsed->labels.columns.ToVector(), documents->labels.columns.ToVector());

  EXPECT_EQ(ReadVotingDocuments(*view, {}, labels, [] { return true; }).status().code(),
            StatusCode::kCancelled);
}

TEST(VotingDocumentsTest, WhatDoesNotFitIsRefused) {
  VotingDocuments documents;
  documents.ordinals = {storage::Ordinal{3}, storage::Ordinal{9}};
  documents.labels = {{0, 1, 3}, {0, 0, 4}, {}};
  const auto refused = [&](const VotingDocuments& bad) {
    return Message(ParseVotingDocuments(SerializeVotingDocuments(bad), 5));
  };
  EXPECT_EQ(refused(documents), "");
  EXPECT_EQ(Message(ParseVotingDocuments(SerializeVotingDocuments(documents), 4)),
            "a label of the documents that vote is out of range");
  VotingDocuments bad = documents;
  bad.ordinals[1] = bad.ordinals[0];
  EXPECT_EQ(refused(bad), "the documents that vote do not ascend");
  bad = documents;
  bad.labels.offsets = {0, 4, 3};
  EXPECT_EQ(refused(bad), "the offsets of the documents that vote do not fit their labels");
  bad.labels.offsets = {0, 3};
  EXPECT_NE(refused(bad), "");
  EXPECT_NE(Message(ParseVotingDocuments("no safetensors", 5)), "");
  EXPECT_NE(Message(ParseVotingDocuments("", 5)), "");
}

}  // namespace
}  // namespace dashi::trainer
