// Everything of the embedded API at once, from eight threads. It is built with the thread
// sanitizer.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/mutex.h"
#include "base/random.h"
#include "dashi/database.h"
#include "storage/store.h"
#include "tests/testing/tiny_database.h"

namespace dashi {
namespace {

constexpr int kThreads = 8;
constexpr int kReleases = 3;

std::uint64_t Number(const char* variable, std::uint64_t fallback) {
  const char* const text = std::getenv(variable);
  return text == nullptr ? fallback : std::strtoull(text, nullptr, 10);
}

class ApiStressTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string path = directory_.path() + "/test.db";
    {
      const auto store = testing::OpenStore(path);
      constexpr std::size_t kLabels = 50;
      std::vector<std::pair<std::string, std::string>> labels;
      labels.reserve(kLabels);
      for (std::size_t i = 0; i < kLabels; ++i) {
        labels.emplace_back("L" + std::to_string(i), "shoes number " + std::to_string(i));
      }
      testing::AddRows(*store, labels, {{"d", "red shoes", "train", {"L1"}}});
      for (std::uint64_t i = 1; i <= kReleases; ++i) {
        testing::AddRelease(*store, "m", {.seed = i, .hnsw = i == 2});
      }
    }
    auto database = Database::Open(path);
    ASSERT_TRUE(database.ok()) << database.status().ToString();
    database_ = std::move(*database);
    OpenOptions options;
    options.read_only = true;
    options.follow = true;
    auto follower = Database::Open(path, options);
    ASSERT_TRUE(follower.ok()) << follower.status().ToString();
    follower_ = std::move(*follower);
    Must("ALTER MODEL m SET (retain_releases = 10)");
    for (const char* name : {"m@1", "m@2", "m@3", "m@1"}) {  // So that none is dropped.
      Must(std::string("PUBLISH ") + name);
    }
  }

  void Must(const std::string& sql) {
    const auto session = database_->NewSession();
    const Status status = (*session)->Execute(sql).status();
    ASSERT_TRUE(status.ok()) << sql << ": " << status.ToString();
  }

  // What may happen to a statement here: it is cancelled, or meets another write.
  static bool MayFail(const Status& status) {
    return status.sqlstate() == "57014" || status.sqlstate() == "40001";
  }
  static Status Drain(ResultSet& rows, int num_rows_max, int* num_rows) {
    Row row;
    for (*num_rows = 0; *num_rows < num_rows_max; ++*num_rows) {
      const Result<bool> more = rows.Next(&row);
      if (!more.ok() || !*more) {
        return more.status();
      }
    }
    return Status();
  }
  void Check(const Status& status) {
    EXPECT_TRUE(status.ok() || MayFail(status)) << status.ToString();
    num_done_ += status.ok() ? 1 : 0;
  }

