// Database::SubscribeToReleases, seen by an application.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/mutex.h"
#include "storage/store.h"
#include "tests/sql/session_fixture.h"

namespace dashi {
namespace {

constexpr std::chrono::seconds kFailingTestWaits{60};

std::string Describe(const ReleaseEvent& event) {
  const char* const words[] = {"", "published", "reverted", "dropped"};
  return std::string(words[static_cast<std::size_t>(event.change)]) + " " + event.model + "@" +
         std::to_string(event.release) + " was " + std::to_string(event.previous);
}

/// Collects events, and hands them out when there are so many.
class EventLog {
 public:
  void Add(const std::string& event) {
    const MutexLock lock(mutex_);
    events_.push_back(event);
    changed_.NotifyAll();
  }
  ReleaseCallback Callback() {
    return [this](const ReleaseEvent& event) { Add(Describe(event)); };
  }
  std::vector<std::string> WaitFor(std::size_t count) {
    const MutexLock lock(mutex_);
    while (events_.size() < count && changed_.WaitFor(mutex_, kFailingTestWaits)) {
    }
    return events_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::vector<std::string> events_ DASHI_GUARDED_BY(mutex_);
};

class ReleaseCallbackTest : public SessionFixture {
 protected:
  void SetUp() override {
    {
      const auto store = testing::OpenStore(directory_.path() + "/test.db");
      testing::AddRows(*store, {{"L", "red shoes"}}, {{"d", "shoes", "train", {"L"}}});
      for (int i = 0; i < 3; ++i) {
        testing::AddRelease(*store, "m", {.dim = 4});
      }
    }
    Open({});
  }
};

TEST_F(ReleaseCallbackTest, TellsWhatStatementsDidAfterTheyDidIt) {
  EventLog log;
  auto subscription = database_->SubscribeToReleases([&](const ReleaseEvent& event) {
    // A statement that begins now sees it.
    const auto session = database_->NewSession();
    const auto served = Run(**session, "SELECT name FROM releases WHERE published");
    log.Add(Describe(event) + ", serves " +
            (served->empty() ? "nothing" : served->at(0).ToString()));
  });
  ASSERT_TRUE(subscription.ok()) << subscription.status().ToString();
  Must("PUBLISH m@1");
  EXPECT_EQ(log.WaitFor(1).back(), "published m@1 was 0, serves m@1");
  Must("PUBLISH m@2");
  EXPECT_EQ(log.WaitFor(2).back(), "published m@2 was 1, serves m@2");
  Must("REVERT MODEL m");
  EXPECT_EQ(log.WaitFor(3).back(), "reverted m@1 was 2, serves m@1");
  Must("DROP RELEASE m@3");
  EXPECT_EQ(log.WaitFor(4).back(), "dropped m@3 was 0, serves m@1");
  Must("DROP RELEASE IF EXISTS m@3");  // Nothing happened.
  EXPECT_EQ(State("DROP RELEASE m@1"), "55006");
  Must("DROP MODEL m");
  const std::vector<std::string> told = log.WaitFor(6);
  ASSERT_EQ(told.size(), 6U);
  EXPECT_EQ(told[4], "dropped m@1 was 1, serves nothing");
  EXPECT_EQ(told[5], "dropped m@2 was 0, serves nothing");
}

TEST_F(ReleaseCallbackTest, NothingIsLostWhenReleasesArePublishedQuickly) {
  EventLog log;
  const auto subscription = database_->SubscribeToReleases(log.Callback());
  ASSERT_TRUE(subscription.ok());
  Must("ALTER MODEL m SET (retain_releases = 10)");
  std::vector<std::string> want;
  for (int round = 0; round < 20; ++round) {
    for (const int number : {1, 2, 3}) {
      Must("PUBLISH m@" + std::to_string(number));
      const int before = round == 0 && number == 1 ? 0 : (number + 1) % 3 + 1;
      want.push_back("published m@" + std::to_string(number) + " was " + std::to_string(before));
    }
  }
  EXPECT_EQ(log.WaitFor(want.size()), want);
}

TEST_F(ReleaseCallbackTest, ACallbackMayPublish) {
  EventLog log;
  const auto subscription = database_->SubscribeToReleases([&](const ReleaseEvent& event) {
    if (event.release == 1) {
      EXPECT_TRUE(Run(*NewSession(), "PUBLISH m@2").ok());
    }
    log.Add(Describe(event));
  });
  ASSERT_TRUE(subscription.ok());
  Must("PUBLISH m@1");
  EXPECT_EQ(log.WaitFor(2),
            (std::vector<std::string>{"published m@1 was 0", "published m@2 was 1"}));
}

TEST_F(ReleaseCallbackTest, AFollowerIsToldWhenItSeesTheRelease) {
  OpenOptions options;
  options.read_only = true;
  options.follow = true;
  auto follower = Database::Open(directory_.path() + "/test.db", options);
  ASSERT_TRUE(follower.ok()) << follower.status().ToString();
  EventLog log;
  const auto subscription = (*follower)->SubscribeToReleases([&](const ReleaseEvent& event) {
    const auto session = (*follower)->NewSession();
    const auto served = Run(**session, "SELECT name FROM releases WHERE published");
    log.Add(Describe(event) + ", serves " + served->at(0).ToString());
  });
  ASSERT_TRUE(subscription.ok()) << subscription.status().ToString();
  Must("PUBLISH m@1");
  EXPECT_EQ(log.WaitFor(1).back(), "published m@1 was 0, serves m@1");
  Must("PUBLISH m@2");
  EXPECT_EQ(log.WaitFor(2).back(), "published m@2 was 1, serves m@2");
  Must("REVERT MODEL m");
  EXPECT_EQ(log.WaitFor(3).back(), "reverted m@1 was 2, serves m@1");
  Must("DROP RELEASE m@3");
  EXPECT_EQ(log.WaitFor(4).back(), "dropped m@3 was 0, serves m@1");
}

TEST_F(ReleaseCallbackTest, AReadOnlyDatabaseTellsNothing) {
  OpenOptions options;
  options.read_only = true;
  Open(options);
  EventLog log;
  EXPECT_TRUE(database_->SubscribeToReleases(log.Callback()).ok());
  EXPECT_EQ(database_->SubscribeToReleases(nullptr).status().code(), StatusCode::kInvalidArgument);
}

TEST_F(ReleaseCallbackTest, ACallbackMayLetGoOfTheDatabase) {
  std::promise<void> others_gone;
  std::promise<void> ended;
  auto subscription = database_->SubscribeToReleases([&](const ReleaseEvent&) {
    others_gone.get_future().wait();
    database_.reset();
    session_.reset();
    ended.set_value();
  });
  ASSERT_TRUE(subscription.ok());
  auto publisher = NewSession();
  ASSERT_TRUE(Run(*publisher, "PUBLISH m@1").ok());
  publisher.reset();
  others_gone.set_value();
  ended.get_future().wait();
  subscription->Cancel();
  // The database is closed by then or soon after, without a deadlock.
  for (;;) {
    auto database = Database::Open(directory_.path() + "/test.db");
    if (database.ok()) {
      break;
    }
    ASSERT_EQ(database.status().sqlstate(), "55006") << database.status().ToString();
    std::this_thread::yield();
  }
}

TEST_F(ReleaseCallbackTest, SubscriptionsOutliveTheDatabase) {
  EventLog log;
  auto subscription = database_->SubscribeToReleases(log.Callback());
  ASSERT_TRUE(subscription.ok());
  session_.reset();
  database_.reset();
  subscription->Cancel();
  Subscription empty;
  empty.Cancel();
  EXPECT_FALSE(empty.active());
  empty = std::move(*subscription);
  EXPECT_FALSE(empty.active());
}

}  // namespace
}  // namespace dashi
