#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/thread_pool.h"
#include "query/release_cache.h"
#include "query/top_k.h"
#include "tests/testing/tiny_database.h"

namespace dashi::query {

struct Found {
  std::string id;
  float score = 0;
  friend bool operator==(const Found&, const Found&) = default;
};
void PrintTo(const Found& found, std::ostream* out);

/// A database with a release m@1 of 60 labels and 20 documents, whose texts are words from word0 to
/// word59 and group0 to group6.
class DeltaFixture : public ::testing::Test {
 protected:
  static constexpr int kNumLabels = 60;
  static constexpr std::string_view kQueries[] = {"word3 group3", "word7 word11 group1", "group2",
                                                  "word59"};

  void SetUp() override;
  void Open(const storage::StoreOptions& options = {});
  void AddFirstRelease(const testing::ReleaseShape& shape);

  std::shared_ptr<const storage::View> View() { return store_->NewSnapshot().value(); }
  std::unique_ptr<storage::Transaction> Begin() { return store_->Begin().value(); }
  static void Insert(storage::Transaction& transaction, storage::EntityKind kind,
                     const std::string& id, const std::string& text);
  static void Update(storage::Transaction& transaction, storage::EntityKind kind,
                     const std::string& id, const std::string& text);
  static void Delete(storage::Transaction& transaction, storage::EntityKind kind,
                     const std::string& id);
  void InsertLabel(const std::string& id, const std::string& text);
  void UpdateLabel(const std::string& id, const std::string& text);

  std::vector<Found> TopK(const std::shared_ptr<const storage::View>& view, std::string_view text,
                          std::size_t k, std::uint32_t release = 1, bool ranker = true);
  std::vector<Found> Nearest(const std::shared_ptr<const storage::View>& view,
                             std::string_view table, std::string_view text,
                             std::uint32_t release = 1);
  /// What every query gives: topk with and without ranker, one by one and as a batch, and nearest.
  std::vector<std::vector<Found>> Everything(const std::shared_ptr<const storage::View>& view,
                                             std::uint32_t release = 1);

  /// The naive twin: a release with the encoder of m@1, made of the rows that are there now. Labels
  /// that m@1 does not have, or not with this text, are labels that its training never saw.
  std::uint32_t MakeTwin();

  testing::TemporaryDirectory directory_;
  std::unique_ptr<storage::Store> store_;
  ThreadPool pool_{2};
  std::unique_ptr<ReleaseCache> releases_;
};

}  // namespace dashi::query