  void AskTopK(Session& session, Random& random) {
    auto prepared = session.Prepare("SELECT label, score FROM topk($1, 5)");
    if (!prepared.ok()) {
      Check(prepared.status());
      return;
    }
    for (int i = 0; i < 3; ++i) {
      const std::vector<Value> values = {
          Value::Text("shoes number " + std::to_string(random.Uniform(50)))};
      auto rows = prepared->Execute(values);
      int num_rows = 0;
      const Status status = rows.ok() ? Drain(*rows, i == 0 ? 2 : 100, &num_rows) : rows.status();
      EXPECT_TRUE(!status.ok() || num_rows == (i == 0 ? 2 : 5)) << num_rows;
      Check(status);
    }
  }
  void Write(Session& session, const std::string& id) {
    const std::vector<Value> values = {Value::Text(id), Value::Text("text of " + id)};
    Check(session.Execute("INSERT INTO documents (id, text) VALUES ($1, $2)", values).status());
  }
  void WriteBlock(Session& session, const std::string& id) {
    Status status = session.Execute("BEGIN").status();
    for (int i = 0; i < 3 && status.ok(); ++i) {
      const std::vector<Value> values = {Value::Text(id + "_" + std::to_string(i))};
      status =
          session.Execute("INSERT INTO documents (id, text) VALUES ($1, 'block')", values).status();
    }
    Check(status);
    if (session.in_transaction()) {
      Check(session.Execute(status.ok() ? "COMMIT" : "ROLLBACK").status());
    }
    // Or the end of the session rolls back.
  }
  void Count(Session& session) {
    auto rows = session.Execute("SELECT d.id, l.text FROM documents d JOIN labels l LIMIT 500");
    int num_rows = 0;
    Check(rows.ok() ? Drain(*rows, 1000, &num_rows) : rows.status());
  }
  void Publish(Session& session, Random& random) {
    Check(session.Execute("PUBLISH m@" + std::to_string(1 + random.Uniform(kReleases))).status());
  }
  // Has another thread cancel, over and over, what this one runs.
  void RunCancelled(Session& session) {
    std::atomic<bool> done{false};
    std::thread canceller([&] {
      while (!done) {
        session.Cancel();
        std::this_thread::yield();
      }
    });
    auto rows =
        session.Execute("SELECT a.id FROM labels a, labels b, labels c, labels d, labels e");
    int num_rows = 0;
    const Status status = rows.ok() ? Drain(*rows, 1'000'000'000, &num_rows) : rows.status();
    EXPECT_EQ(status.code(), StatusCode::kCancelled);
    done = true;
    canceller.join();
  }
  void SubscribeBriefly(Random& random) {
    auto subscription = database_->SubscribeToReleases([this](const ReleaseEvent& event) {
      const auto session = database_->NewSession();
      EXPECT_TRUE(session.ok());
      EXPECT_TRUE((*session)->Execute("SELECT name FROM releases WHERE published").ok());
      num_told_ += event.release > 0 ? 1 : 0;
    });
    ASSERT_TRUE(subscription.ok());
    if (random.Uniform(2) == 0) {
      subscription->Cancel();
      return;
    }
    constexpr std::size_t kKept = 4;
    const MutexLock lock(mutex_);
    if (subscriptions_.size() < kKept) {
      subscriptions_.push_back(std::move(*subscription));
    } else {
      std::swap(subscriptions_[random.Uniform(kKept)], *subscription);  // The older one ends.
    }
  }

  void Work(int thread, std::uint64_t seed, std::uint64_t num_rounds) {
    Random random(seed);
    for (std::uint64_t round = 0; round < num_rounds; ++round) {
      auto session = database_->NewSession();
      auto follower = follower_->NewSession();
      ASSERT_TRUE(session.ok());
      ASSERT_TRUE(follower.ok());
      std::uint64_t num_reports = 0;
      (*session)->SetProgressCallback([&](const Progress&) { ++num_reports; });
      const std::string id = std::to_string(thread) + "_" + std::to_string(round);
      for (int i = 0; i < 4; ++i) {
        const std::uint64_t what = random.Uniform(8);
        switch (what) {
          case 0:
            AskTopK(**session, random);
            break;
          case 1:
            AskTopK(**follower, random);
            break;
          case 2:
            Write(**session, id + "_" + std::to_string(i));
            break;
          case 3:
            WriteBlock(**session, id + "_b" + std::to_string(i));
            break;
          case 4:
            Count(**session);
            break;
          case 5:
            Publish(**session, random);
            break;
          case 6:
            RunCancelled(**session);
            break;
          default:
            SubscribeBriefly(random);
        }
        if ((*session)->in_transaction()) {
          Check((*session)->Execute("ROLLBACK").status());
        }
      }
    }
  }

  testing::TemporaryDirectory directory_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<Database> follower_;  // As another process would read what this one writes.
  std::atomic<std::uint64_t> num_done_{0};
  std::atomic<std::uint64_t> num_told_{0};
  Mutex mutex_;
  std::vector<Subscription> subscriptions_ DASHI_GUARDED_BY(mutex_);
};

TEST_F(ApiStressTest, EightThreadsUseAllOfIt) {
  const std::uint64_t seed = Number("DASHI_TEST_SEED", 1);
  const std::uint64_t num_rounds = Number("DASHI_TEST_ROUNDS", 6);
  SCOPED_TRACE("DASHI_TEST_SEED=" + std::to_string(seed));
  std::uint32_t served = 1;  // By the chain of events.
  std::promise<void> last_told;
  auto observer = database_->SubscribeToReleases([&](const ReleaseEvent& event) {
    EXPECT_EQ(event.previous, served);  // None is missing, and none comes twice.
    EXPECT_EQ(event.missed, 0U);
    served = event.release;
    if (event.change == ReleaseChange::kReverted) {
      last_told.set_value();
    }
  });
  ASSERT_TRUE(observer.ok());
  std::promise<void> follower_told;
  auto follower_observer = follower_->SubscribeToReleases([&](const ReleaseEvent& event) {
    if (event.change == ReleaseChange::kReverted) {
      EXPECT_EQ(event.release, 1U);
      follower_told.set_value();
    }
  });
  ASSERT_TRUE(follower_observer.ok());
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([this, i, seed, num_rounds] {
      Work(i, seed * kThreads + static_cast<std::uint64_t>(i), num_rounds);
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_GT(num_done_, 0U);
  Must("PUBLISH m@1");
  Must("PUBLISH m@2");
  Must("REVERT MODEL m");
  last_told.get_future().wait();
  EXPECT_EQ(served, 1U);
  follower_told.get_future().wait();
  {
    const MutexLock lock(mutex_);
    subscriptions_.clear();
  }
  observer->Cancel();
  follower_.reset();
  database_.reset();
}

}  // namespace
}  // namespace dashi
