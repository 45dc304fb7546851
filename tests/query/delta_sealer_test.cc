#include "query/delta_sealer.h"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "query/publish.h"
#include "tests/query/delta_fixture.h"

namespace dashi::query {
namespace {

namespace fs = std::filesystem;
using storage::EntityKind;
using storage::SealedRows;
using ::testing::ElementsAre;

bool NeverStops() { return false; }

/// A model whose labels are sealed one at a time.
class DeltaSealerTest : public DeltaFixture {
 protected:
  void SetUp() override {
    DeltaFixture::SetUp();
    AddFirstRelease({});
    SetSealRows(1);
  }
  void SetSealRows(std::uint32_t rows) {
    const auto transaction = Begin();
    auto model = transaction->GetModel("m").value().value();
    model.seal_rows = rows;
    ASSERT_TRUE(transaction->PutModel(model).ok());
    ASSERT_TRUE(transaction->Commit().ok());
  }
  void DeleteLabel(const std::string& id) {
    const auto transaction = Begin();
    Delete(*transaction, EntityKind::kLabel, id);
    ASSERT_TRUE(transaction->Commit().ok());
  }
  std::shared_ptr<const ServingRelease> Release() {
    return releases_->Resolve(*View(), "m", 1).value();
  }
  Status Seal() { return releases_->sealer().Seal(*Release(), NeverStops); }
  SealedRows Sealed() { return View()->GetRelease("m", 1).value()->sealed_labels; }
  std::shared_ptr<const DeltaPicture> Picture() {
    return releases_->NewLabels(*View(), *Release(), {}).value();
  }
  std::set<std::string> Files() {
    std::set<std::string> names;
    for (const auto& file : fs::directory_iterator(store_->index_directory())) {
      names.insert(file.path().filename());
    }
    return names;
  }
  bool HasVersion(std::uint64_t version) {
    return View()->ScanEmbeddings(version, EntityKind::kLabel).ok();
  }
  void ExpectLikeTwin() {
    const auto found = Everything(View());
    const auto wanted = Everything(View(), MakeTwin());
    ASSERT_EQ(found.size(), wanted.size());
    for (std::size_t q = 0; q < wanted.size(); ++q) {
      ASSERT_EQ(found[q].size(), wanted[q].size());
      for (std::size_t i = 0; i < wanted[q].size(); ++i) {
        ASSERT_EQ(found[q][i], wanted[q][i]) << "query " << q << ", rank " << i;
      }
    }
  }
  /// Labels that came, changed and went.
  void ChangeSome() {
    for (int i = 0; i < 20; ++i) {
      InsertLabel("N" + std::to_string(i), "word" + std::to_string(2 * i + 1) + " group3");
    }
    for (int i = 0; i < 6; ++i) {
      UpdateLabel("L" + std::to_string(i), "word" + std::to_string(50 - i) + " group2");
    }
    DeleteLabel("L20");
    DeleteLabel("N4");
  }
};

TEST_F(DeltaSealerTest, SealedLabelsAnswerAsBefore) {
  ChangeSome();
  const auto before = Everything(View());
  ASSERT_TRUE(Seal().ok());
  EXPECT_EQ(Sealed().num_rows, 25U);
  EXPECT_EQ(Picture()->num_rows(), 25U);
  EXPECT_TRUE(Picture()->entries.empty());
  EXPECT_TRUE(fs::exists(store_->index_directory() + "/" + Sealed().index_file));
  EXPECT_EQ(Everything(View()), before);
  ExpectLikeTwin();
}

TEST_F(DeltaSealerTest, WhatChangesAfterwardsCountsAndOldViewsSeeWhatTheySaw) {
  ChangeSome();
  ASSERT_TRUE(Seal().ok());
  const auto old_view = View();
  const auto old_answers = Everything(old_view);
  UpdateLabel("N1", "word59 group6");  // A sealed one.
  UpdateLabel("L3", "word3 group3");   // As the release has it.
  UpdateLabel("L1", "word44 group5");  // Of the release, and sealed.
  DeleteLabel("N2");
  InsertLabel("after", "word7 group1");
  EXPECT_EQ(Picture()->num_rows(), 24U);
  EXPECT_EQ(Picture()->entries.size(), 3U);
  ExpectLikeTwin();
  UpdateLabel("N1", "word3 group3");  // As it was sealed.
  EXPECT_EQ(Picture()->entries.size(), 2U);
  ExpectLikeTwin();
  EXPECT_EQ(Everything(old_view), old_answers);
}

TEST_F(DeltaSealerTest, AViewFromBeforeSeesWhatItSaw) {
  InsertLabel("first", "word1 group1");
  const auto old_view = View();
  const auto old_answers = Everything(old_view);
  ChangeSome();
  ASSERT_TRUE(Seal().ok());
  EXPECT_EQ(Everything(old_view), old_answers);
  const auto transaction = Begin();
  Insert(*transaction, EntityKind::kLabel, "own", "word9 group2");
  Update(*transaction, EntityKind::kLabel, "N3", "word10 group2");
  InsertLabel("other", "word11 group2");
  ASSERT_TRUE(Seal().ok());
  EXPECT_EQ(releases_->NewLabels(*transaction, *Release(), {}).value()->num_rows(), 27U);
}

TEST_F(DeltaSealerTest, TheyServeAfterARestartWithoutBeingEmbedded) {
  ChangeSome();
  ASSERT_TRUE(Seal().ok());
  SetSealRows(1000);  // Before anything is published, and so before it is sealed unasked.
  ASSERT_TRUE(Publish(*store_, *releases_, "m", 1).ok());
  UpdateLabel("N1", "word59 group6");
  const auto before = Everything(View());
  for (int round = 0; round < 2; ++round) {
    Open();
    EXPECT_EQ(Picture()->num_sealed(), 25U);
    EXPECT_EQ(Picture()->entries.size(), 1U);
    EXPECT_EQ(Everything(View()), before);
    // A read-only open, too.
    Open({.read_only = true});
    EXPECT_EQ(Everything(View()), before);
  }
}

TEST_F(DeltaSealerTest, SealingAgainTakesThePlaceOfWhatWasSealed) {
  ChangeSome();
  ASSERT_TRUE(Seal().ok());
  const SealedRows first = Sealed();
  for (int i = 0; i < 40; ++i) {
    InsertLabel("M" + std::to_string(i), "word" + std::to_string(i) + " group4");
  }
  UpdateLabel("N1", "word59 group6");
  DeleteLabel("N3");
  ASSERT_TRUE(Seal().ok());
  const SealedRows second = Sealed();
  EXPECT_EQ(second.num_rows, 64U);
  EXPECT_NE(second.embedding_version, first.embedding_version);
  EXPECT_EQ(Files(), (std::set<std::string>{second.index_file}));
  EXPECT_FALSE(HasVersion(first.embedding_version));
  EXPECT_TRUE(HasVersion(second.embedding_version));
  ExpectLikeTwin();
  Open();
  ExpectLikeTwin();
}

TEST_F(DeltaSealerTest, NothingIsLeftWhenTheReleaseIsDropped) {
  ChangeSome();
  ASSERT_TRUE(Seal().ok());
  const SealedRows sealed = Sealed();
  const std::uint32_t twin = MakeTwin();
  ASSERT_TRUE(Publish(*store_, *releases_, "m", 1).ok());
  ASSERT_TRUE(Publish(*store_, *releases_, "m", twin).ok());
  const auto release = Release();
  releases_->Forget(release->record);
  const auto transaction = Begin();
  ASSERT_TRUE(transaction->DeleteRelease("m", 1).ok());
  ASSERT_TRUE(transaction->Commit().ok());
  InsertLabel("late", "word1");
  EXPECT_EQ(releases_->sealer().Seal(*release, NeverStops).code(), StatusCode::kNotFound);
}

TEST_F(DeltaSealerTest, WhatNoRecordNamesIsRemovedAtOpen) {
  ChangeSome();
  ASSERT_TRUE(Seal().ok());
  const SealedRows sealed = Sealed();
  {
    const auto transaction = Begin();
    auto record = transaction->GetRelease("m", 1).value().value();
    record.sealed_labels = {};
    ASSERT_TRUE(transaction->PutRelease(record).ok());
    ASSERT_TRUE(transaction->Commit().ok());
  }
  const auto before = Everything(View());
  Open();
  EXPECT_TRUE(Files().empty());
  EXPECT_FALSE(HasVersion(sealed.embedding_version));
  EXPECT_EQ(Everything(View()), before);
}

TEST_F(DeltaSealerTest, ADamagedFileIsBuiltAnew) {
  ChangeSome();
  ASSERT_TRUE(Seal().ok());
  const auto before = Everything(View());
  const std::string path = store_->index_directory() + "/" + Sealed().index_file;
  const auto size = fs::file_size(path);
  for (const std::uint64_t place : {std::uint64_t{10}, size / 2, size - 40}) {
    releases_ = std::make_unique<ReleaseCache>(store_.get(), &pool_);
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(place));
    file.write("damaged!", 8);
    file.close();
    EXPECT_EQ(Everything(View()), before) << place;
    releases_->WaitForIndexes();
    EXPECT_EQ(releases_->IndexState(Release()->record), "ready");
    EXPECT_EQ(Everything(View()), before) << place;
    EXPECT_EQ(Picture()->sealed->State(), "ready");
  }
  // Even without its file and its embeddings.
  fs::remove(path);
  releases_ = std::make_unique<ReleaseCache>(store_.get(), &pool_);
  EXPECT_EQ(Everything(View()), before);
  releases_->WaitForIndexes();
  EXPECT_TRUE(fs::exists(path));
  fs::remove(path);
  ASSERT_TRUE(store_->DropEmbeddingVersion(Sealed().embedding_version).ok());
  releases_ = std::make_unique<ReleaseCache>(store_.get(), &pool_);
  EXPECT_EQ(Everything(View()), before);
}

TEST_F(DeltaSealerTest, TheRefresherHasItDoneAndRemovesWhatItKept) {
  SetSealRows(15);
  ASSERT_TRUE(Publish(*store_, *releases_, "m", 1).ok());
  Release();
  const auto kept = [&] {
    const auto view = View();
    const auto release = view->GetRelease("m", 1).value().value();
    const auto cursor =
        view->ScanDeltaEmbeddings(release.embedding_version, EntityKind::kLabel).value();
    std::size_t count = 0;
    while (cursor->Next().value()) {
      ++count;
    }
    return count;
  };
  for (int i = 0; i < 14; ++i) {
    InsertLabel("N" + std::to_string(i), "word" + std::to_string(i) + " group3");
  }
  while (kept() < 14) {
    std::this_thread::yield();
  }
  EXPECT_EQ(Sealed(), SealedRows());
  InsertLabel("last", "word40");
  while (Sealed().num_rows < 15 || kept() > 0) {
    std::this_thread::yield();
  }
  EXPECT_EQ(TopK(View(), "word40", 1)[0].id == "last" || TopK(View(), "word40", 2)[1].id == "last",
            true);
}

TEST_F(DeltaSealerTest, CancelledItLeavesNothing) {
  ChangeSome();
  const auto release = Release();
  EXPECT_EQ(releases_->sealer().Seal(*release, [] { return true; }).code(), StatusCode::kCancelled);
  EXPECT_TRUE(Files().empty());
  EXPECT_EQ(Sealed(), SealedRows());
}

TEST_F(DeltaSealerTest, RandomChangesGiveWhatTheTwinGives) {
  const std::uint64_t seed = 4;
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  std::vector<std::string> ids;
  for (int i = 0; i < kNumLabels; ++i) {
    ids.push_back("L" + std::to_string(i));
  }
  for (int round = 0; round < 12; ++round) {
    for (int change = 0; change < 15; ++change) {
      // Each its own, since equal scores have no order.
      const int number = round * 15 + change;
      const std::string text = "word" + std::to_string(number % 60) + " word" +
                               std::to_string((number * 7 + 1 + number / 60) % 60) + " group" +
                               std::to_string(random.Uniform(7));
      const std::size_t chosen = random.Uniform(ids.size());
      switch (random.Uniform(4)) {
        case 0:
          UpdateLabel(ids[chosen], text);
          break;
        case 1:
          DeleteLabel(ids[chosen]);
          ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(chosen));
          break;
        default:
          ids.push_back("R" + std::to_string(round) + "-" + std::to_string(change));
          InsertLabel(ids.back(), text);
      }
    }
    if (random.Uniform(2) == 0) {
      ASSERT_TRUE(Seal().ok());
    }
    if (random.Uniform(4) == 0) {
      Open();
    }
    if (round % 3 == 2) {
      ExpectLikeTwin();
    }
  }
}

TEST_F(DeltaSealerTest, SearchesGoOnBesideIt) {
  ASSERT_TRUE(Publish(*store_, *releases_, "m", 1).ok());
  std::atomic<bool> done{false};
  std::atomic<int> num_wrong{0};
  std::thread searcher([&] {
    while (!done) {
      const auto view = View();
      // What this view has does not depend on what is sealed meanwhile.
      num_wrong += TopK(view, "word3 group3", 5) == TopK(view, "word3 group3", 5) ? 0 : 1;
    }
  });
  for (int i = 0; i < 60; ++i) {
    InsertLabel("S" + std::to_string(i), "word" + std::to_string(i) + " group3");
    if (i % 4 == 3) {
      const Status sealed = Seal();
      EXPECT_TRUE(sealed.ok() || sealed.code() == StatusCode::kAborted) << sealed.ToString();
    }
  }
  done = true;
  searcher.join();
  EXPECT_EQ(num_wrong, 0);
  ExpectLikeTwin();
}

}  // namespace
}  // namespace dashi::query
