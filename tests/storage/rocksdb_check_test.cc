// Whole databases, damaged files, and leftovers.

#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/db.h>

#include "storage/key_codec.h"
#include "storage/row_codec.h"
#include "tests/storage/damaged_bytes.h"
#include "tests/storage/rocksdb_check_template.h"
#include "tests/storage/stopping_monitor.h"

namespace dashi::storage {
namespace {

namespace fs = std::filesystem;

using ::testing::HasSubstr;

// Writes the rows into table files; returns the largest of them.
std::string FlushToFiles(const std::string& directory) {
  const auto engine = OpenEngine(directory);
  for (const Family family : kFamilies) {
    EXPECT_TRUE(engine->db()->Flush({}, engine->family(family)).ok());
  }
  std::string largest;
  std::uintmax_t size = 0;
  for (const auto& entry : fs::directory_iterator(directory + "/data")) {
    if (entry.path().extension() == ".sst" && entry.file_size() > size) {
      largest = entry.path().filename().string();
      size = entry.file_size();
    }
  }
  return largest;
}

TEST_F(CheckTest, AWholeDatabaseIsCleanClosedAndOpen) {
  const CheckReport closed = Check(directory());
  EXPECT_EQ(Shown(closed), "");
  Open();
  SilentMonitor monitor;
  auto open = store().Check(monitor);
  ASSERT_OK(open);
  EXPECT_EQ(Shown(*open), "");
  for (const CheckReport& report : {closed, *open}) {
    EXPECT_EQ(report.num_problems, 0U);
    EXPECT_EQ(report.num_rows, 5U);
    EXPECT_EQ(report.num_pairs, 3U);
    EXPECT_EQ(report.num_embeddings, 4U);
    EXPECT_GE(report.num_files, 2U);  // The embeddings and the index.
    EXPECT_EQ(report.commit_sequence, Snapshot()->CommitSequence().value());
  }
}

TEST_F(CheckTest, AnOpenDatabaseIsRefusedByTheCheckOfClosedOnes) {
  Open();
  SilentMonitor monitor;
  const auto report = CheckDirectory(directory(), monitor);
  EXPECT_EQ(report.status().sqlstate(), "55006");
  Close();
  EXPECT_OK(CheckDirectory(directory(), monitor));
  EXPECT_EQ(CheckDirectory(directory() + "-none", monitor).status().sqlstate(), "3D000");
}

TEST_F(CheckTest, AFlippedByteOfATableNamesTheFile) {
  const std::string name = FlushToFiles(directory());
  const std::uint64_t size = fs::file_size(directory() + "/data/" + name);
  ASSERT_EQ(Shown(Check(directory())), "");
  for (const std::uint64_t offset : {std::uint64_t{1}, size / 3, size / 2}) {
    FlipByte(directory() + "/data/" + name, offset);
    const CheckReport report = Check(directory());
    EXPECT_GT(report.num_problems, 0U);
    EXPECT_THAT(Shown(report), HasSubstr("data/" + name));
    FlipByte(directory() + "/data/" + name, offset);
  }
  ASSERT_EQ(Shown(Check(directory())), "");
}

TEST_F(CheckTest, AMissingTableAndAMissingCurrentAreNamed) {
  const std::string name = FlushToFiles(directory());
  fs::rename(directory() + "/data/" + name, directory() + "/kept");
  // RocksDB looks for the file under its two endings and names the one that it tried last.
  EXPECT_THAT(Shown(Check(directory())), HasSubstr("/data/" + name.substr(0, name.find('.'))));
  fs::rename(directory() + "/kept", directory() + "/data/" + name);
  ASSERT_EQ(Shown(Check(directory())), "");
  fs::remove(directory() + "/data/CURRENT");
  EXPECT_THAT(Shown(Check(directory())), HasSubstr("CURRENT"));
}

TEST_F(CheckTest, DamageOfAnIndexFileIsNamed) {
  const std::string path = directory() + "/index/job-1.segment";
  for (const std::uint64_t offset :
       {std::uint64_t{3}, std::uint64_t{40}, fs::file_size(path) - 1}) {
    FlipByte(path, offset);
    EXPECT_THAT(Shown(Check(directory())), HasSubstr("index/job-1.segment | the "));
    FlipByte(path, offset);
  }
  ASSERT_EQ(Shown(Check(directory())), "");
  fs::resize_file(path, 5);
  EXPECT_THAT(Shown(Check(directory())),
              HasSubstr("index/job-1.segment | the file is no index file"));
  fs::remove(path);
  EXPECT_THAT(Shown(Check(directory())), HasSubstr("index/job-1.segment | the file is missing"));
}

TEST_F(CheckTest, LeftoversAreNotedAndAreNoDamage) {
  std::ofstream(directory() + "/index/nobody.hnsw") << "x";
  std::ofstream(directory() + "/tmp/half.sst") << "x";
  const CheckReport report = Check(directory());
  EXPECT_EQ(report.num_problems, 0U);
  EXPECT_THAT(Shown(report), HasSubstr("index/nobody.hnsw"));
  EXPECT_THAT(Shown(report), HasSubstr("tmp/half.sst"));
}

TEST_F(CheckTest, ManyProblemsAreCountedAndTheFirstAreListed) {
  {
    const auto engine = OpenEngine(directory());
    for (std::uint32_t i = 0; i < 3000; ++i) {
      EXPECT_TRUE(engine->db()
                      ->Put({}, engine->family(Family::kIds),
                            IdKey(EntityKind::kLabel, "ghost" + std::to_string(i)),
                            EncodeOrdinal(Ordinal{1000 + i}))
                      .ok());
    }
  }
  const CheckReport report = Check(directory());
  EXPECT_EQ(report.num_problems, 3000U);
  EXPECT_EQ(report.problems.size(), CheckReport::kNumProblemsMax);
}

TEST_F(CheckTest, TheMonitorStopsItAnywhere) {
  Open();
  int looks = 0;
  for (;; ++looks) {
    StoppingMonitor monitor(looks);
    const auto report = store().Check(monitor);
    if (report.ok()) {
      break;
    }
    EXPECT_EQ(report.status().code(), StatusCode::kCancelled);
  }
  EXPECT_GT(looks, 10);
}

}  // namespace
}  // namespace dashi::storage
