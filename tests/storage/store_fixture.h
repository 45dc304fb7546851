#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "storage/store.h"

namespace dashi::storage {

/// Fails the test when a Status or Result is not ok.
#define EXPECT_OK(expression)                                    \
  do {                                                           \
    const auto& outcome_ = (expression);                         \
    EXPECT_TRUE(outcome_.ok()) << StatusOf(outcome_).ToString(); \
  } while (false)
#define ASSERT_OK(expression)                                    \
  do {                                                           \
    const auto& outcome_ = (expression);                         \
    ASSERT_TRUE(outcome_.ok()) << StatusOf(outcome_).ToString(); \
  } while (false)

inline Status StatusOf(const Status& status) { return status; }
template <typename T>
Status StatusOf(const Result<T>& result) {
  return result.status();
}

/// Gives each test an empty directory of its own and opens stores in it.
class StoreFixture : public ::testing::Test {
 protected:
  StoreFixture() {
    const ::testing::TestInfo* info = ::testing::UnitTest::GetInstance()->current_test_info();
    directory_ = ::testing::TempDir() + "/dashi_" + info->test_suite_name() + "_" + info->name() +
                 "_" + std::to_string(::getpid());
    std::filesystem::remove_all(directory_);
  }
  ~StoreFixture() override {
    store_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  void Open(const StoreOptions& options = {}) {
    store_.reset();
    auto opened = Store::Open(directory_, options);
    ASSERT_OK(opened);
    store_ = std::move(opened).value();
  }
  void Close() { store_.reset(); }
  Store& store() { return *store_; }
  const std::string& directory() const { return directory_; }

  std::unique_ptr<Transaction> Begin() {
    auto begun = store_->Begin();
    EXPECT_OK(begun);
    return std::move(begun).value();
  }
  std::shared_ptr<const View> Snapshot() {
    auto snapshot = store_->NewSnapshot();
    EXPECT_OK(snapshot);
    return std::move(snapshot).value();
  }

  static EntityRow Row(std::string id, std::string text = "") {
    EntityRow row;
    row.id = std::move(id);
    row.text = std::move(text);
    return row;
  }
  Ordinal Insert(EntityKind kind, const std::string& id, const std::string& text = "") {
    auto transaction = Begin();
    auto ordinal = transaction->InsertRow(kind, Row(id, text));
    EXPECT_OK(ordinal);
    EXPECT_OK(transaction->Commit());
    return ordinal.ok() ? ordinal.value() : Ordinal{};
  }

  /// All rows of a kind as "id=text", in ordinal order.
  static std::vector<std::string> Rows(const View& view, EntityKind kind) {
    std::vector<std::string> rows;
    const std::unique_ptr<RowCursor> cursor = view.ScanRows(kind);
    while (true) {
      auto more = cursor->Next();
      EXPECT_OK(more);
      if (!more.ok() || !more.value()) {
        return rows;
      }
      rows.push_back(cursor->row().id + "=" + cursor->row().text);
    }
  }
  static std::optional<Ordinal> Find(const View& view, EntityKind kind, std::string_view id) {
    auto found = view.FindOrdinal(kind, id);
    EXPECT_OK(found);
    return found.ok() ? found.value() : std::nullopt;
  }

 private:
  std::string directory_;
  std::unique_ptr<Store> store_;
};

inline std::vector<std::pair<std::uint32_t, float>> Pairs(
    const std::vector<RelevanceNeighbour>& neighbours) {
  std::vector<std::pair<std::uint32_t, float>> pairs;
  pairs.reserve(neighbours.size());
  for (const RelevanceNeighbour& neighbour : neighbours) {
    pairs.emplace_back(ToInteger(neighbour.ordinal), neighbour.weight);
  }
  return pairs;
}

}  // namespace dashi::storage
