#include "query/delta_refresher.h"

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/random.h"
#include "index/vector_kernels.h"
#include "query/publish.h"
#include "tests/query/delta_fixture.h"

namespace dashi::query {
namespace {

using storage::EntityKind;
using storage::Ordinal;

class DeltaRefresherTest : public DeltaFixture {
 protected:
  void SetUp() override {
    DeltaFixture::SetUp();
    AddFirstRelease({});
    ASSERT_TRUE(Publish(*store_, *releases_, "m", 1).ok());
  }
  std::shared_ptr<const ServingRelease> Release() {
    return releases_->Resolve(*View(), "m", 1).value();
  }
  // Waits until all that was committed so far is embedded in the background.
  bool IsRefreshed() {
    const std::uint64_t wanted = View()->CommitSequence().value();
    const std::uint64_t job = Release()->record.job;
    const Stopwatch stopwatch;
    while (stopwatch.Seconds() < 60) {
      const auto state = releases_->refresher().StateOf(job);
      if (state && state->sequence >= wanted) {
        return true;
      }
      std::this_thread::yield();
    }
    return false;
  }
  // The ordinals of the labels whose embeddings are kept beside the release.
  std::vector<std::uint32_t> Kept(EntityKind kind = EntityKind::kLabel) {
    const auto view = View();
    const auto release = view->GetRelease("m", 1).value().value();
    const auto cursor = view->ScanDeltaEmbeddings(release.embedding_version, kind).value();
    std::vector<std::uint32_t> ordinals;
    while (cursor->Next().value()) {
      ordinals.push_back(ToInteger(cursor->ordinal()));
    }
    return ordinals;
  }
  Ordinal OrdinalOf(const std::string& id) {
    return View()->FindOrdinal(EntityKind::kLabel, id).value().value();
  }
};

TEST_F(DeltaRefresherTest, WhatIsCommittedIsEmbeddedAndKeptByItself) {
  const auto release = Release();
  InsertLabel("new", "word3 group1");
  UpdateLabel("L5", "word9 group2");
  ASSERT_TRUE(IsRefreshed());
  EXPECT_EQ(Kept(),
            (std::vector<std::uint32_t>{ToInteger(OrdinalOf("L5")), ToInteger(OrdinalOf("new"))}));
  EXPECT_EQ(releases_->refresher().StateOf(release->record.job)->lag_seconds, 0);
  const auto view = View();
  EXPECT_EQ(TopK(view, "word3 group1", 1)[0].id, "new");
}

TEST_F(DeltaRefresherTest, AReleaseThatIsNotPublishedOrNotLoadedIsNotLookedAfter) {
  const std::uint64_t job = View()->GetRelease("m", 1).value()->job;
  EXPECT_FALSE(releases_->refresher().StateOf(job + 1).has_value());
  Open();
  EXPECT_FALSE(releases_->refresher().StateOf(job).has_value());
  ASSERT_TRUE(IsRefreshed());  // It loads it.
  EXPECT_TRUE(releases_->refresher().StateOf(job).has_value());
}

TEST_F(DeltaRefresherTest, KeptEmbeddingsServeAfterARestartWhileTheirTextsAreTheSame) {
  auto release = Release();
  InsertLabel("a", "word10 group1");
  InsertLabel("b", "word20 group2");
  ASSERT_TRUE(IsRefreshed());
  // Another vector in their place tells whether it is taken: that of the text of L3.
  std::vector<float> vector(release->encoder->dim());
  ASSERT_TRUE(release->encoder->Encode("word3 group3", vector).ok());
  std::vector<std::uint16_t> half(vector.size());
  index::ToHalf(vector.data(), half.data(), half.size());
  const storage::DeltaEmbedding of_a{OrdinalOf("a"), storage::HashText("word10 group1"), half};
  const storage::DeltaEmbedding of_b{OrdinalOf("b"), storage::HashText("another text"), half};
  ASSERT_TRUE(store_
                  ->PutDeltaEmbeddings(release->record.embedding_version, EntityKind::kLabel,
                                       std::vector{of_a, of_b})
                  .ok());
  release.reset();
  Open();
  const auto found = TopK(View(), "word3 group3", 2);
  EXPECT_THAT((std::vector<std::string>{found[0].id, found[1].id}),
              ::testing::UnorderedElementsAre("L3", "a"));
  EXPECT_EQ(TopK(View(), "word20 group2", 1)[0].id, "b");
  ASSERT_TRUE(IsRefreshed());
  // The one whose text is another was embedded anew and kept in its place.
  Open();
  EXPECT_THAT(Kept(), ::testing::SizeIs(2));
  const auto again = TopK(View(), "word20 group2", 2);
  EXPECT_NEAR(again[0].score, 1.0F, 2e-3F);
}

TEST_F(DeltaRefresherTest, RefreshDoesItAtOnce) {
  const auto release = Release();
  InsertLabel("new", "word3 group1");
  const auto view = View();
  EXPECT_EQ(releases_->refresher().Refresh(*view, *release, {}).value(), 1U);
  EXPECT_EQ(Kept().size(), 1U);
  EXPECT_EQ(releases_->refresher().Refresh(*view, *release, {}).value(), 1U);
  // Documents count once nearest() has loaded them.
  auto transaction = Begin();
  Insert(*transaction, EntityKind::kDocument, "Dnew", "word4 group4");
  ASSERT_TRUE(transaction->Commit().ok());
  EXPECT_EQ(releases_->refresher().Refresh(*View(), *release, {}).value(), 1U);
  EXPECT_EQ(Nearest(View(), "documents", "word4 group4")[0].id, "Dnew");
  EXPECT_EQ(releases_->refresher().Refresh(*View(), *release, {}).value(), 2U);
  EXPECT_EQ(Kept(EntityKind::kDocument).size(), 1U);
}

TEST_F(DeltaRefresherTest, AReaderNeitherLooksNorKeeps) {
  InsertLabel("new", "word3 group1");
  Open({.read_only = true});
  const auto release = Release();
  EXPECT_EQ(TopK(View(), "word3 group1", 1)[0].id, "new");
  EXPECT_EQ(releases_->refresher().Refresh(*View(), *release, {}).value(), 1U);
  EXPECT_TRUE(Kept().empty());
  EXPECT_FALSE(releases_->refresher().StateOf(release->record.job).has_value());
}

TEST_F(DeltaRefresherTest, QueriesAgreeWithATwinWhileRowsChangeBesideThem) {
  const auto release = Release();
  constexpr std::uint64_t kSeed = 21;
  SCOPED_TRACE(kSeed);
  dashi::Random random(kSeed);
  for (int round = 0; round < 40; ++round) {
    const std::string id = "N" + std::to_string(random.Uniform(12));
    const std::string text = "word" + std::to_string(random.Uniform(60));
    if (View()->FindOrdinal(EntityKind::kLabel, id).value()) {
      UpdateLabel(id, text);
    } else {
      InsertLabel(id, text);
    }
    const auto view = View();
    const auto picture = releases_->NewLabels(*view, *release, {}).value();
    const DeltaResources resources{
        *release->encoder,
        pool_,
        store_->memory(),
        [](storage::MemoryLease* lease, std::uint64_t bytes) { return lease->Resize(bytes); },
        {},
        /*known=*/{},
        /*needed_sequence=*/std::nullopt,
        /*num_left_out=*/nullptr,
        /*embedded=*/{}};
    const auto twin = release->new_labels->CompareAll(*view, resources).value();
    ASSERT_EQ(picture->entries.size(), twin->entries.size());
    for (std::size_t i = 0; i < twin->entries.size(); ++i) {
      ASSERT_EQ(picture->entries[i].ordinal, twin->entries[i].ordinal);
      ASSERT_EQ(picture->entries[i].text_hash, twin->entries[i].text_hash);
      const auto got = picture->Vector(picture->entries[i].position, release->record.dim);
      const auto want = twin->Vector(twin->entries[i].position, release->record.dim);
      ASSERT_TRUE(std::equal(got.begin(), got.end(), want.begin()));
    }
  }
}

}  // namespace
}  // namespace dashi::query
