#include "base/thread_pool.h"

#include <atomic>
#include <new>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace dashi {
namespace {

TEST(ThreadPoolTest, EveryIndexIsVisitedOnce) {
  for (const int num_threads : {1, 2, 5}) {
    ThreadPool pool(num_threads);
    EXPECT_EQ(pool.num_threads(), num_threads);
    for (const std::size_t size : {0UL, 1UL, 7UL, 1000UL}) {
      std::vector<int> visits(size);
      pool.ParallelFor(size, 3, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) {
          ++visits[i];
        }
      });
      EXPECT_EQ(visits, std::vector<int>(size, 1)) << num_threads << " threads";
    }
  }
}

TEST(ThreadPoolTest, NestedLoopsRunInTheirThread) {
  ThreadPool pool(4);
  std::atomic<int> sum{0};
  pool.ParallelFor(10, 1, [&](std::size_t, std::size_t) {
    pool.ParallelFor(
        10, 1, [&](std::size_t begin, std::size_t end) { sum += static_cast<int>(end - begin); });
  });
  EXPECT_EQ(sum, 100);
}

TEST(ThreadPoolTest, SeveralThreadsShareOnePool) {
  ThreadPool pool(3);
  std::atomic<std::size_t> sum{0};
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&] {
      for (int round = 0; round < 50; ++round) {
        pool.ParallelFor(100, 7, [&](std::size_t begin, std::size_t end) { sum += end - begin; });
      }
    });
  }
  for (auto& caller : callers) {
    caller.join();
  }
  EXPECT_EQ(sum, 4U * 50U * 100U);
}

// A worker that wakes up finds loops that end while it looks at them.
TEST(ThreadPoolTest, ManyShortLoopsOnMoreThreadsThanWork) {
  ThreadPool pool(16);
  std::atomic<std::size_t> sum{0};
  constexpr std::size_t kRounds = 30000;
  for (std::size_t round = 0; round < kRounds; ++round) {
    pool.ParallelFor(4, 1, [&](std::size_t begin, std::size_t end) { sum += end - begin; });
  }
  EXPECT_EQ(sum, 4 * kRounds);
}

TEST(ThreadPoolTest, ChunksDoNotDependOnTheNumberOfThreads) {
  const auto borders = [](int num_threads) {
    ThreadPool pool(num_threads);
    std::vector<std::atomic<std::size_t>> ends(100);
    pool.ParallelFor(100, 8, [&](std::size_t begin, std::size_t end) { ends[begin] = end; });
    return std::vector<std::size_t>(ends.begin(), ends.end());
  };
  EXPECT_EQ(borders(1), borders(4));
}

TEST(ThreadPoolTest, WhatABodyThrowsComesOutOfTheCall) {
  for (const int num_threads : {1, 2, 5}) {
    ThreadPool pool(num_threads);
    for (std::size_t thrower = 0; thrower < 100; thrower += 9) {
      std::atomic<int> num_inside{0};
      const auto body = [&](std::size_t begin, std::size_t /*end*/) {
        ++num_inside;
        std::this_thread::yield();
        --num_inside;
        if (begin == thrower) {
          throw std::bad_alloc();
        }
      };
      EXPECT_THROW(pool.ParallelFor(100, 1, body), std::bad_alloc);
      EXPECT_EQ(num_inside, 0);
    }
    // The pool goes on.
    std::atomic<std::size_t> sum{0};
    pool.ParallelFor(100, 7, [&](std::size_t begin, std::size_t end) { sum += end - begin; });
    EXPECT_EQ(sum, 100U);
  }
}

TEST(ThreadPoolTest, AllBodiesMayThrow) {
  ThreadPool pool(3);
  for (int round = 0; round < 1000; ++round) {
    EXPECT_THROW(pool.ParallelFor(50, 1, [](std::size_t, std::size_t) { throw std::bad_alloc(); }),
                 std::bad_alloc);
  }
}

}  // namespace
}  // namespace dashi
