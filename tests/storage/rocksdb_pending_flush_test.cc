#include <array>
#include <cerrno>
#include <chrono>
#include <functional>
#include <memory>
#include <pthread.h>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/write_batch.h>

#include "base/file_gate.h"
#include "base/mutex.h"
#include "storage/disk_watch.h"
#include "storage/rocksdb_engine.h"
#include "tests/testing/tiny_database.h"

namespace dashi::storage {
namespace {

using dashi::testing::TemporaryDirectory;

// More tables than are left uncompacted.
constexpr int kTables = 12;

// By the name that RocksDB gives to its threads.
bool IsInCompaction() {
  std::array<char, 16> name{};
  ::pthread_getname_np(::pthread_self(), name.data(), name.size());
  return std::string(name.data()) == "rocksdb:low";
}

// A disk that holds up a compaction where it writes the manifest, until it is full: after such an
// error RocksDB does nothing more in the background.
class FullForCompaction : public FileGate {
 public:
  int Pass(const FileChange& change, const std::function<int(std::size_t size)>& make) override
      DASHI_EXCLUDES(mutex_) {
    const bool is_manifest =
        change.step == FileStep::kWrite && change.path.find("/MANIFEST-") != std::string_view::npos;
    {
      MutexLock lock(mutex_);
      if (is_manifest && IsInCompaction()) {
        held_ = true;
        changed_.NotifyAll();
        while (!was_full_) {
          changed_.Wait(mutex_);
        }
      }
      if (full_ && (change.step == FileStep::kCreate || change.step == FileStep::kWrite)) {
        return ENOSPC;
      }
    }
    return make(change.bytes.size());
  }
  Result<std::uint64_t> FreeBytes(const std::string& /*path*/) override DASHI_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return full_ ? 0 : std::uint64_t{1} << 40U;
  }

  void WaitUntilHeld() DASHI_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    while (!held_) {
      changed_.Wait(mutex_);
    }
  }
  void SetFull(bool full) DASHI_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    full_ = full;
    was_full_ = was_full_ || full;
    changed_.NotifyAll();
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool held_ DASHI_GUARDED_BY(mutex_) = false;
  bool full_ DASHI_GUARDED_BY(mutex_) = false;
  bool was_full_ DASHI_GUARDED_BY(mutex_) = false;
};

// Keeps all threads busy that could flush, as those of a busy machine are slow to wake up.
class BusyThreads {
 public:
  BusyThreads() {
    rocksdb::Env* env = rocksdb::Env::Default();
    num_threads_ = env->GetBackgroundThreads(rocksdb::Env::Priority::HIGH);
    for (int i = 0; i < num_threads_; ++i) {
      env->Schedule(&BusyThreads::Stay, this, rocksdb::Env::Priority::HIGH);
    }
    MutexLock lock(mutex_);
    while (num_inside_ < num_threads_) {
      changed_.Wait(mutex_);
    }
  }
  ~BusyThreads() {
    MutexLock lock(mutex_);
    over_ = true;
    changed_.NotifyAll();
    while (num_inside_ > 0) {
      changed_.Wait(mutex_);
    }
  }
  BusyThreads(const BusyThreads&) = delete;
  BusyThreads& operator=(const BusyThreads&) = delete;

 private:
  static void Stay(void* self) {
    auto& busy = *static_cast<BusyThreads*>(self);
    MutexLock lock(busy.mutex_);
    ++busy.num_inside_;
    busy.changed_.NotifyAll();
    while (!busy.over_) {
      busy.changed_.Wait(busy.mutex_);
    }
    --busy.num_inside_;
    busy.changed_.NotifyAll();
  }

  Mutex mutex_;
  CondVar changed_;
  int num_threads_ = 0;
  int num_inside_ DASHI_GUARDED_BY(mutex_) = 0;
  bool over_ DASHI_GUARDED_BY(mutex_) = false;
};

// Holds the thread of a flush between telling of its error and noting it.
class HeldFlushError : public rocksdb::EventListener {
 public:
  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* /*error*/) override
      DASHI_EXCLUDES(mutex_) {
    if (reason != rocksdb::BackgroundErrorReason::kFlush &&
        reason != rocksdb::BackgroundErrorReason::kFlushNoWAL) {
      return;
    }
    MutexLock lock(mutex_);
    is_held_ = true;
    changed_.NotifyAll();
    while (!may_go_on_) {
      changed_.Wait(mutex_);
    }
  }
  void WaitUntilHeld() DASHI_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    while (!is_held_) {
      changed_.Wait(mutex_);
    }
  }
  void LetGo() DASHI_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    may_go_on_ = true;
    changed_.NotifyAll();
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool is_held_ DASHI_GUARDED_BY(mutex_) = false;
  bool may_go_on_ DASHI_GUARDED_BY(mutex_) = false;
};

// Asks every 10 ms, for `time` at most.
bool HoldsWithin(std::chrono::milliseconds time, const std::function<bool()>& condition) {
  constexpr std::chrono::milliseconds kStep{10};
  Mutex mutex;
  CondVar never;
  MutexLock lock(mutex);
  for (std::chrono::milliseconds waited{0}; waited < time && !condition(); waited += kStep) {
    never.WaitFor(mutex, kStep);
  }
  return condition();
}

