#include "storage/commit_watermark.h"

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <thread>

#include <gtest/gtest.h>

#include "base/mutex.h"
#include "tests/storage/child_process.h"
#include "tests/storage/store_fixture.h"

namespace dashi::storage {
namespace {

constexpr std::size_t kSecondSlot = 4096;
constexpr std::size_t kSlotBytes = 64;
constexpr std::size_t kSecondList = 8192 + 65536;

class CommitWatermarkTest : public StoreFixture {
 protected:
  std::string File() const { return directory() + "/commit.watermark"; }
  void SetUp() override { std::filesystem::create_directory(directory()); }

  static std::string Read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  static void Write(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  }
  WatermarkHistory History() const {
    auto history = ReadWatermarkFile(File());
    EXPECT_OK(history);
    return history.ok() ? history.value() : WatermarkHistory{};
  }
};

TEST_F(CommitWatermarkTest, AnAbsentFileIsAnEmptyHistory) {
  EXPECT_FALSE(History().newest);
  EXPECT_FALSE(History().damaged);
}

TEST_F(CommitWatermarkTest, TheLastTwoWritesAreKept) {
  for (std::uint64_t i = 1; i <= 5; ++i) {
    auto file = WatermarkFile::Open(File());  // Each process goes on where the last one stopped.
    ASSERT_OK(file);
    ASSERT_OK(file.value()->Write({10 * i, 100 * i, static_cast<std::int64_t>(1000 * i)}, {}));
    ASSERT_TRUE(History().newest && History().previous);
    EXPECT_EQ(History().newest->commit_sequence, 10 * i);
    EXPECT_EQ(History().newest->engine_sequence, 100 * i);
    EXPECT_EQ(History().newest->at_micros, static_cast<std::int64_t>(1000 * i));
    EXPECT_EQ(History().previous->commit_sequence, 10 * (i - 1));
  }
}

TEST_F(CommitWatermarkTest, ADamagedSlotLeavesTheOther) {
  auto file = WatermarkFile::Open(File());
  ASSERT_OK(file);
  ASSERT_OK(file.value()->Write({1, 10, 100}, {}));  // into the second slot
  ASSERT_OK(file.value()->Write({2, 20, 200}, {}));  // into the first
  const std::string whole = Read(File());
  for (const std::size_t slot : {std::size_t{0}, kSecondSlot}) {
    for (std::size_t bit = 0; bit < 8 * kSlotBytes; bit += 3) {
      std::string damaged = whole;
      damaged[slot + bit / 8] = static_cast<char>(
          static_cast<unsigned char>(damaged[slot + bit / 8]) ^ (1U << (bit % 8)));
      Write(File(), damaged);
      const WatermarkHistory history = History();
      ASSERT_TRUE(history.newest) << slot << " " << bit;
      EXPECT_EQ(history.newest->commit_sequence, slot == 0 ? 1U : 2U);
      EXPECT_FALSE(history.previous);
    }
  }
}

TEST_F(CommitWatermarkTest, AFileOfAnyLengthIsReadAsFarAsItIsSound) {
  auto file = WatermarkFile::Open(File());
  ASSERT_OK(file);
  ASSERT_OK(file.value()->Write({1, 10, 100}, {}));
  ASSERT_OK(file.value()->Write({2, 20, 200}, {}));
  const std::string whole = Read(File());
  for (std::size_t size = 0; size < whole.size(); size += size < 80 ? 1 : 61) {
    Write(File(), whole.substr(0, size));
    EXPECT_EQ(History().damaged, size < kSlotBytes) << size;
  }
}

SyncedFiles OneLog(std::uint64_t number) {
  SyncedFiles files;
  files.logs = {{number, 100, {}}};
  return files;
}

TEST_F(CommitWatermarkTest, TheNewestListThatIsSoundIsRead) {
  auto file = WatermarkFile::Open(File());
  ASSERT_OK(file);
  EXPECT_FALSE(History().files);
  for (std::uint64_t i = 1; i <= 5; ++i) {
    ASSERT_OK(file.value()->Write({i, i, 0}, OneLog(10 + i)));
    ASSERT_TRUE(History().files);
    EXPECT_EQ(History().files->logs.at(0).number, 10 + i);
  }
  // The fifth write went into the second place.
  std::string bytes = Read(File());
  bytes[kSecondList + 20] ^= 1;
  Write(File(), bytes);
  EXPECT_EQ(History().newest->commit_sequence, 5U);
  EXPECT_EQ(History().files->logs.at(0).number, 14U);
}

// As it was before there were lists.
TEST_F(CommitWatermarkTest, AShortFileOfEarlierProgramsGetsListsAndKeepsItsSlots) {
  {
    auto file = WatermarkFile::Open(File());
    ASSERT_OK(file);
    ASSERT_OK(file.value()->Write({7, 70, 700}, {}));
  }
  Write(File(), Read(File()).substr(0, kSecondSlot + kSlotBytes));
  EXPECT_EQ(History().newest->commit_sequence, 7U);
  EXPECT_FALSE(History().files);
  auto file = WatermarkFile::Open(File());
  ASSERT_OK(file);
  EXPECT_EQ(History().newest->commit_sequence, 7U);
  ASSERT_OK(file.value()->Write({8, 80, 800}, OneLog(3)));
  EXPECT_EQ(History().previous->commit_sequence, 7U);
  EXPECT_EQ(History().files->logs.at(0).number, 3U);
}

TEST_F(CommitWatermarkTest, AFileWithoutASoundSlotIsMadeAnew) {
  Write(File(), "rubbish");
  EXPECT_TRUE(History().damaged);
  auto file = WatermarkFile::Open(File());
  ASSERT_OK(file);
  ASSERT_OK(file.value()->Write({7, 70, 700}, {}));
  EXPECT_FALSE(History().damaged);
  EXPECT_EQ(History().newest->commit_sequence, 7U);
}

TEST_F(CommitWatermarkTest, ACleanCloseLeavesItAtTheLastCommit) {
  Open();
  for (int i = 0; i < 20; ++i) {
    Insert(EntityKind::kLabel, std::to_string(i));
  }
  Close();
  EXPECT_EQ(History().newest->commit_sequence, 20U);
  EXPECT_GT(History().newest->at_micros, 0);
  // A load's commit counts as well; a database that is only read writes nothing.
  Open();
  auto load = store().BeginRowLoad(EntityKind::kLabel, DuplicatePolicy::kFail);
  ASSERT_OK(load);
  ASSERT_OK(load.value()->AddRow(Row("loaded")));
  ASSERT_OK(load.value()->Commit({}));
  load.value().reset();
  Close();
  EXPECT_EQ(History().newest->commit_sequence, 21U);
  const std::string before = Read(File());
  Open();
  Rows(*Snapshot(), EntityKind::kLabel);
  Close();
  EXPECT_EQ(Read(File()), before);
}

TEST_F(CommitWatermarkTest, CommitsSideBySideAreCoveredToTheLastOne) {
  Open();
  constexpr int kThreads = 4;
  constexpr int kCommits = 50;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < kCommits; ++i) {
        Insert(EntityKind::kLabel, std::to_string(t) + "/" + std::to_string(i));
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  Close();
  EXPECT_EQ(History().newest->commit_sequence, std::uint64_t{kThreads} * kCommits);
  Open();
  EXPECT_EQ(Rows(*Snapshot(), EntityKind::kLabel).size(), std::size_t{kThreads} * kCommits);
}

// Commits that did not wait for the disk are synced by the keeper before it counts them.
TEST_F(CommitWatermarkTest, AProcessThatIsKilledHasWrittenItMeanwhile) {
  for (const std::string durability : {"now", "soon"}) {
    SCOPED_TRACE(durability);
    const std::string database = directory() + "/" + durability;
    const ChildOutcome child =
        RunTestInChild("WatermarkChild.DISABLED_CommitsAndIsKilled",
                       {{"WATERMARK_DIRECTORY", database}, {"WATERMARK_DURABILITY", durability}});
    EXPECT_EQ(child.signal, SIGKILL) << child.output;
    auto history = ReadWatermarkFile(database + "/commit.watermark");
    ASSERT_OK(history);
    EXPECT_EQ(history.value().newest->commit_sequence, 10U);
    auto store = Store::Open(database, {});
    ASSERT_OK(store);
    EXPECT_EQ(Rows(*store.value()->NewSnapshot().value(), EntityKind::kLabel).size(), 10U);
  }
}

TEST(WatermarkChild, DISABLED_CommitsAndIsKilled) {
  const std::string directory = std::getenv("WATERMARK_DIRECTORY");
  const char* durability = std::getenv("WATERMARK_DURABILITY");
  const bool soon = durability != nullptr && durability == std::string("soon");
  auto store = Store::Open(directory, {});
  ASSERT_OK(store);
  for (int i = 0; i < 10; ++i) {
    auto transaction = store.value()->Begin();
    ASSERT_OK(transaction);
    EntityRow row;
    row.id = std::to_string(i);
    ASSERT_OK(transaction.value()->InsertRow(EntityKind::kLabel, row));
    ASSERT_OK(transaction.value()->Commit(soon ? Durability::kSoon : Durability::kNow));
  }
  // Nothing ends here but the clock: the keeper writes by itself, once a second.
  Mutex mutex;
  CondVar never;
  for (int tenth = 0; tenth < 300; ++tenth) {
    auto history = ReadWatermarkFile(directory + "/commit.watermark");
    ASSERT_OK(history);
    if (history.value().newest && history.value().newest->commit_sequence == 10) {
      std::raise(SIGKILL);
    }
    MutexLock lock(mutex);
    never.WaitFor(mutex, std::chrono::milliseconds(100));
  }
  FAIL() << "the watermark was not written";
}

TEST_F(CommitWatermarkTest, AWriteThatIsCutOffLeavesADatabaseThatOpens) {
  for (const char* point : {"watermark.written", "watermark.written:2"}) {
    const std::string database = directory() + "/db";
    std::filesystem::remove_all(database);
    const ChildOutcome child =
        RunTestInChild("WatermarkChild.DISABLED_CommitsAndIsKilled",
                       {{"WATERMARK_DIRECTORY", database}, {"DASHI_FAILPOINTS", point}});
    EXPECT_EQ(child.signal, SIGKILL) << child.output;
    EXPECT_OK(Store::Open(database, {}));
  }
}

}  // namespace
}  // namespace dashi::storage
