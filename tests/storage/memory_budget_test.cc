#include "storage/memory_budget.h"

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/storage/store_fixture.h"

namespace dashi::storage {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

TEST(MemoryBudgetTest, WhatIsReservedIsTakenFromTheCache) {
  MemoryBudget budget(80 * kMiB);
  std::uint64_t cache = 0;
  budget.SetCache([&](std::uint64_t bytes) { cache = bytes; });
  EXPECT_EQ(cache, 80 * kMiB);
  {
    MemoryLease lease(&budget, MemoryUse::kLoads);
    EXPECT_OK(lease.Resize(10 * kMiB - 5));
    EXPECT_EQ(cache, 70 * kMiB);
    EXPECT_OK(lease.Resize(20 * kMiB));
    EXPECT_OK(budget.Reserve(MemoryUse::kReleases, 30 * kMiB));
    EXPECT_EQ(cache, 30 * kMiB);
    EXPECT_EQ(budget.reserved_bytes(MemoryUse::kLoads), 20 * kMiB);
    const Status refused = lease.Resize(21 * kMiB);
    EXPECT_EQ(refused.sqlstate(), "53200");
    EXPECT_NE(refused.message().find("1 MiB more are needed, 50 of 50 MiB are in use"),
              std::string_view::npos)
        << refused.message();
    EXPECT_EQ(cache, 30 * kMiB);
    EXPECT_OK(lease.Resize(kMiB));
    EXPECT_EQ(cache, 49 * kMiB);
  }
  EXPECT_EQ(cache, 50 * kMiB);
  budget.Release(MemoryUse::kReleases, 30 * kMiB);
  EXPECT_EQ(cache, 80 * kMiB);
}

TEST(MemoryBudgetTest, ThreadsNeverReserveMoreThanThereIs) {
  MemoryBudget budget(80 * kMiB);
  std::atomic<std::int64_t> reserved{0};
  std::atomic<bool> exceeded{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 2000; ++round) {
        if (budget.Reserve(MemoryUse::kTransactions, 20 * kMiB).ok()) {
          exceeded = exceeded || reserved.fetch_add(20) + 20 > 50;
          reserved -= 20;
          budget.Release(MemoryUse::kTransactions, 20 * kMiB);
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_FALSE(exceeded);
  EXPECT_EQ(budget.reserved_bytes(MemoryUse::kTransactions), 0U);
}

/// Keeps pieces of memory, and gives them back when they are asked for.
class KeptPieces {
 public:
  KeptPieces(MemoryBudget* budget, std::uint64_t piece_bytes)
      : budget_(budget),
        piece_bytes_(piece_bytes),
        reclaimer_(budget, [this] { return GiveBack(); }) {}
  ~KeptPieces() {
    while (num_pieces_ > 0) {
      GiveBack();
    }
  }

  Status Keep() {
    Status status = budget_->Reserve(MemoryUse::kReleases, piece_bytes_);
    num_pieces_ += status.ok() ? 1 : 0;
    return status;
  }
  int num_pieces() const { return num_pieces_; }
  int num_asked() const { return num_asked_; }

 private:
  bool GiveBack() {
    ++num_asked_;
    for (int left = num_pieces_; left > 0;) {
      if (num_pieces_.compare_exchange_weak(left, left - 1)) {
        budget_->Release(MemoryUse::kReleases, piece_bytes_);
        return true;
      }
    }
    return false;
  }

  MemoryBudget* const budget_;
  const std::uint64_t piece_bytes_;
  std::atomic<int> num_pieces_{0};
  std::atomic<int> num_asked_{0};
  MemoryReclaimer reclaimer_;
};

TEST(MemoryBudgetTest, WhatIsKeptForLaterIsGivenBackBeforeAReservationIsRefused) {
  MemoryBudget budget(80 * kMiB);  // 50 of which can be reserved.
  KeptPieces pieces(&budget, 10 * kMiB);
  ASSERT_OK(pieces.Keep());
  ASSERT_OK(pieces.Keep());
  ASSERT_OK(pieces.Keep());
  MemoryLease lease(&budget, MemoryUse::kLoads);
  EXPECT_OK(lease.Resize(20 * kMiB));  // It fits.
  EXPECT_EQ(pieces.num_asked(), 0);
  EXPECT_OK(lease.Resize(25 * kMiB));
  EXPECT_EQ(pieces.num_pieces(), 2);
  EXPECT_OK(lease.Resize(30 * kMiB));
  EXPECT_EQ(pieces.num_pieces(), 2);
  EXPECT_FALSE(lease.TryResize(31 * kMiB));
  EXPECT_EQ(pieces.num_pieces(), 2);
  EXPECT_OK(lease.Resize(45 * kMiB));
  EXPECT_EQ(pieces.num_pieces(), 0);
  EXPECT_TRUE(lease.TryResize(50 * kMiB));
  const Status refused = lease.Resize(51 * kMiB);
  EXPECT_EQ(refused.sqlstate(), "53200");
  EXPECT_NE(refused.message().find("1 MiB more are needed, 50 of 50 MiB are in use"),
            std::string_view::npos)
      << refused.message();
  EXPECT_EQ(budget.reserved_bytes(MemoryUse::kLoads), 50 * kMiB);
  EXPECT_EQ(budget.reserved_bytes(MemoryUse::kReleases), 0U);
}

TEST(MemoryBudgetTest, WhatGivesBackIsNotAskedForItsOwnNeedsNorOnceItIsGone) {
  MemoryBudget budget(80 * kMiB);
  int num_asked = 0;
  {
    const MemoryReclaimer greedy(&budget, [&] {
      ++num_asked;
      EXPECT_EQ(budget.Reserve(MemoryUse::kReleases, 60 * kMiB).sqlstate(), "53200");
      return false;
    });
    KeptPieces pieces(&budget, 10 * kMiB);
    ASSERT_OK(pieces.Keep());
    MemoryLease lease(&budget, MemoryUse::kLoads);
    EXPECT_OK(lease.Resize(50 * kMiB));  // The other one has some.
    EXPECT_EQ(num_asked, 1);
    EXPECT_EQ(pieces.num_pieces(), 0);
  }
  EXPECT_EQ(budget.Reserve(MemoryUse::kReleases, 60 * kMiB).sqlstate(), "53200");
  EXPECT_EQ(num_asked, 1);
}

TEST(MemoryBudgetTest, ThreadsReserveWhileWhatIsKeptComesAndGoes) {
  MemoryBudget budget(80 * kMiB);
  std::atomic<bool> exceeded{false};
  budget.SetCache([&](std::uint64_t bytes) { exceeded = exceeded || bytes < 30 * kMiB; });
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 1000; ++round) {
        MemoryLease lease(&budget, MemoryUse::kTransactions);
        lease.Resize(20 * kMiB).IgnoreError("what is kept may have come back");
      }
    });
  }
  threads.emplace_back([&] {
    for (int round = 0; round < 300; ++round) {
      KeptPieces pieces(&budget, 8 * kMiB);
      for (int i = 0; i < 5; ++i) {
        pieces.Keep().IgnoreError("the others may have all");
      }
    }
  });
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_FALSE(exceeded);
  EXPECT_EQ(budget.reserved_bytes(MemoryUse::kReleases), 0U);
  EXPECT_EQ(budget.reserved_bytes(MemoryUse::kTransactions), 0U);
}