class PendingFlushTest : public ::testing::Test {
 protected:
  void SetUp() override {
    EngineOptions options;
    options.create = true;
    options.memory_bytes_max = std::uint64_t{8} << 20U;
    options.disk = &disk_;
    options.listener = flush_error_;
    auto opened = RocksdbEngine::Open(directory_.path(), options);
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    engine_ = std::move(opened).value();
  }

  Status Put(Family family) {
    rocksdb::WriteBatch batch;
    EXPECT_TRUE(batch.Put(engine_->family(family), "key", "value").ok());
    return engine_->Write(&batch, /*sync=*/true, "writing");
  }
  Status Flush(Family family) {
    return engine_->Flush(std::array{engine_->family(family)}, "flushing");
  }
  void BeginFlush(Family family) {
    rocksdb::FlushOptions no_wait;
    no_wait.wait = false;
    const rocksdb::Status begun = engine_->db()->Flush(no_wait, engine_->family(family));
    EXPECT_TRUE(begun.ok()) << begun.ToString();
  }
  void SetCompaction(Family family, bool on) {
    const rocksdb::Status set = engine_->db()->SetOptions(
        engine_->family(family), {{"disable_auto_compactions", on ? "false" : "true"}});
    EXPECT_TRUE(set.ok()) << set.ToString();
  }
  bool IsFlushPending(Family family) {
    std::uint64_t pending = 0;
    EXPECT_TRUE(engine_->db()->GetIntProperty(
        engine_->family(family), rocksdb::DB::Properties::kMemTableFlushPending, &pending));
    return pending != 0;
  }

  std::uint64_t NumBackgroundErrors() {
    std::uint64_t num_errors = 0;
    EXPECT_TRUE(
        engine_->db()->GetIntProperty(rocksdb::DB::Properties::kBackgroundErrors, &num_errors));
    return num_errors;
  }

  TemporaryDirectory directory_;
  std::shared_ptr<HeldFlushError> flush_error_ = std::make_shared<HeldFlushError>();
  FullForCompaction gate_;
  DiskWatch disk_{gate_, directory_.path(), /*reserved_bytes=*/0};
  std::unique_ptr<RocksdbEngine> engine_;
};

// Writing is taken up again before RocksDB notes the error, which it does all the same.
TEST_F(PendingFlushTest, AnErrorThatIsNotedAfterTheRecoveryIsRecoveredFrom) {
  ASSERT_TRUE(Put(Family::kEdges).ok());
  {
    const BusyThreads busy;  // The log that a flush begins still finds room.
    BeginFlush(Family::kEdges);
    gate_.SetFull(true);
  }
  flush_error_->WaitUntilHeld();
  EXPECT_EQ(Put(Family::kEdges).sqlstate(), "53100");
  gate_.SetFull(false);
  const Status between = Put(Family::kEdges);
  EXPECT_TRUE(between.ok()) << between.ToString();
  flush_error_->LetGo();
  ASSERT_TRUE(HoldsWithin(std::chrono::seconds(20), [this] { return NumBackgroundErrors() > 0; }));
  const Status written = Put(Family::kEdges);
  EXPECT_TRUE(written.ok()) << written.ToString();
  const Status flushed = Flush(Family::kEdges);
  EXPECT_TRUE(flushed.ok()) << flushed.ToString();
}

// RocksDB forgets a flush that was due when it noted the error and that begins after.
TEST_F(PendingFlushTest, AFlushThatIsSlowToBeginOutlivesTheErrorOfACompaction) {
  flush_error_->LetGo();
  SetCompaction(Family::kJobs, /*on=*/false);
  for (int i = 0; i < kTables; ++i) {
    ASSERT_TRUE(Put(Family::kJobs).ok());
    ASSERT_TRUE(Flush(Family::kJobs).ok());
  }
  SetCompaction(Family::kJobs, /*on=*/true);
  gate_.WaitUntilHeld();
  {
    const BusyThreads busy;
    ASSERT_TRUE(Put(Family::kEdges).ok());
    BeginFlush(Family::kEdges);
    gate_.SetFull(true);
    // Time enough to note the error, for who does not wait for the flush.
    EXPECT_FALSE(HoldsWithin(std::chrono::milliseconds(300),
                             [this] { return !IsFlushPending(Family::kEdges); }));
  }
  const Status refused = Put(Family::kEdges);
  EXPECT_EQ(refused.sqlstate(), "53100") << refused.ToString();
  gate_.SetFull(false);
  // The error may be noted after the first of these writes; the next one recovers from it.
  ASSERT_TRUE(HoldsWithin(std::chrono::seconds(20), [this] {
    const Status written = Put(Family::kEdges);
    EXPECT_TRUE(written.ok()) << written.ToString();
    return !IsFlushPending(Family::kEdges);
  }));
  const Status flushed = Flush(Family::kEdges);
  EXPECT_TRUE(flushed.ok()) << flushed.ToString();
}

}  // namespace
}  // namespace dashi::storage
