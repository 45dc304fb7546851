#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "storage/bulk_load.h"
#include "tests/storage/store_fixture.h"

namespace dashi::storage {

class BulkLoadTest : public StoreFixture {
 protected:
  std::unique_ptr<BulkLoad> RowLoad(EntityKind kind, DuplicatePolicy policy) {
    auto load = store().BeginRowLoad(kind, policy);
    EXPECT_OK(load);
    return std::move(load).value();
  }
  std::unique_ptr<BulkLoad> PairLoad(DuplicatePolicy policy) {
    auto load = store().BeginRelevanceLoad(policy);
    EXPECT_OK(load);
    return std::move(load).value();
  }
  // Expects these ids and texts of documents, and no others.
  void ExpectRows(const std::map<std::string, std::string>& expected) {
    const auto view = Snapshot();
    EXPECT_EQ(Rows(*view, EntityKind::kDocument).size(), expected.size());
    for (const auto& [id, text] : expected) {
      const std::optional<Ordinal> ordinal = Find(*view, EntityKind::kDocument, id);
      ASSERT_TRUE(ordinal.has_value()) << id;
      EXPECT_EQ(view->GetRow(EntityKind::kDocument, *ordinal).value()->text, text) << id;
    }
  }
  // Loads "<prefix><i>" for i below `count`; text is long enough for many blocks.
  void LoadRows(EntityKind kind, const std::string& prefix, int count, int text_bytes = 0) {
    const auto load = RowLoad(kind, DuplicatePolicy::kFail);
    for (int i = 0; i < count; ++i) {
      ASSERT_OK(load->AddRow(
          Row(prefix + std::to_string(i), std::string(static_cast<std::size_t>(text_bytes), 'x'))));
    }
    auto counts = load->Commit({});
    ASSERT_OK(counts);
    EXPECT_EQ(counts->inserted, static_cast<std::uint64_t>(count));
  }
};

}  // namespace dashi::storage
