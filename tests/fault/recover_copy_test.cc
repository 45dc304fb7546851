// Copies that open, of databases that do not.

#include "storage/recover_copy.h"

#include <filesystem>
#include <map>
#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fault/damaged_database.h"

namespace dashi::storage {
namespace {

namespace fs = std::filesystem;

using ::testing::HasSubstr;

class RecoverCopyTest : public DamagedDatabase {
 protected:
  void SetUp() override {
    DamagedDatabase::SetUp();
    fs::remove_all(Copy());
  }
  void TearDown() override { fs::remove_all(Copy()); }

  std::string Copy() const { return directory() + ".copy"; }

  // Recovers, and checks that the damaged database is as it was, byte for byte.
  Result<RecoverReport> Recover(bool accept_loss = false) {
    const std::map<std::string, std::string> before = Contents();
    auto report = RecoverCopy({directory(), Copy(), accept_loss}, {});
    EXPECT_EQ(Contents() == before, true) << "the database was touched";
    EXPECT_EQ(fs::exists(Copy()), report.ok() && report.value().kept);
    return report;
  }
  std::map<std::string, std::string> Contents() const {
    std::map<std::string, std::string> contents;
    for (const auto& entry : fs::recursive_directory_iterator(directory())) {
      contents[entry.path().string()] = entry.is_regular_file() ? Read(entry.path().string()) : "";
    }
    return contents;
  }
  // The ids of the copy's documents are those that were written first.
  std::size_t RowsOfCopy() {
    std::size_t count = 0;
    auto opened = Store::Open(Copy(), {});
    EXPECT_OK(opened);
    if (!opened.ok()) {
      return 0;
    }
    for (const std::string& row :
         Rows(*opened.value()->NewSnapshot().value(), EntityKind::kDocument)) {
      const std::string id = count < kNumLoaded ? fmt::format("loaded {}", count)
                                                : fmt::format("logged {}", count - kNumLoaded);
      EXPECT_TRUE(row.starts_with(id + "=")) << row.substr(0, 20) << " instead of " << id;
      ++count;
    }
    return count;
  }
  static void ZeroEnd(const std::string& path, std::size_t size) {
    std::string bytes = Read(path);
    bytes.replace(bytes.size() - size, size, size, '\0');
    Write(path, bytes);
  }
};

TEST_F(RecoverCopyTest, AnUndamagedDatabaseIsCopiedWhole) {
  auto report = Recover();
  ASSERT_OK(report);
  EXPECT_TRUE(report.value().kept);
  EXPECT_EQ(report.value().num_dropped, 0U);
  EXPECT_EQ(report.value().last_commit, kNumLogged + 1U);
  EXPECT_FALSE(report.value().lost_acknowledged());
  EXPECT_GT(report.value().num_bytes, 0U);
  EXPECT_EQ(RowsOfCopy(), std::size_t{kNumLoaded} + kNumLogged);
  EXPECT_EQ(RowsOfCopy(), std::size_t{kNumLoaded} + kNumLogged) << "it opens again";
}

TEST_F(RecoverCopyTest, AcknowledgedCommitsBehindTheDamageAreListedAndNotDroppedInSilence) {
  FlipBit(LastLog(), 8 * fs::file_size(LastLog()) / 3);
  EXPECT_EQ(OpenAndCompare().sqlstate(), "XX001");
  auto report = Recover();
  ASSERT_OK(report);
  EXPECT_FALSE(report.value().kept);
  EXPECT_LT(report.value().last_commit, kNumLogged + 1U);
  EXPECT_EQ(report.value().num_acknowledged_lost_max, kNumLogged + 1U - report.value().last_commit);
  EXPECT_THAT(report.value().damaged_log, HasSubstr(fs::path(LastLog()).filename().string()));

  auto accepted = Recover(/*accept_loss=*/true);
  ASSERT_OK(accepted);
  EXPECT_TRUE(accepted.value().kept);
  EXPECT_EQ(RowsOfCopy(), kNumLoaded + accepted.value().last_commit - 1);
}

TEST_F(RecoverCopyTest, TheDroppedCommitsSayWhatTheyChanged) {
  // The log is larger than a block of 32 KiB here, so that what is behind the damage can be read.
  Open();
  for (int i = kNumLogged; i < 4 * kNumLogged; ++i) {
    const std::string id = fmt::format("logged {}", i);
    Insert(EntityKind::kDocument, id, id + std::string(200, '.'));
  }
  Close();
  FlipBit(LastLog(), 8 * 1000);
  auto report = Recover();
  ASSERT_OK(report);
  EXPECT_FALSE(report.value().kept);
  ASSERT_GT(report.value().num_dropped, 10U);
  const std::uint64_t last = 4 * kNumLogged + 1;
  EXPECT_EQ(report.value().num_dropped <= report.value().num_acknowledged_lost_max, true);
  EXPECT_EQ(report.value().dropped.front().changes, "documents: 1 inserted");
  EXPECT_GT(report.value().dropped.front().sequence, report.value().last_commit);
  EXPECT_EQ(report.value().watermark->commit_sequence, last);
}

TEST_F(RecoverCopyTest, ATornTailAboveTheWatermarkIsDroppedAndTheCopyKept) {
  // As a power loss in the middle of a commit leaves it: the log says more than the watermark.
  const std::string watermark = Read(Path("commit.watermark"));
  Open();
  Insert(EntityKind::kDocument, fmt::format("logged {}", kNumLogged), "torn");
  Close();
  Write(Path("commit.watermark"), watermark);
  ZeroEnd(LastLog(), 20);
  EXPECT_EQ(OpenAndCompare().sqlstate(), "XX001");
  auto report = Recover();
  ASSERT_OK(report);
  EXPECT_TRUE(report.value().kept);
  EXPECT_FALSE(report.value().lost_acknowledged());
  EXPECT_EQ(report.value().last_commit, kNumLogged + 1U);
  EXPECT_EQ(RowsOfCopy(), std::size_t{kNumLoaded} + kNumLogged);
}

TEST_F(RecoverCopyTest, ACutLogIsAsALossOfWhatItHeld) {
  Truncate(LastLog(), fs::file_size(LastLog()) / 2);
  auto report = Recover();
  ASSERT_OK(report);
  EXPECT_FALSE(report.value().kept);
  EXPECT_GT(report.value().num_acknowledged_lost_max, 10U);
  auto accepted = Recover(/*accept_loss=*/true);
  ASSERT_OK(accepted);
  EXPECT_EQ(RowsOfCopy(), kNumLoaded + accepted.value().last_commit - 1);
}

TEST_F(RecoverCopyTest, ALostCurrentIsMadeAnew) {
  for (const char* text : {"", "MANIFEST-999999\n"}) {
    Write(Path("data/CURRENT"), text);
    EXPECT_EQ(OpenAndCompare().sqlstate(), "XX001");
    auto report = Recover();
    ASSERT_OK(report);
    EXPECT_TRUE(report.value().kept);
    EXPECT_THAT(report.value().rebuilt_current, HasSubstr("MANIFEST-"));
    EXPECT_EQ(RowsOfCopy(), std::size_t{kNumLoaded} + kNumLogged);
    fs::remove_all(Copy());
  }
  fs::remove(Path("data/CURRENT"));
  ASSERT_OK(Recover());
  EXPECT_EQ(RowsOfCopy(), std::size_t{kNumLoaded} + kNumLogged);
}

TEST_F(RecoverCopyTest, ADamagedTableIsNamedAndNothingIsMade) {
  for (const std::string& table : Files(".sst")) {
    const std::string name = fs::path(table).filename().string();
    // A bit in the middle shows only when the file's checksum is looked at.
    FlipBit(table, 4 * fs::file_size(table));
    const Status damaged = Recover(/*accept_loss=*/true).status();
    EXPECT_EQ(damaged.sqlstate(), "XX001");
    EXPECT_THAT(std::string(damaged.message()), HasSubstr(name));
    EXPECT_EQ(damaged.hint(), "Restore a backup.");
    Restore();
    fs::remove(table);
    const Status lost = Recover(/*accept_loss=*/true).status();
    EXPECT_EQ(lost.sqlstate(), "XX001");
    EXPECT_THAT(std::string(lost.message()), HasSubstr(name));
    Restore();
  }
}

TEST_F(RecoverCopyTest, ADamagedManifestIsNamedAndNothingIsMade) {
  FlipBit(CurrentManifest(), 4 * fs::file_size(CurrentManifest()));
  const Status status = Recover().status();
  EXPECT_EQ(status.sqlstate(), "XX001");
  EXPECT_THAT(std::string(status.message()), HasSubstr("MANIFEST"));
}

TEST_F(RecoverCopyTest, WhatCannotBeIsRefused) {
  EXPECT_EQ(RecoverCopy({directory() + ".absent", Copy(), false}, {}).status().sqlstate(), "3D000");
  fs::create_directory(Copy());
  EXPECT_EQ(RecoverCopy({directory(), Copy(), false}, {}).status().code(),
            StatusCode::kAlreadyExists);
  fs::remove_all(Copy());
  EXPECT_EQ(RecoverCopy({directory(), Path("inside"), false}, {}).status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_FALSE(fs::exists(Path("inside")));
  EXPECT_EQ(Recover().value().kept, true);
}

TEST_F(RecoverCopyTest, AnErrorOfTheProgressStopsItAndLeavesNothing) {
  const auto stop = [](std::uint64_t, std::uint64_t) { return Status::Cancelled("enough"); };
  EXPECT_EQ(RecoverCopy({directory(), Copy(), false}, stop).status().code(),
            StatusCode::kCancelled);
  EXPECT_FALSE(fs::exists(Copy()));
}

}  // namespace
}  // namespace dashi::storage
