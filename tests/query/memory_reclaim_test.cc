// Memory that releases take and nobody uses is given to whoever needs it, and none that is used.

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/thread_pool.h"
#include "query/top_k.h"
#include "tests/testing/tiny_database.h"

namespace dashi::query {
namespace {

using storage::DuplicatePolicy;
using storage::EntityKind;
using storage::MemoryUse;

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

class MemoryReclaimTest : public ::testing::Test {
 protected:
  static constexpr int kLabels = 8000;  // About 4 MiB a release: two fit the limit.

  void SetUp() override {
    store_ = testing::OpenStore(directory_.path());
    std::vector<std::pair<std::string, std::string>> labels;
    labels.reserve(kLabels);
    for (int i = 0; i < kLabels; ++i) {
      labels.emplace_back("L" + std::to_string(i),
                          "word" + std::to_string(i % 50) + " group" + std::to_string(i % 7));
    }
    testing::AddRows(*store_, labels, {{"d", "word1 group1", "train", {"L1"}}});
    for (std::uint64_t seed = 1; seed <= 2; ++seed) {
      testing::AddRelease(*store_, "m", {.seed = seed, .dim = 256});
    }
    store_.reset();
    storage::StoreOptions options;
    options.memory_bytes_max = 16 * kMiB;  // 10 of which can be reserved.
    auto store = storage::Store::Open(directory_.path(), options);
    ASSERT_TRUE(store.ok()) << store.status().ToString();
    store_ = std::move(*store);
    releases_ = std::make_unique<ReleaseCache>(store_.get(), &pool_);
  }

  Result<std::shared_ptr<const ServingRelease>> Resolve(std::uint32_t number) {
    return releases_->Resolve(*store_->NewSnapshot().value(), "m", number);
  }
  /// The labels that a release finds best, with their scores, or the SQLSTATE.
  std::string Best(std::uint32_t number) {
    TopKOptions options;
    options.model = "m";
    options.release = number;
    const auto cursor =
        OpenTopK(store_->NewSnapshot().value(), *releases_, "word3 group4", 5, options);
    if (!cursor.ok()) {
      return std::string(cursor.status().sqlstate());
    }
    std::string ids;
    TopKHit hit;
    for (int i = 0; i < 5; ++i) {
      const auto more = cursor.value()->Next(&hit);
      if (!more.ok()) {
        return std::string(more.status().sqlstate());
      }
      ids += *more ? hit.row.id + " " + std::to_string(hit.score) + " " : "";
    }
    return ids;
  }
  std::vector<std::string> Loaded() {
    std::vector<std::string> names;
    const auto loaded = releases_->Loaded();
    names.reserve(loaded.size());
    for (const auto& release : loaded) {
      names.push_back(release->Name());
    }
    return names;
  }
  std::uint64_t Reserved(MemoryUse use) { return store_->memory()->reserved_bytes(use); }