class MemoryLimitTest : public StoreFixture {};

TEST_F(MemoryLimitTest, ALoadThatNeedsMoreFailsAndLeavesNothing) {
  StoreOptions options;
  options.memory_bytes_max = 4 * kMiB;
  Open(options);
  {
    auto load = store().BeginRowLoad(EntityKind::kLabel, DuplicatePolicy::kFail);
    ASSERT_OK(load);
    Status status;
    for (int i = 0; i < 1'000'000 && status.ok(); ++i) {
      status = (*load)->AddRow(Row("l" + std::to_string(i)));
    }
    EXPECT_EQ(status.sqlstate(), "53200") << status.ToString();
  }
  EXPECT_TRUE(Rows(*Snapshot(), EntityKind::kLabel).empty());
  Insert(EntityKind::kLabel, "small");
  for (const auto& use : store().MemoryUsage()) {
    EXPECT_NE(use.name, "loads") << use.bytes;
  }
}

TEST_F(MemoryLimitTest, ATransactionThatNeedsMoreFailsAndTheNextWorks) {
  StoreOptions options;
  options.memory_bytes_max = 4 * kMiB;
  Open(options);
  {
    const auto transaction = Begin();
    Status status;
    for (int i = 0; i < 1'000'000 && status.ok(); ++i) {
      status = transaction->InsertRow(EntityKind::kLabel, Row("l" + std::to_string(i))).status();
    }
    EXPECT_EQ(status.sqlstate(), "53200") << status.ToString();
  }
  Insert(EntityKind::kLabel, "small");
  EXPECT_EQ(Rows(*Snapshot(), EntityKind::kLabel), std::vector<std::string>{"small="});
}

}  // namespace
}  // namespace dashi::storage
