// A release's graph is linked anew when many of its labels are gone, while it serves.

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <numeric>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/mutex.h"
#include "base/random.h"
#include "base/thread_pool.h"
#include "index/segment/mapped_segment.h"
#include "query/publish.h"
#include "query/release_cache.h"
#include "query/serving_index.h"
#include "query/top_k.h"
#include "tests/testing/tiny_database.h"

namespace dashi::query {
namespace {

using storage::EntityKind;

constexpr int kNumLabels = 3600;

std::string IdOf(int label) { return "L" + std::to_string(label); }
std::string TextOf(int label) {
  return "word" + std::to_string(label % 900) + " group" + std::to_string(label % 61) + " part" +
         std::to_string(label % 409) + " own" + std::to_string(label);
}
/// What a label is updated to.
std::string OtherTextOf(int label) { return "other" + std::to_string(label % 800) + " group3"; }

class ServingRelinkTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Open();
    std::vector<std::pair<std::string, std::string>> labels;
    for (int i = 0; i < kNumLabels; ++i) {
      labels.emplace_back(IdOf(i), TextOf(i));
    }
    dashi::testing::AddRows(*store_, labels, {});
    dashi::testing::AddRelease(*store_, "m", {.seed = 3, .hnsw = true, .ef_search = 32});
    ASSERT_TRUE(Publish(*store_, *releases_, "m", 1).ok());
    ASSERT_EQ(Release()->labels->kind(), "hnsw");
  }
  void Open() {
    releases_ = nullptr;
    store_ = nullptr;
    store_ = storage::Store::Open(directory_.path(), {}).value();
    releases_ = std::make_unique<ReleaseCache>(store_.get(), &pool_);
  }
  std::shared_ptr<const storage::View> View() { return store_->NewSnapshot().value(); }
  std::shared_ptr<const ServingRelease> Release() {
    return releases_->Resolve(*View(), "m", 1).value();
  }
  std::string Path() const { return store_->index_directory() + "/job-1.segment"; }
  std::size_t NumLeftOut() const {
    return index::MappedSegment::Open(Path()).value()->unlinked().size();
  }
  std::uint32_t Generation() const {
    return index::MappedSegment::Open(Path()).value()->header().generation;
  }
  /// Lets the caretaker run, which gives way to whoever spins.
  static void Pause() {
    constexpr std::chrono::milliseconds kPause{3};
    Mutex mutex;
    CondVar never;
    const MutexLock lock(mutex);
    never.WaitFor(mutex, kPause);
  }
  /// Waits until the refresher and the caretaker have had the graph leave so many out.
  void WaitUntilLeftOut(std::size_t num_rows) {
    while (NumLeftOut() != num_rows) {
      Pause();
    }
    releases_->WaitForIndexes();
    EXPECT_EQ(Release()->labels->State(), "ready");
  }

  /// Gives labels another text, or their own again.
  void UpdateLabels(int begin, int end, const std::function<std::string(int)>& text) {
    const auto transaction = store_->Begin().value();
    for (int label = begin; label < end; ++label) {
      const auto ordinal = transaction->FindOrdinal(EntityKind::kLabel, IdOf(label)).value();
      ASSERT_TRUE(ordinal.has_value());
      auto row = transaction->GetRow(EntityKind::kLabel, *ordinal).value().value();
      row.text = text(label);
      ASSERT_TRUE(transaction->UpdateRow(EntityKind::kLabel, *ordinal, row).ok());
    }
    ASSERT_TRUE(transaction->Commit().ok());
  }
  void DeleteLabels(int begin, int end) {
    const auto transaction = store_->Begin().value();
    for (int label = begin; label < end; ++label) {
      const auto ordinal = transaction->FindOrdinal(EntityKind::kLabel, IdOf(label)).value();
      ASSERT_TRUE(transaction->DeleteRow(EntityKind::kLabel, *ordinal).ok());
    }
    ASSERT_TRUE(transaction->Commit().ok());
  }

