#include "tests/property/store_model.h"

#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "tests/storage/store_fixture.h"

namespace dashi::storage {
namespace {

constexpr int kNumThreads = 8;

std::uint64_t FromEnvironment(const char* name, std::uint64_t otherwise) {
  const char* given = std::getenv(name);
  return given == nullptr ? otherwise : std::strtoull(given, nullptr, 10);
}

std::int64_t CountAt(const View& view, const std::string& id) {
  const auto ordinal = view.FindOrdinal(EntityKind::kDocument, id);
  EXPECT_OK(ordinal);
  if (!ordinal.ok() || !ordinal.value()) {
    return 0;
  }
  const auto row = view.GetRow(EntityKind::kDocument, *ordinal.value());
  EXPECT_OK(row);
  return std::stoll(row.value()->text);
}

/// Workers on one store, each in a thread with rows of its own, and counters that all share.
///
/// DASHI_TEST_SEED and DASHI_TEST_ROUNDS make it another or a longer run.
class StoreModelTest : public StoreFixture {
 protected:
  void SetUp() override {
    seed_ = FromEnvironment("DASHI_TEST_SEED", 20261126);
    num_rounds_ = FromEnvironment("DASHI_TEST_ROUNDS", 4);
    random_ = Random(seed_);
    for (int worker = 0; worker < kNumThreads; ++worker) {
      workers_.emplace_back(Prefix(worker), random_.Next());
    }
  }

  static std::string Prefix(int worker) { return fmt::format("w{}-", worker); }

  // In every picture of the database, whenever it was taken, a counter is the sum of its parts.
  static void ExpectWholeCommits(const View& view) {
    for (int counter = 0; counter < kNumSharedCounters; ++counter) {
      std::int64_t sum = 0;
      for (int worker = 0; worker < kNumThreads; ++worker) {
        sum += CountAt(view, Prefix(worker) + SharedCounterId(counter));
      }
      EXPECT_EQ(CountAt(view, SharedCounterId(counter)), sum) << "half a commit, or a lost update";
    }
  }

  void RunRound(int num_steps) {
    std::vector<std::thread> threads;
    for (ModelWorker& worker : workers_) {
      threads.emplace_back([&] {
        for (int step = 0; step < num_steps && !HasFailure(); ++step) {
          worker.Step(store());
          ExpectWholeCommits(*Snapshot());
        }
      });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
  }

  void ExpectAllSame() {
    const auto snapshot = Snapshot();
    for (const ModelWorker& worker : workers_) {
      worker.ExpectSame(*snapshot);
    }
    ExpectWholeCommits(*snapshot);
  }

  std::uint64_t seed_ = 0;
  std::uint64_t num_rounds_ = 0;
  Random random_{0};
  std::vector<ModelWorker> workers_;
};

TEST_F(StoreModelTest, ThreadsAgreeWithTheirModels) {
  SCOPED_TRACE(fmt::format("seed {}", seed_));
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed_));
  for (std::uint64_t round = 0; round < num_rounds_ && !HasFailure(); ++round) {
    SCOPED_TRACE(fmt::format("round {}", round));
    StoreOptions options;
    // Small memtables are flushed and compacted under the workers.
    options.memory_bytes_max = std::uint64_t{round % 2 == 0 ? 16U : 256U} << 20U;
    Open(options);
    ExpectAllSame();
    RunRound(/*num_steps=*/30);
    ExpectAllSame();
  }
  Open();
  ExpectAllSame();
  std::uint64_t num_commits = 0;
  std::uint64_t num_conflicts = 0;
  for (const ModelWorker& worker : workers_) {
    num_commits += worker.num_commits();
    num_conflicts += worker.num_conflicts();
  }
  EXPECT_GT(num_commits, num_rounds_ * kNumThreads * 8);
  std::printf("%llu commits, %llu conflicts\n", static_cast<unsigned long long>(num_commits),
              static_cast<unsigned long long>(num_conflicts));
}

}  // namespace
}  // namespace dashi::storage
