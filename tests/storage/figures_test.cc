// What a store tells of its engine.

#include <cstdint>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "tests/storage/store_fixture.h"

namespace dashi::storage {
namespace {

class FiguresTest : public StoreFixture {
 protected:
  std::map<std::string, std::uint64_t> Figures() {
    std::map<std::string, std::uint64_t> figures;
    for (const StorageFigure& figure : store().Figures()) {
      EXPECT_FALSE(figure.description.empty()) << figure.name;
      EXPECT_TRUE(figures.emplace(figure.name, figure.value).second) << figure.name;
    }
    return figures;
  }
  void InsertMany() {
    const auto transaction = Begin();
    for (int i = 0; i < 1000; ++i) {
      EXPECT_OK(transaction->InsertRow(EntityKind::kLabel,
                                       Row("l" + std::to_string(i), std::string(200, 'x'))));
    }
    EXPECT_OK(transaction->Commit());
  }
};

TEST_F(FiguresTest, RowsAreInMemtablesAndThenInFiles) {
  Open();
  const auto empty = Figures();
  for (const char* name :
       {"block_cache_bytes", "block_cache_pinned_bytes", "block_cache_capacity_bytes",
        "memtable_bytes", "immutable_memtables", "running_flushes", "pending_compaction_bytes",
        "running_compactions", "write_stopped", "delayed_write_rate_bytes", "live_sst_bytes"}) {
    EXPECT_TRUE(empty.contains(name)) << name;
  }
  EXPECT_EQ(empty.size(), 11U);
  EXPECT_EQ(empty.at("write_stopped"), 0U);
  EXPECT_GT(empty.at("block_cache_capacity_bytes"), 0U);
  InsertMany();
  const auto written = Figures();
  EXPECT_GT(written.at("memtable_bytes"), empty.at("memtable_bytes") + 200'000);
  EXPECT_GE(written.at("block_cache_bytes"), written.at("block_cache_pinned_bytes"));
}

TEST_F(FiguresTest, AReaderKnowsItsFilesAndAFollowerItsCache) {
  StoreOptions options;
  options.memory_bytes_max = std::uint64_t{32} << 20;
  Open(options);
  InsertMany();
  options.read_only = true;
  Open(options);
  const auto reader = Figures();
  EXPECT_TRUE(reader.contains("live_sst_bytes"));
  EXPECT_LE(reader.at("block_cache_capacity_bytes"), options.memory_bytes_max);
  options.follow = true;
  Open(options);
  const auto follower = Figures();
  EXPECT_EQ(follower.size(), 3U);
  EXPECT_TRUE(follower.contains("block_cache_bytes"));
}

}  // namespace
}  // namespace dashi::storage
