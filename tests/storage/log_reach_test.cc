#include "storage/log_reach.h"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/byte_codec.h"
#include "base/random.h"
#include "tests/storage/store_fixture.h"

namespace dashi::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBlockBytes = 32768;
constexpr std::size_t kFrameBytes = 7;

// Writes records as a log has them: in parts, where a block ends; without checksums, which are not
// looked at.
class LogText {
 public:
  void Add(std::uint64_t number, std::size_t size) {
    std::string record;
    AppendLittleEndian64(&record, number);
    record.resize(std::max(size, record.size()), 'x');
    std::size_t done = 0;
    do {
      const std::size_t left = kBlockBytes - bytes_.size() % kBlockBytes;
      if (left < kFrameBytes) {
        bytes_.append(left, '\0');
        continue;
      }
      const std::size_t part = std::min(record.size() - done, left - kFrameBytes);
      const bool is_first = done == 0 && frames_in_record_ == 0;
      const bool is_last = done + part == record.size();
      frames_.push_back(bytes_.size());
      bytes_.append(4, 'c');
      AppendLittleEndian16(&bytes_, static_cast<std::uint16_t>(part));
      bytes_.push_back(is_first && is_last ? 1 : is_first ? 2 : is_last ? 4 : 3);
      bytes_.append(record, done, part);
      done += part;
      frames_in_record_ = is_last ? 0 : frames_in_record_ + 1;
    } while (done < record.size());
  }
  const std::string& bytes() const { return bytes_; }
  // Where frames begin.
  const std::vector<std::size_t>& frames() const { return frames_; }

 private:
  std::string bytes_;
  std::vector<std::size_t> frames_;
  int frames_in_record_ = 0;
};

class LogReachTest : public StoreFixture {
 protected:
  void SetUp() override { fs::create_directory(directory()); }

  std::uint64_t Reach(const std::string& bytes, RecordKind kind = RecordKind::kWrites) const {
    const std::string path = directory() + "/000001.log";
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
    const auto reach = ReachOfRecords(path, kind);
    EXPECT_OK(reach);
    return reach.ok() ? reach.value() : 0;
  }

  // Records of all sizes, over several blocks and more than one piece that is read at a time.
  static LogText LongLog() {
    Random random(9);
    LogText log;
    for (std::uint64_t number = 1; log.bytes().size() < 1'200'000; number += random.Uniform(3)) {
      log.Add(number, random.Uniform(number % 50 == 0 ? 100'000 : 900));
    }
    return log;
  }
};

TEST_F(LogReachTest, AWholeLogReachesToItsEnd) {
  EXPECT_EQ(Reach(""), 0U);
  const LogText log = LongLog();
  EXPECT_EQ(Reach(log.bytes()), log.bytes().size());
  // Records that leave any room at the end of a block.
  for (std::size_t left = 0; left < 20; ++left) {
    LogText full;
    full.Add(1, kBlockBytes - kFrameBytes - left);
    EXPECT_EQ(Reach(full.bytes()), full.bytes().size()) << left;
    full.Add(2, 100);
    EXPECT_EQ(Reach(full.bytes()), full.bytes().size()) << left;
  }
}

TEST_F(LogReachTest, ACutLogReachesToItsLastWholeFrame) {
  const LogText log = LongLog();
  Random random(10);
  for (int trial = 0; trial < 200; ++trial) {
    const std::size_t kept = random.Uniform(log.bytes().size());
    const std::uint64_t reach = Reach(log.bytes().substr(0, kept));
    ASSERT_LE(reach, kept);
    // The frame that was cut, if one was, begins there, or behind what fills up the block.
    const auto next = std::lower_bound(log.frames().begin(), log.frames().end(), reach);
    ASSERT_NE(next, log.frames().end());
    ASSERT_LT(*next - reach, kFrameBytes);
    ASSERT_TRUE(next + 1 == log.frames().end() || next[1] > kept);
  }
}

TEST_F(LogReachTest, ADamagedFrameEndsTheWalk) {
  const LogText log = LongLog();
  Random random(11);
  const auto damaged = [&](std::size_t frame, std::size_t offset, char byte) {
    std::string bytes = log.bytes();
    bytes[frame + offset] = byte;
    return Reach(bytes);
  };
  for (int trial = 0; trial < 100; ++trial) {
    const std::size_t frame = log.frames()[random.Uniform(log.frames().size())];
    // The type of a record in a log that is used again, after which RocksDB stops in silence; and
    // none, after which it goes on with the next block.
    for (const char type : {5, 8, 0}) {
      ASSERT_LE(damaged(frame, 6, type), frame);
      ASSERT_GT(damaged(frame, 6, type) + kFrameBytes, frame);
    }
    ASSERT_LE(damaged(frame, 5, '\xFF'), frame) << "longer than a block";
  }
}

// Checksums do not tell when whole records change places.
TEST_F(LogReachTest, RecordsInAnotherOrderEndTheWalkOfALog) {
  LogText log;
  log.Add(1, 100);
  log.Add(2, 100);
  log.Add(3, 100);
  const std::size_t size = log.bytes().size() / 3;
  const std::string swapped =
      log.bytes().substr(0, size) + log.bytes().substr(2 * size) + log.bytes().substr(size, size);
  EXPECT_EQ(Reach(swapped), 2 * size);
  EXPECT_EQ(Reach(swapped, RecordKind::kEdits), 3 * size);
}

TEST_F(LogReachTest, TheLogsAndTheManifestOfADatabaseReachToTheirEnds) {
  Open();
  for (int i = 0; i < 300; ++i) {
    Insert(EntityKind::kDocument, std::to_string(i),
           std::string(static_cast<std::size_t>(i * 17), 'x'));
  }
  Close();
  const auto logs = FindLogs(directory() + "/data");
  ASSERT_OK(logs);
  std::uint64_t bytes = 0;
  for (const auto& [number, log] : *logs) {
    EXPECT_EQ(log.reach, log.size);
    bytes += log.size;
  }
  EXPECT_GT(bytes, 700'000U);
  int num_manifests = 0;
  for (const auto& entry : fs::directory_iterator(directory() + "/data")) {
    if (entry.path().filename().string().starts_with("MANIFEST-")) {
      EXPECT_EQ(ReachOfRecords(entry.path().string(), RecordKind::kEdits).value(),
                entry.file_size());
      ++num_manifests;
    }
  }
  EXPECT_EQ(num_manifests, 1);
  EXPECT_EQ(ReachOfRecords(directory() + "/none", RecordKind::kEdits).status().code(),
            StatusCode::kNotFound);
}

}  // namespace
}  // namespace dashi::storage
