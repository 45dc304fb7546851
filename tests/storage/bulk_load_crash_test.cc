// Loads that a kill ended, and what is found of them.

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <signal.h>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/storage/bulk_load_fixture.h"
#include "tests/storage/child_process.h"

namespace dashi::storage {
namespace {

namespace fs = std::filesystem;

using ::testing::HasSubstr;

// The directory that a killed child leaves behind, and what must be in it.
struct LoadDeath {
  std::string way;    ///< how the rows go in: "staged", "spooled", or "indexed" row by row
  std::string point;  ///< where the child dies
};

class BulkLoadCrashTest : public StoreFixture, public ::testing::WithParamInterface<LoadDeath> {};

constexpr int kCrashRows = 40000;  // More than two chunks of rows.

constexpr std::uint32_t kCrashIndex = 1;

std::uint64_t NumIndexEntries(const View& view) {
  const auto cursor = view.ScanIndex(kCrashIndex, OrderedRange::All());
  std::uint64_t entries = 0;
  while (cursor->Next().value()) {
    ++entries;
  }
  return entries;
}

void ExpectWhole(const View& view, bool loaded) {
  std::uint64_t rows = 0;
  const auto cursor = view.ScanRows(EntityKind::kDocument);
  while (cursor->Next().value()) {
    ++rows;
  }
  EXPECT_EQ(rows, loaded ? kCrashRows + 1U : 1U);
  EXPECT_EQ(view.FindOrdinal(EntityKind::kDocument, "d0").value().has_value(), loaded);
  EXPECT_EQ(view.FindOrdinal(EntityKind::kDocument, "d" + std::to_string(kCrashRows - 1))
                .value()
                .has_value(),
            loaded);
  EXPECT_TRUE(view.FindOrdinal(EntityKind::kDocument, "acknowledged").value().has_value());
}

TEST_P(BulkLoadCrashTest, AKilledLoadIsThereWholeOrNotAtAll) {
  const std::string point = GetParam().point;
  const std::string way = GetParam().way;
  const std::uint64_t sequence_before = way == "indexed" ? 2 : 1;
  const bool loaded = point != "load.spooled";
  const ChildOutcome child =
      RunTestInChild("BulkLoadChild.DISABLED_Loads", {{"STORE_CHILD_DIRECTORY", directory()},
                                                      {"STORE_CHILD_WAY", way},
                                                      {"DASHI_FAILPOINTS", point}});
  ASSERT_EQ(child.signal, SIGKILL) << child.output;
  // Until the load is finished, a reader is told to wait.
  StoreOptions read_only;
  read_only.read_only = true;
  const Status reading = Store::Open(directory(), read_only).status();
  EXPECT_EQ(reading.ok(), point == "load.spooled" || point == "load.applied") << reading.ToString();
  if (!reading.ok()) {
    EXPECT_EQ(reading.sqlstate(), "55006");
  }
  // Killed once more while the open finishes the load, where it has something to finish.
  const ChildOutcome again =
      RunTestInChild("BulkLoadChild.DISABLED_Opens",
                     {{"STORE_CHILD_DIRECTORY", directory()},
                      {"DASHI_FAILPOINTS", way == "staged" ? "load.ingested" : "load.chunk:2"}});
  EXPECT_EQ(again.signal, reading.ok() ? 0 : SIGKILL) << again.output;
  for (int round = 0; round < 2; ++round) {
    Open();
    ExpectWhole(*Snapshot(), loaded);
    EXPECT_EQ(Snapshot()->CommitSequence().value(), sequence_before + (loaded ? 1 : 0));
    EXPECT_TRUE(fs::is_empty(directory() + "/tmp"));
    if (way == "indexed") {
      EXPECT_EQ(NumIndexEntries(*Snapshot()), loaded ? std::uint64_t{kCrashRows} : 0U);
    }
  }
  const Ordinal next = Insert(EntityKind::kDocument, "next");
  EXPECT_GE(ToInteger(next), loaded ? kCrashRows + 1U : 1U);
  Close();
}

std::vector<LoadDeath> LoadDeaths() {
  std::vector<LoadDeath> deaths;
  for (const std::string way : {"staged", "spooled", "indexed"}) {
    for (const std::string point : {"load.spooled", "load.committed", "load.applied"}) {
      deaths.push_back({way, point});
    }
    for (const std::string point : {"load.chunk", "load.chunk:2"}) {
      if (way != "staged") {
        deaths.push_back({way, point});
      }
    }
  }
  deaths.push_back({"staged", "load.ingested"});
  return deaths;
}

INSTANTIATE_TEST_SUITE_P(Points, BulkLoadCrashTest, ::testing::ValuesIn(LoadDeaths()),
                         [](const auto& death) {
                           std::string name = death.param.way + "_" + death.param.point;
                           std::replace_if(
                               name.begin(), name.end(),
                               [](char c) { return c == '.' || c == ':'; }, '_');
                           return name;
                         });

TEST(BulkLoadChild, DISABLED_Loads) {
  const char* directory = std::getenv("STORE_CHILD_DIRECTORY");
  ASSERT_NE(directory, nullptr);
  auto store = Store::Open(directory, {});
  ASSERT_OK(store);
  auto transaction = store.value()->Begin();
  EntityRow row;
  row.id = "acknowledged";
  ASSERT_OK(transaction.value()->InsertRow(EntityKind::kDocument, row));
  ASSERT_OK(transaction.value()->Commit());
  const char* given_way = std::getenv("STORE_CHILD_WAY");
  const std::string way = given_way == nullptr ? "staged" : given_way;
  auto load = store.value()->BeginRowLoad(
      EntityKind::kDocument, way == "spooled" ? DuplicatePolicy::kReplace : DuplicatePolicy::kFail);
  ASSERT_OK(load);
  for (int i = 0; i < kCrashRows; ++i) {
    row.id = "d" + std::to_string(i);
    row.text = std::string(220, 'x');
    row.attributes = {{kUserColumnMin, Value::Integer(i)}};
    ASSERT_OK(load.value()->AddRow(row));
  }
  if (way == "indexed") {  // An index that comes while the rows are staged already.
    transaction = store.value()->Begin();
    SchemaRecord schema = *transaction.value()->GetSchema(EntityKind::kDocument).value();
    schema.next_column = kUserColumnMin + 1;
    schema.columns = {{kUserColumnMin, "price", ColumnType::kInteger, Value::Null(), false}};
    schema.indexes = {{kCrashIndex, "prices", kUserColumnMin, IndexState::kBuilding}};
    ASSERT_OK(transaction.value()->PutSchema(EntityKind::kDocument, std::move(schema)));
    ASSERT_OK(transaction.value()->Commit());
  }
  ASSERT_OK(load.value()->Commit({}));
}

TEST(BulkLoadChild, DISABLED_Opens) {
  const char* directory = std::getenv("STORE_CHILD_DIRECTORY");
  ASSERT_NE(directory, nullptr);
  ASSERT_OK(Store::Open(directory, {}));
}

TEST_F(BulkLoadTest, ADamagedFileOfACommittedLoadIsReported) {
  struct Case {
    std::string way;
    std::string file;
  };
  for (const Case& damage : {Case{"spooled", "load-1.spool"},
                             {"staged", "load-1-rows-1.sst"},
                             {"staged", "load-1-ids-1.sst"},
                             {"indexed", "load-1-rows-1.sst"}}) {
    SCOPED_TRACE(damage.way + " " + damage.file);
    fs::remove_all(directory());
    const ChildOutcome child =
        RunTestInChild("BulkLoadChild.DISABLED_Loads", {{"STORE_CHILD_DIRECTORY", directory()},
                                                        {"STORE_CHILD_WAY", damage.way},
                                                        {"DASHI_FAILPOINTS", "load.committed"}});
    ASSERT_EQ(child.signal, SIGKILL) << child.output;
    const std::string path = directory() + "/tmp/" + damage.file;
    const std::uint64_t size = fs::file_size(path);
    const auto expect_damage = [&] {
      for (int round = 0; round < 2; ++round) {
        const Status damaged = Store::Open(directory(), {}).status();
        EXPECT_EQ(damaged.sqlstate(), "XX001");
        EXPECT_THAT(std::string(damaged.message()), HasSubstr(damage.file));
      }
    };
    std::string bytes(1, '\0');
    {
      std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
      file.seekg(static_cast<std::streamoff>(size / 2));
      file.get(bytes[0]);
      file.seekp(static_cast<std::streamoff>(size / 2));
      file.put(static_cast<char>(bytes[0] ^ 1));
    }
    expect_damage();
    fs::resize_file(path, size - 1);
    expect_damage();
    fs::remove(path);
    expect_damage();
  }
}

}  // namespace
}  // namespace dashi::storage