  struct Hit {
    std::string id;
    float score = 0;
    friend bool operator==(const Hit&, const Hit&) = default;
  };
  std::vector<Hit> TopK(const std::shared_ptr<const storage::View>& view, const std::string& text,
                        std::size_t k, bool exact) {
    std::vector<Hit> found;
    auto cursor = OpenTopK(view, *releases_, text, k, {"m", 1, /*ef=*/0, exact});
    EXPECT_TRUE(cursor.ok()) << cursor.status().ToString();
    TopKHit hit;
    while (cursor.ok() && found.size() < k && (*cursor)->Next(&hit).value()) {
      found.push_back({hit.row.id, hit.score});
    }
    return found;
  }
  /// A label's own text finds it first; one that has another text is not found by its old one.
  void ExpectFound(const std::shared_ptr<const storage::View>& view, int label, bool found) {
    const std::vector<Hit> hits = TopK(view, TextOf(label), 1, /*exact=*/false);
    ASSERT_EQ(hits.size(), 1U);
    ASSERT_EQ(hits[0].id == IdOf(label), found) << label << ", found " << hits[0].id;
    if (found) {
      ASSERT_EQ(hits, TopK(view, TextOf(label), 1, /*exact=*/true));
    }
  }

  dashi::testing::TemporaryDirectory directory_;
  std::unique_ptr<storage::Store> store_;
  ThreadPool pool_{2};
  std::unique_ptr<ReleaseCache> releases_;
};

TEST_F(ServingRelinkTest, LabelsThatAreGoneAreLeftOutByItself) {
  DeleteLabels(0, 800);
  WaitUntilLeftOut(800);
  EXPECT_EQ(Generation(), 1U);
  for (int label = 0; label < kNumLabels; label += 67) {
    ExpectFound(View(), label, label >= 800);
  }
  // Few more do not have it done again.
  DeleteLabels(800, 900);
  ExpectFound(View(), 850, false);
  ExpectFound(View(), 950, true);
  EXPECT_EQ(NumLeftOut(), 800U);
}

TEST_F(ServingRelinkTest, TheyAreFoundWhenTheyAreThereAgain) {
  auto before = View();
  std::vector<std::vector<Hit>> answers;
  for (int label = 0; label < 1200; label += 40) {
    answers.push_back(TopK(before, TextOf(label), 1, false));
  }
  UpdateLabels(0, 1200, OtherTextOf);
  WaitUntilLeftOut(1200);
  ExpectFound(View(), 40, false);
  // A view from before has all of them.
  for (int label = 0; label < 1200; label += 40) {
    ASSERT_EQ(TopK(before, TextOf(label), 1, false), answers[static_cast<std::size_t>(label / 40)]);
  }
  UpdateLabels(40, 41, TextOf);
  ExpectFound(View(), 40, true);
  EXPECT_EQ(TopK(View(), TextOf(40), 1, false), answers[1]);
  EXPECT_EQ(NumLeftOut(), 1200U);
  // After a restart, too.
  before = nullptr;
  Open();
  ExpectFound(View(), 40, true);
  ExpectFound(View(), 80, false);
  EXPECT_EQ(Generation(), 1U);
  // When all are there again they are linked again.
  UpdateLabels(0, 1200, TextOf);
  WaitUntilLeftOut(0);
  EXPECT_EQ(Generation(), 2U);
  for (int label = 0; label < 1200; label += 40) {
    ASSERT_EQ(TopK(View(), TextOf(label), 1, false), answers[static_cast<std::size_t>(label / 40)]);
  }
}

TEST_F(ServingRelinkTest, ADamagedFileIsScannedForAndBuiltAnew) {
  UpdateLabels(0, 900, OtherTextOf);
  WaitUntilLeftOut(900);
  UpdateLabels(7, 8, TextOf);
  releases_ = std::make_unique<ReleaseCache>(store_.get(), &pool_);
  {
    std::fstream file(Path(), std::ios::in | std::ios::out | std::ios::binary);
    const auto segment = index::MappedSegment::Open(Path()).value();
    file.seekp(static_cast<std::streamoff>(
        segment->header().At(index::SegmentSection::kVectors).offset + 1000));
    file.write("damaged!", 8);
  }
  for (const int label : {7, 8, 950, 2000}) {
    ExpectFound(View(), label, label != 8);
  }
  releases_->WaitForIndexes();
  for (const int label : {7, 8, 950, 2000}) {
    ExpectFound(View(), label, label != 8);
  }
}