  /// Adds rows that a transaction keeps in memory until it commits.
  static Status Insert(storage::Transaction& transaction, const std::string& prefix, int num_mib) {
    storage::EntityRow row;
    row.text.assign(100'000, 'x');
    for (int i = 0; i < num_mib * 10; ++i) {
      row.id = prefix + std::to_string(i);
      Result<storage::Ordinal> inserted = transaction.InsertRow(EntityKind::kAnchor, row);
      if (!inserted.ok()) {
        return std::move(inserted).status();
      }
    }
    return Status::Ok();
  }
  std::uint64_t NumAnchors() {
    std::uint64_t count = 0;
    const auto view = store_->NewSnapshot().value();
    const auto rows = view->ScanRows(EntityKind::kAnchor);
    while (rows->Next().value()) {
      ++count;
    }
    return count;
  }

  testing::TemporaryDirectory directory_;
  std::unique_ptr<storage::Store> store_;
  ThreadPool pool_{1};
  std::unique_ptr<ReleaseCache> releases_;
};

TEST_F(MemoryReclaimTest, ATransactionTakesTheMemoryOfIdleReleasesTheLeastRecentlyUsedFirst) {
  const std::string first = Best(1);
  const std::string second = Best(2);
  ASSERT_NE(first, second);
  ASSERT_EQ(Best(1), first);
  EXPECT_EQ(Loaded(), (std::vector<std::string>{"m@2", "m@1"}));
  ASSERT_GE(Reserved(MemoryUse::kReleases), 8 * kMiB);
  const auto transaction = store_->Begin().value();
  const Status some = Insert(*transaction, "a", 3);
  ASSERT_TRUE(some.ok()) << some.ToString();
  EXPECT_EQ(Loaded(), std::vector<std::string>{"m@1"});
  const Status more = Insert(*transaction, "b", 4);
  ASSERT_TRUE(more.ok()) << more.ToString();
  EXPECT_TRUE(Loaded().empty());
  EXPECT_EQ(Reserved(MemoryUse::kReleases), 0U);
  ASSERT_TRUE(transaction->Commit().ok());
  EXPECT_EQ(NumAnchors(), 70U);
}

TEST_F(MemoryReclaimTest, ReleasesComeBackOnceThereIsMemory) {
  const std::string first = Best(1);
  {
    const auto transaction = store_->Begin().value();
    ASSERT_TRUE(Insert(*transaction, "a", 8).ok());
    EXPECT_EQ(Best(1), "53200");
    ASSERT_TRUE(transaction->Commit().ok());
  }
  EXPECT_EQ(Best(1), first);
}

TEST_F(MemoryReclaimTest, ALoadThatNeedsTheMemoryOfAReleaseInUseIsRefusedAndLeavesNothing) {
  auto first = Resolve(1).value();
  auto second = Resolve(2).value();
  const std::uint64_t reserved = Reserved(MemoryUse::kReleases);
  const auto load = [&](int num_rows) {
    auto begun = store_->BeginRowLoad(EntityKind::kAnchor, DuplicatePolicy::kFail);
    EXPECT_TRUE(begun.ok()) << begun.status().ToString();
    storage::EntityRow row;
    row.text = "text";
    for (int i = 0; i < num_rows; ++i) {
      row.id = "a" + std::to_string(i);
      Status added = (*begun)->AddRow(row);
      if (!added.ok()) {
        return added;
      }
    }
    return (*begun)->Commit([](std::uint64_t, std::uint64_t) {}).status();
  };
  constexpr int kRows = 120'000;
  const Status refused = load(kRows);
  EXPECT_EQ(refused.code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(refused.sqlstate(), "53200") << refused.ToString();
  EXPECT_NE(refused.message().find("out of memory for loads"), std::string_view::npos)
      << refused.ToString();
  EXPECT_EQ(NumAnchors(), 0U);
  EXPECT_EQ(Reserved(MemoryUse::kLoads), 0U);
  EXPECT_EQ(Reserved(MemoryUse::kReleases), reserved);
  EXPECT_EQ(Loaded(), (std::vector<std::string>{"m@1", "m@2"}));

  first.reset();
  const Status done = load(kRows);
  EXPECT_TRUE(done.ok()) << done.ToString();
  EXPECT_EQ(NumAnchors(), std::uint64_t{kRows});
  EXPECT_EQ(Loaded(), std::vector<std::string>{"m@2"});  // The other one is idle, and was older.
}

TEST_F(MemoryReclaimTest, EmbeddingsThatNobodyUsesGoBeforeTheirRelease) {
  const auto release = Resolve(1).value();
  {
    const auto embedded =
        releases_->Embeddings(*store_->NewSnapshot().value(), *release, EntityKind::kLabel);
    ASSERT_TRUE(embedded.ok()) << embedded.status().ToString();
  }
  const std::uint64_t both = Reserved(MemoryUse::kReleases);
  ASSERT_GE(both, 8 * kMiB);
  const auto transaction = store_->Begin().value();
  const Status inserted = Insert(*transaction, "a", 4);
  EXPECT_TRUE(inserted.ok()) << inserted.ToString();
  EXPECT_EQ(Loaded(), std::vector<std::string>{"m@1"});
  EXPECT_LE(Reserved(MemoryUse::kReleases), both - 3 * kMiB);
}

TEST_F(MemoryReclaimTest, QueriesAnswerOrAreRefusedWhileTransactionsTakeTheirMemory) {
  const std::vector<std::string> expected = {Best(1), Best(2)};
  std::atomic<int> num_wrong{0};
  std::atomic<int> num_answered{0};
  std::vector<std::thread> threads;
  for (std::uint32_t number = 1; number <= 2; ++number) {
    threads.emplace_back([&, number] {
      for (int i = 0; i < 30; ++i) {
        const std::string best = Best(number);
        num_answered += best == expected[number - 1] ? 1 : 0;
        num_wrong += best == expected[number - 1] || best == "53200" ? 0 : 1;
      }
    });
  }
  threads.emplace_back([&] {
    for (int i = 0; i < 20; ++i) {
      const auto transaction = store_->Begin().value();
      const Status status = Insert(*transaction, "a" + std::to_string(i) + "_", 5);
      num_wrong += status.ok() || status.sqlstate() == "53200" ? 0 : 1;
    }
  });
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(num_wrong, 0);
  EXPECT_GT(num_answered, 0);
  EXPECT_EQ(Best(1), expected[0]);
  EXPECT_EQ(Best(2), expected[1]);
}

}  // namespace
}  // namespace dashi::query
