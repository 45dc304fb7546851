#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/store.h"
#include "tests/fault/store_workload.h"
#include "tests/testing/tiny_database.h"

namespace dashi::testing {
namespace {

using ::testing::HasSubstr;

// A disk with a set amount of room.
class SmallDisk : public FileGate {
 public:
  Result<std::uint64_t> FreeBytes(const std::string& /*path*/) override { return free_bytes; }
  std::uint64_t free_bytes = 0;
};

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
    row.text = std::string(10000, 'x');
    Status status;
    for (int i = 0; i < 200 && status.ok(); ++i) {
      row.id = "row " + std::to_string(i);
      status = load.value()->AddRow(row);
    }
    EXPECT_EQ(status.sqlstate(), "53100") << status.ToString();
  }
  EXPECT_EQ(StrayFiles(store), "");
  EXPECT_EQ(store.CheckRoom(std::uint64_t{2} << 20, "the training").sqlstate(), "53100");
  EXPECT_TRUE(store.CheckRoom(std::uint64_t{1} << 20, "the training").ok());
}

}  // namespace
}  // namespace dashi::testing
