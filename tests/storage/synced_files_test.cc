#include "storage/synced_files.h"

#include <gtest/gtest.h>

#include "tests/storage/damaged_bytes.h"

namespace dashi::storage {
namespace {

SyncedFiles TwoLogs() {
  SyncedFiles files;
  files.manifest_number = 5;
  files.manifest_bytes = 1234;
  files.commits_ended = 77;
  files.logs = {{12, 1000, {10, 11, 1'700'000'000'000'000}}, {15, 1, {70, 72, -1}}};
  return files;
}

void ExpectEqual(const SyncedFiles& a, const SyncedFiles& b) {
  EXPECT_EQ(a.manifest_number, b.manifest_number);
  EXPECT_EQ(a.manifest_bytes, b.manifest_bytes);
  EXPECT_EQ(a.commits_ended, b.commits_ended);
  ASSERT_EQ(a.logs.size(), b.logs.size());
  for (std::size_t i = 0; i < a.logs.size(); ++i) {
    EXPECT_EQ(a.logs[i].number, b.logs[i].number);
    EXPECT_EQ(a.logs[i].bytes, b.logs[i].bytes);
    EXPECT_EQ(a.logs[i].birth.commits_before, b.logs[i].birth.commits_before);
    EXPECT_EQ(a.logs[i].birth.commits_begun, b.logs[i].birth.commits_begun);
    EXPECT_EQ(a.logs[i].birth.at_micros, b.logs[i].birth.at_micros);
  }
}

TEST(SyncedFilesTest, WhatWasEncodedIsDecodedWhateverFollows) {
  for (const SyncedFiles& files : {SyncedFiles(), TwoLogs()}) {
    SyncedFiles decoded;
    std::uint64_t turn = 0;
    ASSERT_TRUE(DecodeSyncedFiles(EncodeSyncedFiles(files, 9) + "rest", &decoded, &turn));
    EXPECT_EQ(turn, 9U);
    ExpectEqual(decoded, files);
  }
}

TEST(SyncedFilesTest, DamageIsNoticed) {
  ForEachDamage(EncodeSyncedFiles(TwoLogs(), 9), [](const std::string& bytes) {
    SyncedFiles decoded;
    std::uint64_t turn = 3;
    EXPECT_FALSE(DecodeSyncedFiles(bytes, &decoded, &turn));
    EXPECT_EQ(turn, 3U);
    EXPECT_TRUE(decoded.logs.empty());
  });
}

TEST(SyncedFilesTest, TheOldestLogsAreKeptWhereNotAllFit) {
  SyncedFiles files;
  for (std::uint64_t i = 0; i < kSyncedLogsMax + 10; ++i) {
    files.logs.push_back({i, i + 1, {}});
  }
  const std::string bytes = EncodeSyncedFiles(files, 1);
  EXPECT_LE(bytes.size(), kSyncedFilesBytesMax);
  SyncedFiles decoded;
  std::uint64_t turn = 0;
  ASSERT_TRUE(DecodeSyncedFiles(bytes, &decoded, &turn));
  files.logs.resize(kSyncedLogsMax);
  ExpectEqual(decoded, files);
}

TEST(SyncedFilesTest, NamesAreThoseOfRocksdb) {
  EXPECT_EQ(LogName(12), "000012.log");
  EXPECT_EQ(LogName(12'345'678), "12345678.log");
  EXPECT_EQ(ManifestName(7), "MANIFEST-000007");
  EXPECT_EQ(ParseLogName(LogName(12'345'678)), 12'345'678U);
  EXPECT_EQ(ParseManifestName(ManifestName(7)), 7U);
  for (const char* name : {"", ".log", "x.log", "12.sst", "-1.log", "load-1.log", "1 .log",
                           "99999999999999999999.log", "LOG", "MANIFEST-", "000012.dbtmp"}) {
    EXPECT_FALSE(ParseLogName(name)) << name;
    EXPECT_FALSE(ParseManifestName(name)) << name;
  }
}

}  // namespace
}  // namespace dashi::storage
