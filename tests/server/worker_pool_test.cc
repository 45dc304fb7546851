#include "server/worker_pool.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

#include <gtest/gtest.h>

#include "base/mutex.h"

namespace dashi {
namespace {

// A gate that stays shut until it is opened.
class Gate {
 public:
  void Open() {
    const MutexLock lock(mutex_);
    open_ = true;
    opened_.NotifyAll();
  }
  void Wait() {
    const MutexLock lock(mutex_);
    while (!open_) {
      opened_.Wait(mutex_);
    }
  }

 private:
  Mutex mutex_;
  CondVar opened_;
  bool open_ DASHI_GUARDED_BY(mutex_) = false;
};

TEST(WorkerPoolTest, JobsThatWaitForTheirClientsAreReplaced) {
  auto pool = WorkerPool::Start(2, 100, std::chrono::milliseconds(10));
  ASSERT_TRUE(pool.ok());
  Gate clients;
  std::atomic<int> num_waiting = 0;
  std::atomic<int> num_done = 0;
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE((*pool)->Submit([&] {
      const BlockingScope scope(pool->get());
      ++num_waiting;
      clients.Wait();
      ++num_done;
    }));
  }
  Gate ran;
  ASSERT_TRUE((*pool)->Submit([&] { ran.Open(); }));
  ran.Wait();
  while (num_waiting < 10) {  // The last of them may have been taken and not have begun.
    std::this_thread::yield();
  }
  EXPECT_GE((*pool)->load().num_threads, 11U);
  EXPECT_LE((*pool)->load().num_threads, 12U);
  clients.Open();
  while (num_done < 10 || (*pool)->load().num_threads > 2) {
    std::this_thread::yield();
  }
  // Threads that have ended make room for others.
  std::atomic<int> num_more = 0;
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE((*pool)->Submit([&] { ++num_more; }));
  }
  (*pool)->Stop();
  EXPECT_EQ(num_more, 50);
  EXPECT_FALSE((*pool)->Submit([] {}));
}

TEST(WorkerPoolTest, NoMoreThreadsThanItHasRunAtOnce) {
  auto pool = WorkerPool::Start(2, 100);
  ASSERT_TRUE(pool.ok());
  Gate gate;
  std::atomic<int> num_begun = 0;
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE((*pool)->Submit([&] {
      ++num_begun;
      gate.Wait();
    }));
  }
  while (num_begun < 2) {
    std::this_thread::yield();
  }
  EXPECT_EQ((*pool)->load().num_threads, 2U);
  EXPECT_EQ(num_begun, 2);
  gate.Open();
  (*pool)->Stop();
  EXPECT_EQ(num_begun, 10);
}

TEST(WorkerPoolTest, JobsBeyondTheBoundAreRefused) {
  auto pool = WorkerPool::Start(1, 2);
  ASSERT_TRUE(pool.ok());
  Gate begun;
  Gate gate;
  ASSERT_TRUE((*pool)->Submit([&] {
    begun.Open();
    gate.Wait();
  }));
  begun.Wait();
  EXPECT_TRUE((*pool)->Submit([] {}));
  EXPECT_TRUE((*pool)->Submit([] {}));
  EXPECT_FALSE((*pool)->Submit([] {}));
  gate.Open();
}

}  // namespace
}  // namespace dashi
