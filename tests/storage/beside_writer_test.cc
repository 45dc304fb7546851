// Reading a database that another process writes: a state as it was at the open, or following.

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <set>
#include <string>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/mutex.h"
#include "tests/storage/store_fixture.h"

namespace dashi::storage {
namespace {

namespace fs = std::filesystem;

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::size_t kLoadedRows = 400;

// Goes on by one step each time it is asked. With no step every opening is a quick one.
class SteppingClock : public Clock {
 public:
  explicit SteppingClock(std::int64_t step) : step_(step) {}
  std::int64_t NowMicros() const override { return 1; }
  std::int64_t MonotonicMicros() const override { return now_.fetch_add(step_); }

 private:
  std::int64_t step_;
  mutable std::atomic<std::int64_t> now_ = 0;
};

class BesideWriterTest : public StoreFixture {
 protected:
  static StoreOptions Reading(bool follow) {
    StoreOptions options;
    options.read_only = true;
    options.follow = follow;
    static const SteppingClock clock(0);
    options.clock = &clock;
    return options;
  }
  std::unique_ptr<Store> OpenReader(bool follow) const {
    auto opened = Store::Open(directory(), Reading(follow));
    EXPECT_OK(opened);
    return opened.ok() ? std::move(opened).value() : nullptr;
  }
  static std::shared_ptr<const View> Look(Store& reader) {
    auto view = reader.NewSnapshot();
    EXPECT_OK(view);
    return view.ok() ? view.value() : nullptr;
  }
  // Texts that are large enough for blob files: each load writes tables anew.
  static std::string Large(int round) { return fmt::format("{} ", round) + std::string(5000, 'x'); }
  static void Load(Store& store, EntityKind kind, int round) {
    auto load = store.BeginRowLoad(kind, DuplicatePolicy::kReplace);
    ASSERT_OK(load);
    for (std::size_t i = 0; i < kLoadedRows; ++i) {
      ASSERT_OK(load.value()->AddRow(Row(std::to_string(i), Large(round))));
    }
    ASSERT_OK(load.value()->Commit({}));
  }
  // The round of each row; all are of one round when the load is seen whole.
  static std::vector<std::string> RoundsOf(const View& view, EntityKind kind) {
    std::vector<std::string> rounds;
    const std::unique_ptr<RowCursor> rows = view.ScanRows(kind);
    while (true) {
      auto more = rows->Next();
      EXPECT_OK(more);
      if (!more.ok() || !more.value()) {
        return rounds;
      }
      rounds.push_back(rows->row().text.substr(0, rows->row().text.find(' ')));
    }
  }
};

TEST_F(BesideWriterTest, FollowingIsForReadersOnly) {
  Open();
  StoreOptions options;
  options.follow = true;
  EXPECT_EQ(Store::Open(directory(), options).status().code(), StatusCode::kInvalidArgument);
}

TEST_F(BesideWriterTest, AFollowerSeesEachCommitThatEndedBefore) {
  Open();
  Insert(EntityKind::kLabel, "a", "alpha");
  const auto follower = OpenReader(/*follow=*/true);
  EXPECT_THAT(Rows(*Look(*follower), EntityKind::kLabel), ElementsAre("a=alpha"));
  for (int i = 0; i < 50; ++i) {
    const Ordinal ordinal = Insert(EntityKind::kDocument, std::to_string(i), "text");
    const auto view = Look(*follower);
    EXPECT_EQ(Find(*view, EntityKind::kDocument, std::to_string(i)), ordinal);
    EXPECT_EQ(view->EstimateRows(EntityKind::kDocument).value(), i + 1U);
    EXPECT_EQ(view->CommitSequence().value(), i + 2U);
  }
}

TEST_F(BesideWriterTest, AViewOfAFollowerDoesNotChange) {
  Open();
  Insert(EntityKind::kLabel, "a");
  const auto follower = OpenReader(/*follow=*/true);
  std::vector<std::shared_ptr<const View>> views;
  for (int i = 0; i < 3; ++i) {  // Each has an instance of its own.
    views.push_back(Look(*follower));
    Insert(EntityKind::kLabel, std::to_string(i));
  }
  for (std::size_t i = 0; i < views.size(); ++i) {
    EXPECT_EQ(Rows(*views[i], EntityKind::kLabel).size(), i + 1);
  }
  // There is a bound of instances: with all in use the newest stays.
  views.push_back(Look(*follower));
  EXPECT_EQ(Rows(*views.back(), EntityKind::kLabel).size(), 4U);
  Insert(EntityKind::kLabel, "unseen");
  EXPECT_EQ(Rows(*Look(*follower), EntityKind::kLabel).size(), 4U);
  views.clear();
  EXPECT_EQ(Rows(*Look(*follower), EntityKind::kLabel).size(), 5U);
}

TEST_F(BesideWriterTest, AFollowerWhoseOpeningIsSlowRestsBetween) {
  Open();
  const SteppingClock clock(100'000);
  StoreOptions options = Reading(/*follow=*/true);
  options.clock = &clock;
  auto follower = Store::Open(directory(), options);
  ASSERT_OK(follower);
  Insert(EntityKind::kLabel, "a");
  EXPECT_EQ(Rows(*Look(*follower.value()), EntityKind::kLabel).size(), 1U);
  Insert(EntityKind::kLabel, "b");
  // Opening took 100 ms by this clock, so that it rests for 400 ms.
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Rows(*Look(*follower.value()), EntityKind::kLabel).size(), 1U);
  }
  EXPECT_EQ(Rows(*Look(*follower.value()), EntityKind::kLabel).size(), 2U);
}

TEST_F(BesideWriterTest, AFollowerWritesNothing) {
  Open();
  Insert(EntityKind::kLabel, "a");
  const auto follower = OpenReader(/*follow=*/true);
  EXPECT_TRUE(follower->read_only());
  EXPECT_EQ(follower->Begin().status().sqlstate(), "25006");
  EXPECT_EQ(follower->BeginRowLoad(EntityKind::kLabel, DuplicatePolicy::kFail).status().sqlstate(),
            "25006");
  EXPECT_EQ(follower->BeginRelevanceLoad(DuplicatePolicy::kFail).status().sqlstate(), "25006");
  EXPECT_EQ(follower->PutWeights("w", "x").sqlstate(), "25006");
  EXPECT_EQ(follower->DeleteWeights("w").sqlstate(), "25006");
  EXPECT_EQ(follower->NewEmbeddingVersion(1, 4).status().sqlstate(), "25006");
  EXPECT_EQ(follower->DropEmbeddingVersion(1).sqlstate(), "25006");
  Close();
  std::vector<fs::path> before;
  for (const auto& entry : fs::recursive_directory_iterator(directory())) {
    before.push_back(entry.path());
  }
  Look(*follower);
  std::vector<fs::path> after;
  for (const auto& entry : fs::recursive_directory_iterator(directory())) {
    after.push_back(entry.path());
  }
  EXPECT_EQ(before, after);
}

TEST_F(BesideWriterTest, AFollowerOutlivesItsWriterAndFollowsTheNext) {
  Open();
  Insert(EntityKind::kLabel, "a");
  const auto follower = OpenReader(/*follow=*/true);
  for (int life = 0; life < 12; ++life) {
    Open();  // Each life begins a manifest and a log of its own.
    Insert(EntityKind::kLabel, std::to_string(life));
    EXPECT_EQ(Rows(*Look(*follower), EntityKind::kLabel).size(), life + 2U);
  }
  Close();
  EXPECT_EQ(Rows(*Look(*follower), EntityKind::kLabel).size(), 13U);
}

TEST_F(BesideWriterTest, AFollowerSeesANewEmbeddingVersionAndADroppedOne) {
  Open();
  const auto follower = OpenReader(/*follow=*/true);
  Look(*follower);
  for (const std::uint64_t version : {1, 2, 3}) {
    auto writer = store().NewEmbeddingVersion(version, 2);
    ASSERT_OK(writer);
    const std::array<std::uint16_t, 2> values = {1, 2};
    ASSERT_OK(writer.value()->Add(EntityKind::kLabel, Ordinal{0}, version, values));
    ASSERT_OK(writer.value()->Finish());
    ASSERT_OK(store().PutWeights(fmt::format("w{}", version), std::string(200'000, 'w')));
    const auto view = Look(*follower);
    auto cursor = view->ScanEmbeddings(version, EntityKind::kLabel);
    ASSERT_OK(cursor);
    ASSERT_TRUE(cursor.value()->Next().value());
    EXPECT_EQ(cursor.value()->text_hash(), version);
    EXPECT_EQ(view->GetWeights(fmt::format("w{}", version)).value().size(), 200'000U);
  }
  const auto before = Look(*follower);
  ASSERT_OK(store().DropEmbeddingVersion(2));
  EXPECT_EQ(Look(*follower)->ScanEmbeddings(2, EntityKind::kLabel).status().code(),
            StatusCode::kNotFound);
  // The view from before still reads it.
  auto cursor = before->ScanEmbeddings(2, EntityKind::kLabel);
  ASSERT_OK(cursor);
  EXPECT_TRUE(cursor.value()->Next().value());
}

TEST_F(BesideWriterTest, AFollowerShowsALoadWholeOrNotAtAll) {
  Open();
  Load(store(), EntityKind::kDocument, 0);
  const auto follower = OpenReader(/*follow=*/true);
  int seen_during = 0;
  for (int round = 1; round <= 3; ++round) {
    auto load = store().BeginRowLoad(EntityKind::kDocument, DuplicatePolicy::kReplace);
    ASSERT_OK(load);
    // Above 4 MiB, so that there is more than one chunk.
    for (std::size_t i = 0; i < 3 * kLoadedRows; ++i) {
      ASSERT_OK(load.value()->AddRow(Row(std::to_string(i % kLoadedRows), Large(round))));
    }
    ASSERT_OK(load.value()->Commit([&](std::uint64_t, std::uint64_t) {
      const auto view = Look(*follower);
      EXPECT_EQ(RoundsOf(*view, EntityKind::kDocument),
                std::vector<std::string>(kLoadedRows, std::to_string(round - 1)));
      ++seen_during;
    }));
    load.value().reset();
    EXPECT_EQ(RoundsOf(*Look(*follower), EntityKind::kDocument),
              std::vector<std::string>(kLoadedRows, std::to_string(round)));
  }
  EXPECT_GT(seen_during, 3);
}

TEST_F(BesideWriterTest, ACutLogIsRefusedByAFollowerAsWell) {
  Open();
  for (int i = 0; i < 10; ++i) {
    Insert(EntityKind::kLabel, std::to_string(i));
  }
  Close();
  for (const auto& entry : fs::directory_iterator(directory() + "/data")) {
    if (entry.path().extension() == ".log" && entry.file_size() > 0) {
      fs::resize_file(entry.path(), entry.file_size() / 2);
    }
  }
  const Status status = Store::Open(directory(), Reading(/*follow=*/true)).status();
  EXPECT_EQ(status.sqlstate(), "XX001");
  EXPECT_THAT(std::string(status.message()), HasSubstr("commits are missing"));
}

// Readers meet a writer that flushes, compacts and collects blob files all the time.
class MovingFilesTest : public BesideWriterTest {
 protected:
  // The writer goes on for so many rounds, and longer while readers have looked less than kLooks.
  static constexpr int kRounds = 40;
  static constexpr int kRoundsMax = 400;
  static constexpr int kLooks = 5;
  static constexpr int kRoundsPerPause = 8;

  // Each round replaces all documents in a load, which moves tables and blob files, and then all
  // labels in one commit, which stands in the log.
  void StartWriter() {
    Open();
    Load(store(), EntityKind::kDocument, 0);
    CommitLabels(0);
    GoOnWriting();
  }
  void GoOnWriting() {
    writer_ = std::thread([this] {
      for (int round = 1; round <= kRounds || (round <= kRoundsMax && looks_ < kLooks); ++round) {
        Load(store(), EntityKind::kDocument, round);
        CommitLabels(round);
        last_round_ = round;
        if (round % kRoundsPerPause == 0) {
          AwaitLook();
        }
      }
      writing_ = false;
    });
  }
  // On a busy machine the writer would be at work whenever the reader gets its turn: it rests now
  // and then until the reader has had a look.
  void AwaitLook() {
    constexpr int kPauseMsMax = 60'000;
    const int looks = looks_;
    Mutex mutex;
    CondVar never;
    for (int ms = 0; looks_ == looks && ms < kPauseMsMax; ++ms) {
      MutexLock lock(mutex);
      never.WaitFor(mutex, std::chrono::milliseconds(1));
    }
  }
  void CommitLabels(int round) {
    auto transaction = Begin();
    for (int i = 0; i < 20; ++i) {
      const std::string id = std::to_string(i);
      if (round == 0) {
        ASSERT_OK(transaction->InsertRow(EntityKind::kLabel, Row(id, Large(round))));
      } else {
        ASSERT_OK(transaction->UpdateRow(EntityKind::kLabel, Ordinal(i), Row(id, Large(round))));
      }
    }
    ASSERT_OK(transaction->Commit());
  }
  // Checks that the view is one state: labels are of the documents' round or of the one before.
  static int ExpectOneState(const View& view) {
    const std::vector<std::string> documents = RoundsOf(view, EntityKind::kDocument);
    const std::vector<std::string> labels = RoundsOf(view, EntityKind::kLabel);
    EXPECT_EQ(documents.size(), kLoadedRows);
    EXPECT_EQ(labels.size(), 20U);
    if (documents.empty() || labels.empty()) {
      return 0;
    }
    EXPECT_EQ(documents, std::vector<std::string>(documents.size(), documents.front()));
    EXPECT_EQ(labels, std::vector<std::string>(labels.size(), labels.front()));
    const int round = std::stoi(documents.front());
    EXPECT_THAT(std::stoi(labels.front()), ::testing::AnyOf(round, round - 1));
    return round;
  }
  std::set<fs::path> BlobFiles() const {
    std::set<fs::path> files;
    for (const auto& entry : fs::directory_iterator(directory() + "/data")) {
      if (entry.path().extension() == ".blob") {
        files.insert(entry.path());
      }
    }
    return files;
  }
  void Join() { writer_.join(); }

  std::atomic<bool> writing_ = true;
  std::atomic<int> looks_ = 0;
  std::atomic<int> last_round_ = 0;

 private:
  std::thread writer_;
};

TEST_F(MovingFilesTest, AReaderOpensWhileTheWriterMovesFiles) {
  StartWriter();
  while (writing_) {
    auto reader = Store::Open(directory(), Reading(/*follow=*/false));
    if (!reader.ok()) {
      // Only a load in progress keeps it out.
      EXPECT_EQ(reader.status().sqlstate(), "55006") << reader.status().ToString();
      continue;
    }
    ExpectOneState(*Look(*reader.value()));
    ++looks_;
  }
  Join();
  EXPECT_GE(looks_, kLooks);
}

TEST_F(MovingFilesTest, AReaderKeepsItsStateWhileTheWriterMovesFiles) {
  Open();
  Load(store(), EntityKind::kDocument, 0);
  CommitLabels(0);
  const auto reader = OpenReader(/*follow=*/false);
  const auto late_reader = OpenReader(/*follow=*/false);  // reads nothing before the end
  const std::set<fs::path> before = BlobFiles();
  ASSERT_FALSE(before.empty());
  GoOnWriting();
  while (writing_) {
    EXPECT_EQ(ExpectOneState(*Look(*reader)), 0);
    ++looks_;
  }
  Join();
  // The writer has removed files that the reader had never opened, or does so when it goes on: what
  // removes them is a thread of its own.
  const auto all_stand = [&] {
    const std::set<fs::path> now = BlobFiles();
    return std::includes(now.begin(), now.end(), before.begin(), before.end());
  };
  for (int round = kRounds + 1; round <= kRoundsMax && all_stand(); ++round) {
    Load(store(), EntityKind::kDocument, round);
  }
  EXPECT_FALSE(all_stand());
  EXPECT_EQ(ExpectOneState(*Look(*late_reader)), 0);
}

TEST_F(MovingFilesTest, AFollowerSeesWholeStatesInOrder) {
  Open();
  Load(store(), EntityKind::kDocument, 0);
  CommitLabels(0);
  const auto follower = OpenReader(/*follow=*/true);
  GoOnWriting();
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      int last = 0;
      while (writing_) {
        const int round = ExpectOneState(*Look(*follower));
        EXPECT_GE(round, last);
        last = round;
        ++looks_;
      }
    });
  }
  for (std::thread& reader : readers) {
    reader.join();
  }
  Join();
  EXPECT_GE(looks_, kLooks);
  EXPECT_EQ(ExpectOneState(*Look(*follower)), last_round_);
}

}  // namespace
}  // namespace dashi::storage
