#include "storage/growing_files.h"

#include <cerrno>
#include <string>

#include <gtest/gtest.h>

namespace dashi::storage {
namespace {

const std::string kFolder = "/db/data";
const std::string kLog = "/db/data/000012.log";

// Makes no change, and fails when it is told to.
class NoDisk : public FileGate {
 public:
  int Pass(const FileChange& /*change*/,
           const std::function<int(std::size_t size)>& /*make*/) override {
    return error;
  }
  int error = 0;
};

class GrowingFilesTest : public ::testing::Test {
 protected:
  void Do(const FileChange& change) {
    files_.Pass(change, [](std::size_t /*size*/) { return 0; });
  }
  void Create(const std::string& path) { Do({.step = FileStep::kCreate, .path = path}); }
  void Write(const std::string& path, std::uint64_t offset, std::size_t size) {
    const std::string bytes(size, 'x');
    Do({.step = FileStep::kWrite, .path = path, .offset = offset, .bytes = bytes});
  }
  void Sync(const std::string& path) { Do({.step = FileStep::kSync, .path = path}); }
  void SyncFolder(const std::string& path) { Do({.step = FileStep::kSyncFolder, .path = path}); }
  void Rename(const std::string& from, const std::string& to) {
    Do({.step = FileStep::kRename, .path = from, .target = to});
  }

  // The bytes of the only log that is listed; 0 when none is.
  std::uint64_t LogBytes() const {
    const SyncedFiles files = files_.List();
    EXPECT_LE(files.logs.size(), 1U);
    return files.logs.empty() ? 0 : files.logs[0].bytes;
  }

