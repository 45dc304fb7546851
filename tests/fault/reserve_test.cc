#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "storage/store.h"
#include "tests/fault/store_workload.h"
#include "tests/testing/tiny_database.h"

namespace dashi::testing {
namespace {

using ::testing::HasSubstr;

// A disk with a set amount of room, of which each write takes its bytes for good.
class SmallDisk : public FileGate {
 public:
  int Pass(const FileChange& change, const std::function<int(std::size_t size)>& make) override {
    const std::uint64_t bytes = change.step == FileStep::kWrite ? change.bytes.size() : 0;
    std::uint64_t free = free_bytes;
    while (!free_bytes.compare_exchange_weak(free, free - std::min(free, bytes))) {
    }
    return FileGate::Pass(change, make);
  }
  Result<std::uint64_t> FreeBytes(const std::string& /*path*/) override {
    return std::uint64_t{free_bytes};
  }

  std::atomic<std::uint64_t> free_bytes = 0;
};

// A text that no compression makes small.
std::string Noise(Random& random, std::size_t size) {
  std::string text(size, ' ');
  for (char& letter : text) {
    letter = static_cast<char>('a' + random.Uniform(26));
  }
  return text;
}

TEST(ReserveTest, LoadsLeaveTheReserveFreeAndSingleWritesUseIt) {
  const TemporaryDirectory directory;
  SmallDisk disk;
  storage::StoreOptions options = SmallStoreOptions(disk);
  options.reserved_disk_bytes = std::uint64_t{10} << 20;
  disk.free_bytes = std::uint64_t{9} << 20;
  auto opened = storage::Store::Open(directory.path() + "/db", options);
  ASSERT_TRUE(opened.ok()) << opened.status().ToString();
  storage::Store& store = *opened.value();
  const auto begin = [&store] {
    return store.BeginRowLoad(storage::EntityKind::kLabel, storage::DuplicatePolicy::kFail);
  };

  disk.free_bytes = (std::uint64_t{9} << 20) + (std::uint64_t{1} << 19);
  const Status refused = begin().status();
  EXPECT_EQ(refused.sqlstate(), "53100");
  EXPECT_THAT(std::string(refused.message()), HasSubstr("10 MiB reserved, 9 MiB free"));
  EXPECT_FALSE(refused.hint().empty());
  EXPECT_TRUE(InsertStep("single").run(store).ok());

  // A load that begins with room enough ends before it eats into the reserve, and leaves nothing.
  disk.free_bytes = std::uint64_t{11} << 20;
  {
    auto load = begin();
    ASSERT_TRUE(load.ok()) << load.status().ToString();
    storage::EntityRow row;
    Random random(1);
    Status status;
    for (int i = 0; i < 800 && status.ok(); ++i) {
      row.id = "row " + std::to_string(i);
      row.text = Noise(random, 10000);
      status = load.value()->AddRow(row);
    }
    EXPECT_EQ(status.sqlstate(), "53100") << status.ToString();
  }
  EXPECT_GT(disk.free_bytes, std::uint64_t{8} << 20);
  disk.free_bytes = (std::uint64_t{11} << 20) + (std::uint64_t{1} << 19);
  EXPECT_EQ(StrayFiles(store), "");
  EXPECT_EQ(store.CheckRoom(std::uint64_t{2} << 20, "the training").sqlstate(), "53100");
  EXPECT_TRUE(store.CheckRoom(std::uint64_t{1} << 20, "the training").ok());
}

}  // namespace
}  // namespace dashi::testing
