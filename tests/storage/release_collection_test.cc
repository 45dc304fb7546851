#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "storage/release_removal.h"
#include "storage/release_retention.h"
#include "tests/storage/store_fixture.h"

namespace dashi::storage {
namespace {

using Numbers = std::vector<std::uint32_t>;
namespace fs = std::filesystem;

constexpr std::uint32_t kDim = 4;

class ReleaseCollectionTest : public StoreFixture {
 protected:
  static std::string WeightsName(std::uint32_t number) {
    return "job-" + std::to_string(number) + "/encoder";
  }

  // A release with everything that one may leave outside the catalog.
  void AddRelease(std::uint32_t number, bool pinned = false) {
    auto writer = store().NewEmbeddingVersion(number, kDim).value();
    ASSERT_OK(writer->Add(EntityKind::kLabel, Ordinal{number}, number,
                          std::vector<std::uint16_t>(kDim, static_cast<std::uint16_t>(number))));
    ASSERT_OK(writer->Finish());
    ASSERT_OK(store().PutWeights(WeightsName(number), "weights of " + std::to_string(number)));
    ReleaseRecord release;
    release.model = "m";
    release.number = number;
    release.embedding_version = number;
    release.weights = {WeightsName(number)};
    release.index_file = "job-" + std::to_string(number) + ".hnsw";
    release.pinned = pinned;
    std::ofstream(store().index_directory() + "/" + release.index_file) << "a graph";
    auto transaction = Begin();
    ASSERT_OK(transaction->PutRelease(release));
    ASSERT_OK(transaction->Commit());
  }

  // What a process leaves that dies between the commit of PUBLISH and the collection.
  void Publish(const Numbers& published, bool has_garbage = true,
               const std::string& start_weights = "") {
    auto transaction = Begin();
    ModelRecord model;
    model.name = "m";
    model.algorithm = "ngame";
    model.published = published;
    model.has_garbage = has_garbage;
    model.start_weights = start_weights;
    ASSERT_OK(transaction->PutModel(model));
    ASSERT_OK(transaction->Commit());
  }

  void AddJob(std::uint64_t id, JobState state, const std::string& start) {
    auto transaction = Begin();
    JobRecord job;
    job.id = id;
    job.state = state;
    job.options["warm_start"] = start;
    ASSERT_OK(transaction->PutJob(job));
    ASSERT_OK(transaction->Commit());
  }

  Numbers Listed() {
    Numbers numbers;
    const auto view = Snapshot();
    const std::vector<ReleaseRecord> releases = view->ListReleases().value();
    for (const ReleaseRecord& release : releases) {
      numbers.push_back(release.number);
    }
    return numbers;
  }

  bool HasGarbage() { return Snapshot()->GetModel("m").value()->has_garbage; }

  // Whether all parts of a release are there, or none of them; anything between fails the test.
  bool IsWhole(std::uint32_t number) {
    const auto view = Snapshot();
    const bool row = view->GetRelease("m", number).value().has_value();
    EXPECT_EQ(view->GetWeights(WeightsName(number)).ok(), row) << number;
    EXPECT_EQ(view->ScanEmbeddings(number, EntityKind::kLabel).ok(), row) << number;
    EXPECT_EQ(fs::exists(store().index_directory() + "/job-" + std::to_string(number) + ".hnsw"),
              row)
        << number;
    return row;
  }

