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
  const auto watcher =
      SignalWatcher::Start({SIGINT, SIGTERM}, [&](int /*signal*/) { counter.Add(); });
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

TEST(SignalWatcherTest, TellsWhichSignalCame) {
  Counter hang_ups;
  Counter others;
  const auto watcher = SignalWatcher::Start(
      {SIGHUP, SIGTERM}, [&](int signal) { (signal == SIGHUP ? hang_ups : others).Add(); });
  ASSERT_TRUE(watcher.ok());
  std::raise(SIGTERM);
  std::raise(SIGHUP);
  std::raise(SIGHUP);
  hang_ups.WaitFor(2);
  others.WaitFor(1);
}

TEST(SignalWatcherTest, OneAtATime) {
  auto watcher = SignalWatcher::Start({SIGUSR1}, [](int /*signal*/) {});
  ASSERT_TRUE(watcher.ok());
  EXPECT_FALSE(SignalWatcher::Start({SIGUSR1}, [](int /*signal*/) {}).ok());
  std::move(watcher).value().reset();
  EXPECT_TRUE(SignalWatcher::Start({SIGUSR1}, [](int /*signal*/) {}).ok());
}

TEST(SignalWatcherDeathTest, AfterwardsSignalsEndTheProcessAgain) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        {
          const auto watcher = SignalWatcher::Start({SIGINT}, [](int /*signal*/) {});
        }
        std::raise(SIGINT);
      },
      ::testing::KilledBySignal(SIGINT), "");
}

}  // namespace
}  // namespace dashi
