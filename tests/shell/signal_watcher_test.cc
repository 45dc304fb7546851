#include "sql/shell/signal_watcher.h"

#include <csignal>
#include <thread>

#include <gtest/gtest.h>

#include "base/mutex.h"

namespace dashi {
namespace {

class Counter {
 public:
  void Add() {
    const MutexLock lock(mutex_);
    ++count_;
    changed_.NotifyAll();
  }
  void WaitFor(int count) {
    const MutexLock lock(mutex_);
    while (count_ < count) {
      changed_.Wait(mutex_);
    }
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  int count_ DASHI_GUARDED_BY(mutex_) = 0;
};

TEST(SignalWatcherTest, CallsForEachSignalWhateverThreadGetsIt) {
  Counter counter;
  const auto watcher = SignalWatcher::Start({SIGINT, SIGTERM}, [&] { counter.Add(); });
  ASSERT_TRUE(watcher.ok());
  std::raise(SIGINT);
  counter.WaitFor(1);
  std::thread([] { std::raise(SIGTERM); }).join();
  counter.WaitFor(2);
  for (int i = 0; i < 100; ++i) {
    std::raise(SIGINT);
  }
  counter.WaitFor(102);
}

TEST(SignalWatcherTest, OneAtATime) {
  auto watcher = SignalWatcher::Start({SIGUSR1}, [] {});
  ASSERT_TRUE(watcher.ok());
  EXPECT_FALSE(SignalWatcher::Start({SIGUSR1}, [] {}).ok());
  std::move(watcher).value().reset();
  EXPECT_TRUE(SignalWatcher::Start({SIGUSR1}, [] {}).ok());
}

TEST(SignalWatcherDeathTest, AfterwardsSignalsEndTheProcessAgain) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        {
          const auto watcher = SignalWatcher::Start({SIGINT}, [] {});
        }
        std::raise(SIGINT);
      },
      ::testing::KilledBySignal(SIGINT), "");
}

}  // namespace
}  // namespace dashi
