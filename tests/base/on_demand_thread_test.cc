#include "base/on_demand_thread.h"

#include <atomic>
#include <future>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace dashi {
namespace {

using std::chrono::milliseconds;
using Pause = std::optional<milliseconds>;

constexpr milliseconds kAtOnce{0};
constexpr milliseconds kForEver{1000 * 3600};

TEST(OnDemandThreadTest, LivesWhileThereIsWorkAndComesBackForMore) {
  std::atomic<int> work{0};
  std::atomic<int> num_steps{0};
  OnDemandThread thread([&]() -> Pause {
    ++num_steps;
    return work.fetch_sub(1) > 1 ? Pause(kAtOnce) : std::nullopt;
  });
  EXPECT_FALSE(thread.is_running());
  thread.WaitUntilIdle();
  EXPECT_EQ(num_steps, 0);
  for (int round = 1; round <= 20; ++round) {
    work = 5;
    thread.Wake();
    thread.WaitUntilIdle();
    EXPECT_FALSE(thread.is_running());
    EXPECT_EQ(num_steps, 5 * round);
    EXPECT_EQ(work, 0);
  }
}

TEST(OnDemandThreadTest, AWakeDuringTheLastStepIsNotLost) {
  std::promise<void> begun;
  std::promise<void> go_on;
  std::atomic<int> num_steps{0};
  OnDemandThread thread([&]() -> Pause {
    if (++num_steps == 1) {
      begun.set_value();
      go_on.get_future().wait();
    }
    return std::nullopt;
  });
  thread.Wake();
  begun.get_future().wait();
  EXPECT_TRUE(thread.is_running());
  thread.Wake();
  thread.Wake();  // Once more is enough for both.
  go_on.set_value();
  thread.WaitUntilIdle();
  EXPECT_EQ(num_steps, 2);
}

TEST(OnDemandThreadTest, WhatManyThreadsHandOverIsAllDone) {
  constexpr int kThreads = 4;
  constexpr int kEach = 2000;
  std::atomic<int> handed_over{0};
  int done = 0;  // Of the thread alone, whichever it is.
  OnDemandThread thread([&]() -> Pause {
    done += handed_over.exchange(0);
    return std::nullopt;
  });
  std::vector<std::thread> wakers;
  wakers.reserve(kThreads);
  for (int i = 0; i < kThreads; ++i) {
    wakers.emplace_back([&] {
      for (int k = 0; k < kEach; ++k) {
        ++handed_over;
        thread.Wake();
      }
    });
  }
  for (std::thread& waker : wakers) {
    waker.join();
  }
  thread.WaitUntilIdle();
  EXPECT_EQ(done, kThreads * kEach);
}

TEST(OnDemandThreadTest, AStepMayAskForAPause) {
  std::atomic<int> num_steps{0};
  OnDemandThread thread(
      [&]() -> Pause { return ++num_steps < 10 ? Pause(milliseconds(1)) : std::nullopt; },
      ThreadPriority::kLast);
  thread.Wake();
  thread.WaitUntilIdle();
  EXPECT_EQ(num_steps, 10);
}

TEST(OnDemandThreadTest, TheOwnersEndCutsAPauseShort) {
  std::promise<void> begun;
  std::atomic<int> num_steps{0};
  {
    OnDemandThread thread([&]() -> Pause {
      ++num_steps;
      begun.set_value();
      return kForEver;
    });
    thread.Wake();
    begun.get_future().wait();
  }
  EXPECT_EQ(num_steps, 1);
}

TEST(OnDemandThreadTest, TheOwnersEndWaitsForTheStepAndBeginsNoOther) {
  std::promise<void> begun;
  std::atomic<int> num_steps{0};
  bool ended = false;
  OnDemandThread* self = nullptr;
  auto thread = std::make_unique<OnDemandThread>([&]() -> Pause {
    ++num_steps;
    begun.set_value();
    while (!self->is_stopping()) {
      std::this_thread::yield();
    }
    self->Wake();
    ended = true;
    return kAtOnce;
  });
  self = thread.get();
  EXPECT_FALSE(thread->is_stopping());
  thread->Wake();
  begun.get_future().wait();
  thread.reset();
  EXPECT_TRUE(ended);
  EXPECT_EQ(num_steps, 1);
}

TEST(OnDemandThreadTest, AStepsEndIsTold) {
  std::promise<void> go_on;
  std::atomic<bool> stepped{false};
  OnDemandThread thread([&]() -> Pause {
    go_on.get_future().wait();
    stepped = true;
    return std::nullopt;
  });
  thread.WaitForStep(kForEver);  // It does not run: nothing to wait for.
  thread.Wake();
  thread.WaitForStep(milliseconds(1));
  EXPECT_FALSE(stepped);
  go_on.set_value();
  while (!stepped) {
    thread.WaitForStep(kForEver);
  }
  thread.WaitUntilIdle();
}

}  // namespace
}  // namespace dashi
