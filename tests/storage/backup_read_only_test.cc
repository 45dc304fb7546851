// Backups are listed and restored where nothing can be written.

#include <cstdlib>
#include <map>
#include <sched.h>
#include <string>
#include <sys/mount.h>
#include <tuple>

#include <gtest/gtest.h>

#include "tests/storage/backup_fixture.h"
#include "tests/storage/child_process.h"

namespace dashi::storage {
namespace {

constexpr int kMountedExitStatus = 0;
constexpr int kNotMountedExitStatus = 77;

// What stands in a folder, and when each file was changed.
std::map<std::string, std::tuple<std::uintmax_t, fs::file_time_type>> State(
    const std::string& folder) {
  std::map<std::string, std::tuple<std::uintmax_t, fs::file_time_type>> state;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    state[entry.path().string()] = {entry.is_regular_file() ? entry.file_size() : 0,
                                    entry.last_write_time()};
  }
  return state;
}

class BackupReadOnlyTest : public BackupTest {
 protected:
  void SetUp() override {
    Open();
    AddRows("a", 50, 100);
    Backup();
    AddRows("b", 50, 100);
    Backup();
    contents_ = Contents(*Snapshot());
    Close();
  }
  std::map<std::string, std::string> contents_;
};

TEST_F(BackupReadOnlyTest, AReaderChangesNothing) {
  const auto before = State(folder());
  EXPECT_EQ(List().size(), 2U);
  EXPECT_EQ(Restored(2), contents_);
  EXPECT_EQ(State(folder()), before);
}

TEST_F(BackupReadOnlyTest, ALockThatIsMissingIsMadeAnew) {
  fs::remove(folder() + "/LOCK");
  EXPECT_EQ(Restored(2), contents_);
  EXPECT_TRUE(fs::exists(folder() + "/LOCK"));
}

// Run in a process of its own, whose mounts nobody else sees. Rights do not bind the superuser, a
// mount that is read-only does.
TEST_F(BackupTest, DISABLED_ChildRestoresFromAReadOnlyMount) {
  const std::string backups = std::getenv("TEST_BACKUPS");
  if (::unshare(CLONE_NEWNS) != 0 ||
      ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount(backups.c_str(), backups.c_str(), nullptr, MS_BIND, nullptr) != 0 ||
      ::mount("none", backups.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) != 0) {
    std::exit(kNotMountedExitStatus);
  }
  ASSERT_FALSE(std::ofstream(backups + "/x").good());
  const auto listed = ListBackups(backups);
  ASSERT_OK(listed);
  EXPECT_EQ(listed->size(), 2U);
  SilentMonitor monitor;
  ASSERT_OK(RestoreBackup(backups, 2, std::getenv("TEST_TARGET"), monitor));
}

TEST_F(BackupReadOnlyTest, AMountThatIsReadOnlyIsRestoredFromWithAndWithoutALock) {
  for (const bool with_lock : {true, false}) {
    SCOPED_TRACE(with_lock);
    if (!with_lock) {
      fs::remove(folder() + "/LOCK");
    }
    fs::remove_all(target());
    const ChildOutcome outcome =
        RunTestInChild("BackupTest.DISABLED_ChildRestoresFromAReadOnlyMount",
                       {{"TEST_TARGET", target()}, {"TEST_BACKUPS", folder()}});
    if (outcome.exit_status == kNotMountedExitStatus) {
      GTEST_SKIP() << "this process may not mount";
    }
    ASSERT_EQ(outcome.exit_status, kMountedExitStatus) << outcome.output;
    EXPECT_EQ(Problems(target()), "");
    EXPECT_EQ(ContentsOf(target()), contents_);
    EXPECT_EQ(fs::exists(folder() + "/LOCK"), with_lock);
  }
}

}  // namespace
}  // namespace dashi::storage
