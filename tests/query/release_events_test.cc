#include "query/release_events.h"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/mutex.h"
#include "dashi/subscription.h"
#include "query/release_picture.h"
#include "tests/query/release_fixture.h"

namespace dashi::query {
namespace {

/// What a callback was told, for a test that waits for it.
class Told {
 public:
  ReleaseCallback Callback() {
    return [this](const ReleaseEvent& event) {
      const MutexLock lock(mutex_);
      events_.push_back(event);
      changed_.NotifyAll();
    };
  }
  std::vector<ReleaseEvent> WaitFor(std::size_t count) {
    const MutexLock lock(mutex_);
    while (events_.size() < count) {
      if (!changed_.WaitFor(mutex_, std::chrono::seconds(60))) {
        ADD_FAILURE() << "told of " << events_.size() << " events, want " << count;
        break;
      }
    }
    return events_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::vector<ReleaseEvent> events_ DASHI_GUARDED_BY(mutex_);
};

class ReleaseEventsTest : public ReleaseFixture {
 protected:
  void TearDown() override { events_.reset(); }

  Subscription Subscribe(ReleaseCallback callback) {
    return Subscription(events_->Subscribe(std::move(callback)).value());
  }
  void Tell(const ReleaseEvent& event) {
    const Status told = events_->Commit([&](std::vector<ReleaseEvent>* done) {
      done->push_back(event);
      return Status();
    });
    EXPECT_TRUE(told.ok());
  }
  static ReleaseEvent Event(std::uint32_t number) {
    return {ReleaseChange::kPublished, "m", number, number - 1};
  }