  void ExpectWhole(std::uint32_t last, const Numbers& expected) {
    EXPECT_EQ(Listed(), expected);
    for (std::uint32_t number = 1; number <= last; ++number) {
      EXPECT_EQ(IsWhole(number), std::count(expected.begin(), expected.end(), number) > 0);
    }
  }
};

TEST_F(ReleaseCollectionTest, AnOpenGoesOnWithACollection) {
  constexpr std::uint32_t kLast = 2 * kReleasesPerCollection + 5;
  Open();
  for (std::uint32_t number = 1; number <= kLast; ++number) {
    AddRelease(number, /*pinned=*/number == 2);
  }
  Publish({kLast - 3, kLast - 2, kLast - 1});
  Open();
  ExpectWhole(kLast, {2, kLast - 3, kLast - 2, kLast - 1, kLast});
  EXPECT_FALSE(HasGarbage());
}

TEST_F(ReleaseCollectionTest, AnOpenLeavesWhatNoCommitCalledGarbage) {
  Open();
  for (const std::uint32_t number : {1U, 2U, 3U}) {
    AddRelease(number);
  }
  Publish({3}, /*has_garbage=*/false);  // As every program before did.
  Open();
  ExpectWhole(3, {1, 2, 3});
}

TEST_F(ReleaseCollectionTest, ADatabaseThatIsOpenForReadingStaysAsItIs) {
  Open();
  for (const std::uint32_t number : {1U, 2U, 3U}) {
    AddRelease(number);
  }
  Publish({3});
  Close();
  for (const bool follow : {false, true}) {
    StoreOptions options;
    options.read_only = true;
    options.follow = follow;
    Open(options);
    ExpectWhole(3, {1, 2, 3});
    EXPECT_TRUE(HasGarbage());
  }
  Open();
  ExpectWhole(3, {3});
}

TEST_F(ReleaseCollectionTest, WhatAJobStartsFromStaysUntilTheJobIsOver) {
  Open();
  for (const std::uint32_t number : {1U, 2U, 3U}) {
    AddRelease(number);
  }
  AddJob(1, JobState::kPaused, "m@1");
  Publish({3});
  Open();
  ExpectWhole(3, {1, 3});
  EXPECT_TRUE(HasGarbage()) << "for a later open";
  AddJob(1, JobState::kCancelled, "m@1");
  Open();
  ExpectWhole(3, {3});
  EXPECT_FALSE(HasGarbage());
}

TEST_F(ReleaseCollectionTest, TheWeightsThatAModelStartsFromStay) {
  Open();
  AddRelease(1);
  AddRelease(2);
  Publish({2}, /*has_garbage=*/true, /*start_weights=*/WeightsName(1));
  auto transaction = Begin();
  const auto step = StageCollection(*transaction, "m");
  ASSERT_OK(step);
  ASSERT_EQ(step->dropped.size(), 1U);
  ASSERT_OK(transaction->Commit());
  transaction.reset();
  RemoveReleaseData(store(), step->dropped[0], step->start_weights);
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(Listed(), Numbers{2});
    EXPECT_EQ(Snapshot()->GetWeights(WeightsName(1)).value(), "weights of 1");
    Open();
  }
}

TEST_F(ReleaseCollectionTest, OneTransactionDropsABoundedNumber) {
  Open();
  for (const std::uint32_t number : {1U, 2U, 3U, 4U}) {
    AddRelease(number);
  }
  Publish({4});
  auto transaction = Begin();
  const auto step = StageCollection(*transaction, "m", 2);
  ASSERT_OK(step);
  EXPECT_TRUE(step->more);
  EXPECT_EQ(Listed(), (Numbers{1, 2, 3, 4})) << "nothing before the commit";
  ASSERT_OK(transaction->Commit());
  EXPECT_EQ(Listed(), (Numbers{3, 4}));
  EXPECT_TRUE(HasGarbage());
  transaction = Begin();
  const auto last = StageCollection(*transaction, "m", 2);
  ASSERT_OK(last);
  EXPECT_FALSE(last->more);
  ASSERT_OK(transaction->Commit());
  EXPECT_EQ(Listed(), Numbers{4});
  EXPECT_FALSE(HasGarbage());
  transaction = Begin();
  ASSERT_OK(StageCollection(*transaction, "m"));
  EXPECT_FALSE(transaction->has_writes());
  ASSERT_OK(StageCollection(*transaction, "nothing"));
  EXPECT_FALSE(transaction->has_writes());
}

TEST_F(ReleaseCollectionTest, ConflictsWithWhoeverPinsOrPublishes) {
  Open();
  AddRelease(1);
  AddRelease(2);
  Publish({2});
  for (const bool pins : {true, false}) {
    auto collection = Begin();
    ASSERT_OK(StageCollection(*collection, "m"));
    auto other = Begin();
    if (pins) {
      ReleaseRecord release = *other->GetRelease("m", 1).value();
      release.pinned = true;
      ASSERT_OK(other->PutRelease(release));
    } else {
      ModelRecord model = *other->GetModel("m").value();
      model.published = {2, 1};
      ASSERT_OK(other->PutModel(model));
    }
    ASSERT_OK(other->Commit());
    EXPECT_EQ(collection->Commit().code(), StatusCode::kAborted);
    EXPECT_TRUE(IsWhole(1));
    Publish({2});
    auto unpin = Begin();
    ReleaseRecord release = *unpin->GetRelease("m", 1).value();
    release.pinned = false;
    ASSERT_OK(unpin->PutRelease(release));
    ASSERT_OK(unpin->Commit());
  }
}

TEST_F(ReleaseCollectionTest, AnEarlierViewReadsAReleaseThatIsDropped) {
  Open();
  AddRelease(1);
  const auto view = Snapshot();
  const auto before = Begin();
  const ReleaseRecord release = *view->GetRelease("m", 1).value();
  auto transaction = Begin();
  ASSERT_OK(transaction->DeleteRelease("m", 1));
  ASSERT_OK(transaction->Commit());
  transaction.reset();
  RemoveReleaseData(store(), release, "");
  EXPECT_FALSE(IsWhole(1));
  for (const View* reader : {view.get(), static_cast<const View*>(before.get())}) {
    EXPECT_EQ(reader->GetWeights(WeightsName(1)).value(), "weights of 1");
    auto embeddings = reader->ScanEmbeddings(1, EntityKind::kLabel);
    ASSERT_OK(embeddings);
    ASSERT_TRUE(embeddings.value()->Next().value());
    EXPECT_EQ(embeddings.value()->ordinal(), Ordinal{1});
    EXPECT_EQ(embeddings.value()->values()[0], 1U);
    EXPECT_FALSE(embeddings.value()->Next().value());
  }
}

TEST_F(ReleaseCollectionTest, AReleaseThatIsNotThereIsToldWithThoseThatAre) {
  Open();
  EXPECT_EQ(UnknownRelease(*Snapshot(), "m", 9).hint(), "Model m has no release.");
  AddRelease(1);
  EXPECT_EQ(UnknownRelease(*Snapshot(), "m", 9).hint(), "There is m@1.");
  for (std::uint32_t number = 2; number <= 21; ++number) {
    AddRelease(number);
  }
  const Status unknown = UnknownRelease(*Snapshot(), "m", 99);
  EXPECT_EQ(unknown.sqlstate(), "42704");
  EXPECT_EQ(unknown.message(), "unknown release: m@99");
  EXPECT_TRUE(unknown.hint().starts_with("There are m@2, m@3, ")) << unknown.hint();
  EXPECT_TRUE(unknown.hint().ends_with("m@21, and older ones.")) << unknown.hint();
}

}  // namespace
}  // namespace dashi::storage
