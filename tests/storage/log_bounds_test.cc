// Logs that are not needed any more go, so that the next open has little to read.

#include <algorithm>
#include <filesystem>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/storage/store_fixture.h"

namespace dashi::storage {
namespace {

namespace fs = std::filesystem;

class LogBoundsTest : public StoreFixture {
 protected:
  std::uint64_t NumLogs() const {
    std::uint64_t count = 0;
    for (const auto& entry : fs::directory_iterator(directory() + "/data")) {
      count += entry.path().extension() == ".log" ? 1 : 0;
    }
    return count;
  }
  std::uint64_t LogBytes() const {
    std::uint64_t bytes = 0;
    for (const auto& entry : fs::directory_iterator(directory() + "/data")) {
      bytes += entry.path().extension() == ".log" ? entry.file_size() : 0;
    }
    return bytes;
  }
};

TEST_F(LogBoundsTest, ACloseLeavesNoLargeLog) {
  Open();
  for (int i = 0; i < 9; ++i) {
    Insert(EntityKind::kDocument, fmt::format("{}", i), std::string(1'000'000, 'x'));
  }
  EXPECT_GT(LogBytes(), 9'000'000U);
  Close();
  EXPECT_LT(LogBytes(), 1000U);
  Open();
  EXPECT_EQ(Rows(*Snapshot(), EntityKind::kDocument).size(), 9U);
}

// Each flushes its own family, and begins a log that the others need.
TEST_F(LogBoundsTest, ManyLoadsDoNotPileUpLogs) {
  constexpr int kNumLoads = 150;
  constexpr std::uint64_t kNumLogsMax = 66;
  Open();
  std::uint64_t most = 0;
  for (int load = 0; load < kNumLoads; ++load) {
    const auto rows =
        std::move(store().BeginRowLoad(EntityKind::kLabel, DuplicatePolicy::kReplace)).value();
    for (int i = 0; i < 700; ++i) {
      ASSERT_OK(rows->AddRow(Row(fmt::format("{}", i), fmt::format("{:0100}", load))));
    }
    ASSERT_OK(rows->Commit({}));
    most = std::max(most, NumLogs());
  }
  EXPECT_GT(most, 20U);
  EXPECT_LE(most, kNumLogsMax);
  Open();
  EXPECT_EQ(Rows(*Snapshot(), EntityKind::kLabel).size(), 700U);
  EXPECT_LE(NumLogs(), 3U);
}

}  // namespace
}  // namespace dashi::storage