  std::unique_ptr<ReleaseEvents> events_;
};

TEST_F(ReleaseEventsTest, PublishRevertAndCollectionTellInOrder) {
  events_ = std::make_unique<ReleaseEvents>(store_.get(), false);
  AddReleases(3);
  Retain(1);
  Told told;
  const Subscription subscription = Subscribe(told.Callback());
  const auto publish = [&](std::uint32_t number) {
    ASSERT_TRUE(Publish(*store_, *releases_, "m", number, {}, events_.get()).ok());
    ASSERT_TRUE(CollectReleases(*store_, *releases_, "m", events_.get()).status.ok());
  };
  publish(1);
  publish(2);
  publish(2);  // It serves already: nothing to tell.
  ASSERT_TRUE(Revert(*store_, "m", events_.get()).ok());
  publish(3);
  ASSERT_FALSE(Publish(*store_, *releases_, "m", 9, {}, events_.get()).ok());
  const std::vector<ReleaseEvent> want = {{ReleaseChange::kPublished, "m", 1, 0},
                                          {ReleaseChange::kPublished, "m", 2, 1},
                                          {ReleaseChange::kReverted, "m", 1, 2},
                                          {ReleaseChange::kPublished, "m", 3, 1},
                                          {ReleaseChange::kDropped, "m", 2, 0}};
  EXPECT_EQ(told.WaitFor(want.size()), want);
}

TEST_F(ReleaseEventsTest, EachSubscriberIsToldOfWhatCameAfterItSubscribed) {
  events_ = std::make_unique<ReleaseEvents>(store_.get(), false);
  Told first;
  Told second;
  Subscription one = Subscribe(first.Callback());
  Tell(Event(1));
  Subscription two = Subscribe(second.Callback());
  Tell(Event(2));
  EXPECT_EQ(first.WaitFor(2), (std::vector<ReleaseEvent>{Event(1), Event(2)}));
  EXPECT_EQ(second.WaitFor(1), std::vector<ReleaseEvent>{Event(2)});
  EXPECT_TRUE(one.active());
  one.Cancel();
  one.Cancel();
  EXPECT_FALSE(one.active());
  Tell(Event(3));
  EXPECT_EQ(second.WaitFor(2).size(), 2U);
  EXPECT_EQ(first.WaitFor(2).size(), 2U);
  Subscription moved = std::move(two);
  EXPECT_TRUE(moved.active());
  events_.reset();
  EXPECT_TRUE(moved.active());  // It outlives the database, and its end does no harm.
}

TEST_F(ReleaseEventsTest, ACommitThatFailsTellsNothing) {
  events_ = std::make_unique<ReleaseEvents>(store_.get(), false);
  Told told;
  const Subscription subscription = Subscribe(told.Callback());
  const Status failed = events_->Commit([&](std::vector<ReleaseEvent>* done) {
    done->push_back(Event(1));
    return Status::Aborted("no");
  });
  EXPECT_EQ(failed.code(), StatusCode::kAborted);
  Tell(Event(2));
  EXPECT_EQ(told.WaitFor(1), std::vector<ReleaseEvent>{Event(2)});
}

TEST_F(ReleaseEventsTest, ACallbackMayThrowSubscribeAndCancelItself) {
  events_ = std::make_unique<ReleaseEvents>(store_.get(), false);
  Told later;
  Subscription itself;
  Subscription inner;
  std::promise<void> subscribed;
  int calls = 0;
  itself = Subscribe([&](const ReleaseEvent&) {
    ++calls;
    inner = Subscribe(later.Callback());
    itself.Cancel();  // Returns, although this call runs.
    subscribed.set_value();
    throw std::runtime_error("of the application");
  });
  Told beside;
  const Subscription other = Subscribe(beside.Callback());
  Tell(Event(1));
  subscribed.get_future().wait();
  Tell(Event(2));
  EXPECT_EQ(beside.WaitFor(2).size(), 2U);
  EXPECT_EQ(later.WaitFor(1), std::vector<ReleaseEvent>{Event(2)});
  EXPECT_EQ(calls, 1);
}

TEST_F(ReleaseEventsTest, CancelWaitsForTheCallThatRunsAndFreesWhatItHolds) {
  events_ = std::make_unique<ReleaseEvents>(store_.get(), false);
  std::promise<void> entered;
  std::promise<void> leave;
  auto held = std::make_shared<int>(0);
  const std::weak_ptr<int> watch = held;
  std::atomic<bool> returned{false};
  Subscription subscription = Subscribe([&, held = std::move(held)](const ReleaseEvent&) {
    entered.set_value();
    leave.get_future().wait();
    returned = true;
  });
  Tell(Event(1));
  Tell(Event(2));  // Never told: the promise would be set twice.
  entered.get_future().wait();
  std::promise<void> cancelling;
  std::thread canceller([&] {
    cancelling.set_value();
    subscription.Cancel();
    EXPECT_TRUE(returned);
    EXPECT_TRUE(watch.expired());
  });
  cancelling.get_future().wait();
  leave.set_value();
  canceller.join();
}

TEST_F(ReleaseEventsTest, BeyondTheBoundTheOldestAreLeftOutAndCounted) {
  events_ = std::make_unique<ReleaseEvents>(store_.get(), false);
  std::promise<void> entered;
  std::promise<void> leave;
  bool first = true;
  std::vector<ReleaseEvent> seen;
  std::promise<void> last;
  const std::uint32_t num_events = kReleaseEventsMax + 11;
  const Subscription subscription = Subscribe([&](const ReleaseEvent& event) {
    seen.push_back(event);
    if (first) {
      first = false;
      entered.set_value();
      leave.get_future().wait();
    }
    if (event.release == num_events) {
      last.set_value();
    }
  });
  Tell(Event(1));
  entered.get_future().wait();
  for (std::uint32_t number = 2; number <= num_events; ++number) {
    Tell(Event(number));
  }
  leave.set_value();
  last.get_future().wait();
  ASSERT_EQ(seen.size(), 1 + kReleaseEventsMax);
  EXPECT_EQ(seen[1].release, 12U);
  EXPECT_EQ(seen[1].missed, 10U);
  EXPECT_EQ(seen[2].missed, 0U);
}

TEST_F(ReleaseEventsTest, ThreadsPublishSubscribeAndCancelAtOnce) {
  events_ = std::make_unique<ReleaseEvents>(store_.get(), false);
  constexpr int kThreads = 4;
  constexpr std::uint32_t kEventsEach = 50;
  std::vector<std::uint32_t> order;  // Of the notifying thread.
  std::promise<void> all;
  const Subscription observer = Subscribe([&](const ReleaseEvent& event) {
    order.push_back(event.release);
    if (order.size() == kThreads * kEventsEach) {
      all.set_value();
    }
  });
  std::uint32_t committed = 0;  // Guarded by the order of commits.
  std::atomic<int> other_calls{0};
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (std::uint32_t k = 0; k < kEventsEach; ++k) {
        Subscription brief = Subscribe([&](const ReleaseEvent&) { ++other_calls; });
        const Status told = events_->Commit([&](std::vector<ReleaseEvent>* done) {
          done->push_back(Event(++committed));
          return Status();
        });
        EXPECT_TRUE(told.ok());
        if (k % 2 == 0) {
          brief.Cancel();
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  all.get_future().wait();
  for (std::size_t i = 0; i < order.size(); ++i) {
    EXPECT_EQ(order[i], i + 1);
  }
}

TEST(ReleasePictureTest, DifferencesTellPublicationsRevertsAndDrops) {
  ReleasePicture before;
  before.models["a"] = {1, 2, {1, 2}, {{10, 1, 0}, {20, 2, 1}}};
  before.models["gone"] = {1, 5, {4, 5}, {}};
  before.models["anew"] = {1, 1, {1}, {{10, 1, 0}}};
  ReleasePicture after;
  after.models["a"] = {1, 3, {2, 3, 4}, {{20, 2, 1}, {30, 3, 2}, {40, 4, 3}}};
  after.models["anew"] = {2, 1, {1}, {{50, 1, 0}}};
  after.models["new"] = {9, 0, {}, {}};
  const std::vector<ReleaseEvent> want = {
      {ReleaseChange::kDropped, "anew", 1, 1}, {ReleaseChange::kDropped, "gone", 4, 0},
      {ReleaseChange::kDropped, "gone", 5, 5}, {ReleaseChange::kPublished, "a", 3, 2},
      {ReleaseChange::kPublished, "a", 4, 3},  {ReleaseChange::kReverted, "a", 3, 4},
      {ReleaseChange::kDropped, "a", 1, 0},    {ReleaseChange::kPublished, "anew", 1, 0}};
  EXPECT_EQ(EventsBetween(before, after), want);
  EXPECT_TRUE(EventsBetween(after, after).empty());
}

}  // namespace
}  // namespace dashi::query