TEST_F(ServingRelinkTest, CancelledOrForADroppedReleaseItLeavesNothingHalfDone) {
  const auto release = Release();
  std::vector<index::Position> gone;
  for (index::Position position = 0; position < 1000; ++position) {
    gone.push_back(position);
  }
  const auto live = index::PositionSet::AllBut(gone, kNumLabels);
  EXPECT_EQ(release->labels->Relink(live, [] { return true; }).code(), StatusCode::kCancelled);
  EXPECT_EQ(Generation(), 0U);
  EXPECT_EQ(release->labels->State(), "ready");
  dashi::testing::AddRelease(*store_, "m", {.seed = 4});
  ASSERT_TRUE(Publish(*store_, *releases_, "m", 2).ok());
  releases_->Forget(release->record);
  const auto transaction = store_->Begin().value();
  ASSERT_TRUE(transaction->DeleteRelease("m", 1).ok());
  ASSERT_TRUE(transaction->Commit().ok());
  EXPECT_EQ(release->labels->Relink(live, [] { return false; }).code(), StatusCode::kNotFound);
  EXPECT_FALSE(std::ifstream(Path()).good());
}

TEST_F(ServingRelinkTest, WhatCannotBeDoneIsTriedAgainAtTheNextLoad) {
  std::vector<index::Position> gone(1000);
  std::iota(gone.begin(), gone.end(), index::Position{0});
  const auto live = index::PositionSet::AllBut(gone, kNumLabels);
  const std::string folder = store_->index_directory();
  EXPECT_TRUE(Release()->labels->ShouldRelink(&live));
  std::filesystem::rename(folder, folder + ".away");
  const Status status = Release()->labels->Relink(live, [] { return false; });
  std::filesystem::rename(folder + ".away", folder);
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("job-1.segment"));
  EXPECT_FALSE(Release()->labels->ShouldRelink(&live));
  EXPECT_EQ(Release()->labels->State(), "ready");
  ExpectFound(View(), 40, true);
  releases_ = std::make_unique<ReleaseCache>(store_.get(), &pool_);
  EXPECT_TRUE(Release()->labels->ShouldRelink(&live));
  EXPECT_TRUE(Release()->labels->Relink(live, [] { return false; }).ok());
  EXPECT_EQ(NumLeftOut(), 1000U);
}

TEST_F(ServingRelinkTest, SearchesBesideItGiveWhatTheirViewHas) {
  std::atomic<bool> done{false};
  std::atomic<int> num_wrong{0};
  std::atomic<int> num_searches{0};
  std::thread searcher([&] {
    Random random(8);
    while (!done) {
      const auto view = View();
      const int label = static_cast<int>(random.Uniform(kNumLabels));
      const std::vector<Hit> found = TopK(view, TextOf(label), 1, false);
      num_wrong += found == TopK(view, TextOf(label), 1, true) ? 0 : 1;
      ++num_searches;
      Pause();
    }
  });
  for (int round = 0; round < 2; ++round) {
    UpdateLabels(0, 1200, OtherTextOf);
    WaitUntilLeftOut(1200);
    UpdateLabels(0, 1200, TextOf);
    WaitUntilLeftOut(0);
  }
  done = true;
  searcher.join();
  std::printf("%d searches beside it\n", num_searches.load());
  // A walk may miss the best label of a text that none has any more.
  EXPECT_LE(num_wrong, num_searches / 20);
  EXPECT_GE(Generation(), 4U);
}

TEST_F(ServingRelinkTest, RandomChangesLoseNoLabel) {
  const std::uint64_t seed = 12;
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  std::vector<bool> own(kNumLabels, true);
  for (int round = 0; round < 8; ++round) {
    const int begin = static_cast<int>(random.Uniform(kNumLabels));
    const int end = std::min(kNumLabels, begin + 1 + static_cast<int>(random.Uniform(1500)));
    const bool to_own = random.Uniform(2) == 0;
    UpdateLabels(begin, end, to_own ? TextOf : OtherTextOf);
    std::fill(own.begin() + begin, own.begin() + end, to_own);
    if (random.Uniform(2) == 0) {
      const auto release = Release();
      const auto picture = releases_->NewLabels(*View(), *release, {}).value();
      releases_->RelinkLater(release, picture);
      releases_->WaitForIndexes();
    }
    if (random.Uniform(3) == 0) {
      Open();
    }
    const auto view = View();
    for (int label = round; label < kNumLabels; label += 53) {
      ExpectFound(view, label, own[static_cast<std::size_t>(label)]);
    }
  }
}

}  // namespace
}  // namespace dashi::query