  NoDisk disk_;
  GrowingFiles files_{disk_, kFolder};
};

TEST_F(GrowingFilesTest, ABytesCountsOnceFileAndFolderAreSynced) {
  Create(kLog);
  Write(kLog, 0, 100);
  Write(kLog, 100, 50);
  EXPECT_EQ(LogBytes(), 0U);
  Sync(kLog);
  EXPECT_EQ(LogBytes(), 0U) << "its name is not on the disk";
  SyncFolder("/db");
  SyncFolder("/db/index");
  EXPECT_EQ(LogBytes(), 0U) << "another folder";
  SyncFolder("/db/data/");
  EXPECT_EQ(LogBytes(), 150U);
  Write(kLog, 150, 10);
  EXPECT_EQ(LogBytes(), 150U);
  Sync(kLog);
  EXPECT_EQ(LogBytes(), 160U);
}

TEST_F(GrowingFilesTest, WhatFailedDoesNotCount) {
  Create(kLog);
  SyncFolder(kFolder);
  Write(kLog, 0, 100);
  disk_.error = EIO;
  Sync(kLog);
  EXPECT_EQ(LogBytes(), 0U);
  disk_.error = 0;
  Sync(kLog);
  EXPECT_EQ(LogBytes(), 100U);
  disk_.error = EIO;
  Do({.step = FileStep::kRemove, .path = kLog});
  EXPECT_EQ(LogBytes(), 100U);
  disk_.error = 0;
  Do({.step = FileStep::kRemove, .path = kLog});
  EXPECT_EQ(LogBytes(), 0U);
}

// A record that is longer than RocksDB's buffer is written in parts, which end inside of its
// frames.
TEST_F(GrowingFilesTest, APartOfARecordDoesNotCount) {
  Create(kLog);
  SyncFolder(kFolder);
  Write(kLog, 0, 100);
  Sync(kLog);
  Write(kLog, 100, 64);
  disk_.error = ENOSPC;
  Write(kLog, 164, 64);
  disk_.error = 0;
  Sync(kLog);
  EXPECT_EQ(LogBytes(), 100U);
}

// What comes while a sync goes on need not be on the disk when it ends.
TEST_F(GrowingFilesTest, ASyncCoversWhatWasThereWhenItBegan) {
  class WritesMeanwhile : public FileGate {
   public:
    int Pass(const FileChange& change, const std::function<int(std::size_t size)>& make) override {
      return change.step == FileStep::kSync || change.step == FileStep::kSyncFolder ? make(0) : 0;
    }
  };
  WritesMeanwhile disk;
  GrowingFiles files(disk, kFolder);
  const auto nothing = [](std::size_t /*size*/) { return 0; };
  const std::string bytes(100, 'x');
  const std::string other = "/db/data/000013.log";
  files.Pass({.step = FileStep::kCreate, .path = kLog}, nothing);
  files.Pass({.step = FileStep::kWrite, .path = kLog, .bytes = bytes}, nothing);
  files.Pass({.step = FileStep::kSync, .path = kLog}, [&](std::size_t /*size*/) {
    return files.Pass({.step = FileStep::kWrite, .path = kLog, .offset = 100, .bytes = bytes},
                      nothing);
  });
  files.Pass({.step = FileStep::kSyncFolder, .path = kFolder}, [&](std::size_t /*size*/) {
    files.Pass({.step = FileStep::kCreate, .path = other}, nothing);
    files.Pass({.step = FileStep::kWrite, .path = other, .bytes = bytes}, nothing);
    return files.Pass({.step = FileStep::kSync, .path = other}, nothing);
  });
  ASSERT_EQ(files.List().logs.size(), 1U);
  EXPECT_EQ(files.List().logs[0].number, 12U);
  EXPECT_EQ(files.List().logs[0].bytes, 100U);
}

TEST_F(GrowingFilesTest, AManifestCountsOnceItIsTheCurrentOne) {
  const std::string manifest = "/db/data/MANIFEST-000005";
  Create(manifest);
  Write(manifest, 0, 40);
  Sync(manifest);
  SyncFolder(kFolder);
  EXPECT_EQ(files_.List().manifest_number, 0U);
  Rename("/db/data/000005.dbtmp", "/db/data/CURRENT");
  EXPECT_EQ(files_.List().manifest_number, 0U);
  SyncFolder(kFolder);
  EXPECT_EQ(files_.List().manifest_number, 5U);
  EXPECT_EQ(files_.List().manifest_bytes, 40U);
  // The next one takes over in one step, and the old one may go then.
  const std::string next = "/db/data/MANIFEST-000009";
  Create(next);
  Write(next, 0, 60);
  Sync(next);
  Rename("/db/data/000009.dbtmp", "/db/data/CURRENT");
  EXPECT_EQ(files_.List().manifest_number, 5U);
  SyncFolder(kFolder);
  Do({.step = FileStep::kRemove, .path = manifest});
  EXPECT_EQ(files_.List().manifest_number, 9U);
  EXPECT_EQ(files_.List().manifest_bytes, 60U);
}

TEST_F(GrowingFilesTest, OtherFilesAreNotListed) {
  for (const std::string path :
       {"/db/data/000012.sst", "/db/tmp/000012.log", "/db/data/LOG", "/data/000012.log"}) {
    Create(path);
    Write(path, 0, 10);
    Sync(path);
  }
  SyncFolder(kFolder);
  EXPECT_TRUE(files_.List().logs.empty());
}

TEST_F(GrowingFilesTest, EachLogKnowsTheCommitsOfItsBirth) {
  for (const std::uint64_t number : {1, 2}) {
    files_.AddLog(number, 10 * number);
  }
  Create("/db/data/000003.log");
  SyncedLog known;
  known.number = 1;
  known.birth = {.commits_before = 4, .commits_begun = 5, .at_micros = 6};
  LogBirth now{100, 101, 102};
  files_.DateLogs(std::span(&known, 1), {7, 8, 9}, [&] { return now; });
  now = {200, 201, 202};
  Create("/db/data/000004.log");
  files_.StopDating();
  for (const std::string path : {"/db/data/000003.log", "/db/data/000004.log"}) {
    Write(path, 0, 1);
    Sync(path);
  }
  SyncFolder(kFolder);
  const SyncedFiles files = files_.List();
  ASSERT_EQ(files.logs.size(), 4U);
  EXPECT_EQ(files.logs[0].birth.commits_before, 4U);
  EXPECT_EQ(files.logs[1].birth.commits_begun, 8U);
  EXPECT_EQ(files.logs[2].birth.at_micros, 102);
  EXPECT_EQ(files.logs[3].birth.commits_before, 200U);
  EXPECT_EQ(files.logs[1].bytes, 20U);
}

}  // namespace
}  // namespace dashi::storage
