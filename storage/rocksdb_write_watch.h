#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>

#include <rocksdb/listener.h>

#include "base/mutex.h"
#include "dashi/status.h"

namespace dashi::storage {

/// Listens to what RocksDB does in the background, and knows whether it still writes.
///
/// RocksDB's own recovery from a full disk is turned off: it polls every five seconds, and writers
/// that run beside it can end it for good. RocksdbEngine recovers instead, with no writer beside.
///
/// Threads: all methods may be called at once.
class WriteWatch : public rocksdb::EventListener {
 public:
  enum class State { kWriting, kDiskFull, kBroken };

  State state() const { return state_; }
  /// Errors: what stopped the writing, kResourceExhausted (53100) when the disk is full.
  Status Check() const DASHI_EXCLUDES(mutex_);
  /// Before writing is to be taken up again after a full disk: an error from now on is a new one.
  void Rearm() {
    state_ = State::kWriting;
    stopped_ = false;
  }
  /// Whether an error was noted after which RocksDB does nothing more in the background.
  bool is_stopped() const { return stopped_; }
  /// The flushes that failed. After one RocksDB begins no other for a second.
  std::uint64_t num_failed_flushes() const { return num_failed_flushes_; }
  void MarkDiskFull(const rocksdb::Status& error) DASHI_EXCLUDES(mutex_);
  void MarkBroken(const rocksdb::Status& error) DASHI_EXCLUDES(mutex_);
  /// Waits for `done`, which is asked again after each flush. Fails when writing stops before.
  Status WaitForFlushes(const std::function<bool()>& done) DASHI_EXCLUDES(mutex_);
  /// Tells once whether the memtable of the family `default` was closed since the last call.
  bool TakeDefaultSealed() { return default_sealed_.load() && default_sealed_.exchange(false); }

  /// Sets what is called in the place of `note` when RocksDB tells of an error while it works on:
  /// it calls `note`, after which no write begins. `in_compaction` says that the caller is a
  /// thread of RocksDB which holds up no write. An error of a flush is noted at once.
  void OnFirstError(
      std::function<void(bool in_compaction, const std::function<void()>& note)> callback)
      DASHI_EXCLUDES(mutex_);

  /// Waits until `done` holds, for `time` at most, asking after each flush and each error.
  void WaitUntil(const std::function<bool()>& done, std::chrono::milliseconds time)
      DASHI_EXCLUDES(mutex_);

  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* error) override
      DASHI_EXCLUDES(mutex_);
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason reason, rocksdb::Status error,
                            bool* auto_recovery) override;
  void OnFlushBegin(rocksdb::DB* db, const rocksdb::FlushJobInfo& info) override;
  void OnCompactionBegin(rocksdb::DB* db, const rocksdb::CompactionJobInfo& info) override;
  void OnFlushCompleted(rocksdb::DB* db, const rocksdb::FlushJobInfo& info) override
      DASHI_EXCLUDES(mutex_);
  void OnMemTableSealed(const rocksdb::MemTableInfo& info) override;

 private:
  void NoteError(const rocksdb::Status& error) DASHI_EXCLUDES(mutex_);

  std::atomic<State> state_ = State::kWriting;
  std::atomic<bool> stopped_ = false;
  std::atomic<std::uint64_t> num_failed_flushes_ = 0;
  std::atomic<bool> default_sealed_ = true;  // It begins empty, which is the same to the caller.
  mutable Mutex mutex_;
  CondVar changed_;
  rocksdb::Status error_ DASHI_GUARDED_BY(mutex_);
  std::function<void(bool, const std::function<void()>&)> on_first_error_ DASHI_GUARDED_BY(mutex_);
};

}  // namespace dashi::storage
