#include <array>
#include <atomic>
#include <cerrno>
#include <fstream>
#include <signal.h>
#include <string>
#include <string_view>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/storage/backup_fixture.h"
#include "tests/storage/child_process.h"
#include "tests/storage/stopping_monitor.h"

namespace {
// The n-th write from now on to a file whose path begins so finds the disk full; 0: none does.
std::atomic<int> writes_until_full{0};
std::string& FullBelow() {
  static std::string path;
  return path;
}

bool IsBelowFull(int file) {
  std::array<char, 4096> path{};
  const ssize_t size =
      ::readlink(("/proc/self/fd/" + std::to_string(file)).c_str(), path.data(), path.size());
  return size > 0 &&
         std::string_view(path.data(), static_cast<std::size_t>(size)).starts_with(FullBelow());
}
}  // namespace

// Stands before the C library's: backups and restores write with it. So do the database and its
// watermark, which is written whenever its second is over: they are let alone.
extern "C" ssize_t pwrite(int file, const void* bytes, size_t size, off_t offset) {
  if (writes_until_full > 0 && IsBelowFull(file) && --writes_until_full == 0) {
    errno = ENOSPC;
    return -1;
  }
  return ::syscall(SYS_pwrite64, file, bytes, size, offset);
}

namespace dashi::storage {
namespace {

using ::testing::HasSubstr;

TEST_F(BackupTest, TheMonitorStopsABackupAndARestoreAnywhere) {
  Open();
  AddRows("a", 50, 100);
  Backup();
  AddRows("b", 50, 100);
  int looks = 0;
  for (;; ++looks) {
    StoppingMonitor monitor(looks);
    const auto made = store().Backup(folder(), {}, monitor);
    if (made.ok()) {
      break;
    }
    ASSERT_EQ(made.status().code(), StatusCode::kCancelled);
    ASSERT_EQ(List().size(), 1U);
    ExpectNothingStray();
  }
  EXPECT_GT(looks, 5);
  for (looks = 0;; ++looks) {
    StoppingMonitor monitor(looks);
    const auto restored = RestoreBackup(folder(), 2, target(), monitor);
    if (restored.ok()) {
      break;
    }
    ASSERT_EQ(restored.status().code(), StatusCode::kCancelled);
    ASSERT_FALSE(fs::exists(target()));
  }
  EXPECT_GT(looks, 3);
  EXPECT_EQ(ContentsOf(target()).size(), 100U);
}

TEST_F(BackupTest, AFullDiskEndsABackupAndARestoreCleanly) {
  Open();
  AddRows("a", 50, 100);
  Backup();
  AddRows("b", 50, 100);
  const auto before = NamesIn(folder() + "/files");
  int num_full = 0;
  FullBelow() = fs::canonical(folder()).string();
  for (int n = 1;; ++n) {
    writes_until_full = n;
    const auto made = TryBackup();
    writes_until_full = 0;
    if (made.ok()) {
      break;
    }
    ++num_full;
    ASSERT_EQ(made.status().sqlstate(), "53100") << made.status().ToString();
    ASSERT_EQ(List().size(), 1U);
    ASSERT_EQ(NamesIn(folder() + "/files"), before);
    ExpectNothingStray();
  }
  EXPECT_GT(num_full, 3);
  num_full = 0;
  FullBelow() = fs::weakly_canonical(target()).string();
  for (int n = 1;; ++n) {
    writes_until_full = n;
    const auto restored = TryRestore(2);
    writes_until_full = 0;
    if (restored.ok()) {
      break;
    }
    ++num_full;
    ASSERT_EQ(restored.status().sqlstate(), "53100") << restored.status().ToString();
    ASSERT_FALSE(fs::exists(target()));
  }
  EXPECT_GT(num_full, 3);
  EXPECT_EQ(ContentsOf(target()).size(), 100U);
}

// Run in a process of its own, which a failpoint kills.
TEST_F(BackupTest, DISABLED_ChildMakesABackup) {
  StoreOptions options;
  options.create_if_missing = false;
  auto store = Store::Open(std::getenv("TEST_DATABASE"), options);
  ASSERT_OK(store);
  SilentMonitor monitor;
  BackupOptions backup_options;
  backup_options.keep = 1;
  ASSERT_OK((*store)->Backup(std::getenv("TEST_BACKUPS"), backup_options, monitor));
}

TEST_F(BackupTest, DISABLED_ChildRestores) {
  SilentMonitor monitor;
  ASSERT_OK(RestoreBackup(std::getenv("TEST_BACKUPS"), 1, std::getenv("TEST_TARGET"), monitor));
}

TEST_F(BackupTest, AKilledBackupLeavesTheEarlierOnes) {
  Open();
  AddRows("a", 200, 100);
  Backup();
  const auto first = Contents(*Snapshot());
  AddRows("b", 200, 100);
  const auto second = Contents(*Snapshot());
  Close();
  fs::copy(folder(), folder() + "-kept", fs::copy_options::recursive);
  const std::map<std::string, std::set<std::uint64_t>> points = {
      {"backup.captured", {1}}, {"backup.file", {1}},     {"backup.file:2", {1}},
      {"backup.manifest", {1}}, {"backup.added", {1, 2}}, {"backup.deleted", {2}}};
  for (const auto& [point, expected] : points) {
    SCOPED_TRACE(point);
    const ChildOutcome outcome = RunTestInChild(
        "BackupTest.DISABLED_ChildMakesABackup",
        {{"DASHI_FAILPOINTS", point}, {"TEST_DATABASE", directory()}, {"TEST_BACKUPS", folder()}});
    ASSERT_EQ(outcome.signal, SIGKILL) << outcome.output;
    std::set<std::uint64_t> numbers;
    for (const BackupInfo& info : List()) {
      numbers.insert(info.number);
      EXPECT_EQ(Restored(info.number), info.number == 1 ? first : second);
    }
    EXPECT_EQ(numbers, expected);
    Open();
    const BackupSummary next = Backup();
    EXPECT_EQ(next.number, *numbers.rbegin() + 1);
    EXPECT_EQ(Restored(next.number), second);
    ExpectNothingStray();
    Close();
    fs::remove_all(folder());
    fs::copy(folder() + "-kept", folder(), fs::copy_options::recursive);
  }
  fs::remove_all(folder() + "-kept");
}

TEST_F(BackupTest, AKilledRestoreIsNotTakenForADatabase) {
  Open();
  AddRows("a", 200, 100);
  const auto contents = Contents(*Snapshot());
  Backup();
  for (const std::string point :
       {"restore.begun", "restore.file", "restore.file:2", "restore.file:3", "restore.copied"}) {
    SCOPED_TRACE(point);
    fs::remove_all(target());
    const ChildOutcome outcome = RunTestInChild(
        "BackupTest.DISABLED_ChildRestores",
        {{"DASHI_FAILPOINTS", point}, {"TEST_TARGET", target()}, {"TEST_BACKUPS", folder()}});
    ASSERT_EQ(outcome.signal, SIGKILL) << outcome.output;
    const auto before = NamesIn(target());
    const auto opened = Store::Open(target(), {});
    EXPECT_EQ(opened.status().code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(opened.status().message()), HasSubstr("restore"));
    EXPECT_EQ(NamesIn(target()), before);
    EXPECT_EQ(TryRestore(1).status().code(), StatusCode::kInvalidArgument);
    EXPECT_EQ(Restored(1), contents);
  }
}

}  // namespace
}  // namespace dashi::storage
