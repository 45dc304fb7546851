// Restarts after each kind of damage that files suffer: found, or harmless; never rows less.

#include <filesystem>
#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "storage/commit_watermark.h"
#include "tests/fault/damaged_database.h"

namespace dashi::storage {
namespace {

namespace fs = std::filesystem;

using ::testing::AnyOf;
using ::testing::HasSubstr;

class RestartAfterDamageTest : public DamagedDatabase {
 protected:
  static constexpr int kTrials = 40;

  std::string NameOf(const std::string& path) const { return fs::path(path).filename().string(); }

  // A database that refuses says XX001, and what to do.
  void ExpectRefused(const std::string& named) {
    const Status status = OpenAndCompare();
    EXPECT_EQ(status.code(), StatusCode::kCorruption);
    EXPECT_EQ(status.sqlstate(), "XX001");
    EXPECT_THAT(std::string(status.message()), HasSubstr(named));
    EXPECT_THAT(std::string(status.hint()), HasSubstr("dashi recover " + directory()));
    Restore();
  }
};

TEST_F(RestartAfterDamageTest, TheUndamagedDatabaseOpensWhole) { EXPECT_OK(OpenAndCompare()); }

TEST_F(RestartAfterDamageTest, AnyBitOfTheLogIsFound) {
  Random random(1);
  const std::uint64_t bits = 8 * fs::file_size(LastLog());
  for (int trial = 0; trial < kTrials; ++trial) {
    const std::uint64_t bit = random.Uniform(bits);
    SCOPED_TRACE(fmt::format("seed 1, bit {}", bit));
    FlipBit(LastLog(), bit);
    // A flipped length may look like a log that was cut: the watermark finds that.
    const Status status = OpenAndCompare();
    EXPECT_EQ(status.sqlstate(), "XX001");
    EXPECT_THAT(std::string(status.message()),
                AnyOf(HasSubstr(NameOf(LastLog())), HasSubstr("commits are missing")));
    Restore();
  }
}

TEST_F(RestartAfterDamageTest, AZeroedLastRecordIsFound) {
  std::string log = Read(LastLog());
  log.replace(log.size() - 300, 300, 300, '\0');
  Write(LastLog(), log);
  ExpectRefused(NameOf(LastLog()));
}

TEST_F(RestartAfterDamageTest, ALogCutBelowTheWatermarkIsRefusedWithTheCount) {
  Random random(2);
  const std::uint64_t size = fs::file_size(LastLog());
  for (int trial = 0; trial < kTrials; ++trial) {
    const std::uint64_t kept = trial == 0 ? size - 1 : random.Uniform(size);
    SCOPED_TRACE(fmt::format("seed 2, {} of {} bytes kept", kept, size));
    Truncate(LastLog(), kept);
    const Status status = OpenAndCompare();
    EXPECT_EQ(status.sqlstate(), "XX001");
    if (trial == 0) {
      EXPECT_THAT(
          std::string(status.message()),
          HasSubstr(fmt::format("at most 1, numbered {0} to {0}, acknowledged ", kNumLogged + 1)));
    } else {
      EXPECT_THAT(std::string(status.message()),
                  HasSubstr(fmt::format("to {}, acknowledged ", kNumLogged + 1)));
    }
    Restore();
  }
}

TEST_F(RestartAfterDamageTest, ALostLogIsRefusedWithTheCount) {
  fs::remove(LastLog());
  ExpectRefused(fmt::format("at most {}, numbered 2 to {}, acknowledged before ", kNumLogged,
                            kNumLogged + 1));
}

TEST_F(RestartAfterDamageTest, ARefusedDatabaseIsRefusedAgain) {
  Truncate(LastLog(), fs::file_size(LastLog()) / 2);
  const Status first = OpenAndCompare();
  EXPECT_EQ(first.sqlstate(), "XX001");
  EXPECT_EQ(OpenAndCompare().message(), first.message());
  StoreOptions reading;
  reading.read_only = true;
  EXPECT_EQ(Store::Open(directory(), reading).status().message(), first.message());
}

TEST_F(RestartAfterDamageTest, AnyBitOfTheManifestIsFound) {
  Random random(3);
  const std::uint64_t bits = 8 * fs::file_size(CurrentManifest());
  for (int trial = 0; trial < kTrials; ++trial) {
    // The tail first: edits at the end may look like a file that is merely shorter.
    const std::uint64_t bit = trial < 10 ? bits - 1 - random.Uniform(800) : random.Uniform(bits);
    SCOPED_TRACE(fmt::format("seed 3, bit {}", bit));
    FlipBit(CurrentManifest(), bit);
    EXPECT_EQ(OpenAndCompare().sqlstate(), "XX001");
    Restore();
  }
}

TEST_F(RestartAfterDamageTest, AManifestCutAnywhereIsFoundOrLosesNothing) {
  Random random(4);
  const std::uint64_t size = fs::file_size(CurrentManifest());
  int refused = 0;
  for (int trial = 0; trial < kTrials; ++trial) {
    const std::uint64_t kept =
        trial < 20 ? size - 1 - static_cast<std::uint64_t>(trial) * 8 : random.Uniform(size);
    SCOPED_TRACE(fmt::format("seed 4, {} of {} bytes kept", kept, size));
    Truncate(CurrentManifest(), kept);
    const Status status = OpenAndCompare();  // Fails by itself when it opens with rows less.
    if (!status.ok()) {
      EXPECT_EQ(status.sqlstate(), "XX001") << status.ToString();
      ++refused;
    }
    Restore();
  }
  EXPECT_GT(refused, 0);
}

TEST_F(RestartAfterDamageTest, ALostManifestIsNamed) {
  const std::string manifest = CurrentManifest();
  fs::remove(manifest);
  ExpectRefused(NameOf(manifest));
}

TEST_F(RestartAfterDamageTest, ADamagedTableIsFoundAndNamed) {
  Random random(5);
  for (int trial = 0; trial < kTrials; ++trial) {
    const std::vector<std::string> tables = Files(".sst");
    const std::string& table = tables[random.Uniform(tables.size())];
    const std::uint64_t bit = random.Uniform(8 * fs::file_size(table));
    SCOPED_TRACE(fmt::format("seed 5, {} bit {}", NameOf(table), bit));
    FlipBit(table, bit);
    const Status status = OpenAndCompare();
    if (!status.ok()) {  // A bit of a filter or of another family does no harm here.
      EXPECT_EQ(status.sqlstate(), "XX001");
      EXPECT_THAT(std::string(status.message()), HasSubstr(NameOf(table)));
    }
    Restore();
  }
}

TEST_F(RestartAfterDamageTest, AShortOrLostTableIsNamed) {
  for (const std::string& table : Files(".sst")) {
    Truncate(table, fs::file_size(table) - 1);
    ExpectRefused(NameOf(table));
    fs::remove(table);
    ExpectRefused(NameOf(table));
  }
}

TEST_F(RestartAfterDamageTest, ADamagedCurrentIsFound) {
  for (const char* text : {"", "MANIFEST-000001", "MANIFEST-999999\n", "rubbish\n"}) {
    SCOPED_TRACE(text);
    Write(Path("data/CURRENT"), text);
    ExpectRefused("opening the database");
  }
  fs::remove(Path("data/CURRENT"));
  ExpectRefused("data/CURRENT");
}

TEST_F(RestartAfterDamageTest, ALostOrDamagedWatermarkAloneLosesNothing) {
  for (const char* text : {"", "x"}) {
    Write(Path("commit.watermark"), text);
    EXPECT_OK(OpenAndCompare());
    auto history = ReadWatermarkFile(Path("commit.watermark"));
    ASSERT_OK(history);
    EXPECT_EQ(history.value().newest->commit_sequence, kNumLogged + 1U);
    Restore();
  }
  fs::remove(Path("commit.watermark"));
  EXPECT_OK(OpenAndCompare());
  EXPECT_TRUE(fs::exists(Path("commit.watermark")));
}

TEST_F(RestartAfterDamageTest, ADatabaseOfBeforeTheWatermarkGetsOne) {
  fs::remove(Path("commit.watermark"));
  StoreOptions reading;
  reading.read_only = true;
  EXPECT_OK(Store::Open(directory(), reading));
  EXPECT_FALSE(fs::exists(Path("commit.watermark")));
  EXPECT_OK(OpenAndCompare());
  Truncate(LastLog(), fs::file_size(LastLog()) / 2);
  EXPECT_EQ(OpenAndCompare().sqlstate(), "XX001");
}

}  // namespace
}  // namespace dashi::storage
