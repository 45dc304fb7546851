#include "storage/rocksdb_write_watch.h"

#include <chrono>
#include <utility>

#include <rocksdb/db.h>

#include "storage/rocksdb_status.h"

namespace dashi::storage {

namespace {

// Flushes are announced; this only bounds the wait for one that is not.
constexpr std::chrono::milliseconds kRecheckAfter{10};

// What a thread does for RocksDB. One that has begun a flush or a compaction does nothing else.
enum class Work { kOther, kFlush, kCompaction };

thread_local Work work = Work::kOther;

}  // namespace

Status WriteWatch::Check() const {
  const State state = state_;
  if (state == State::kWriting) {
    return Status::Ok();
  }
  MutexLock lock(mutex_);
  Status status = FromRocksdb(error_, "writing has stopped");
  return state == State::kDiskFull
             ? status
             : std::move(status).WithHint(
                   "What was acknowledged is kept. Remove the cause, close the database and open "
                   "it again.");
}

void WriteWatch::MarkDiskFull(const rocksdb::Status& error) {
  MutexLock lock(mutex_);
  stopped_ = true;
  if (state_ == State::kWriting) {
    state_ = State::kDiskFull;
    error_ = error;
  }
}

void WriteWatch::MarkBroken(const rocksdb::Status& error) {
  MutexLock lock(mutex_);
  state_ = State::kBroken;
  error_ = error;
}

Status WriteWatch::WaitForFlushes(const std::function<bool()>& done) {
  {
    MutexLock lock(mutex_);
    while (state_ == State::kWriting && !done()) {
      changed_.WaitFor(mutex_, kRecheckAfter);
    }
  }
  return Check();
}

void WriteWatch::WaitUntil(const std::function<bool()>& done, std::chrono::milliseconds time) {
  MutexLock lock(mutex_);
  for (auto waited = std::chrono::milliseconds(0); waited < time && !done();
       waited += kRecheckAfter) {
    changed_.WaitFor(mutex_, kRecheckAfter);
  }
}

void WriteWatch::OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* error) {
  // A log that could not be begun is no worse than one that could not be written: recovery flushes
  // all memtables, so that no log is needed.
  if (error->IsNoSpace() && reason == rocksdb::BackgroundErrorReason::kMemTable) {
    *error = rocksdb::Status(*error, rocksdb::Status::Severity::kHardError);
  }
  std::function<void(bool, const std::function<void()>&)> callback;
  if (work != Work::kFlush && !stopped_) {
    MutexLock lock(mutex_);
    callback = on_first_error_;
  }
  if (callback) {
    callback(work == Work::kCompaction, [&, this] { NoteError(*error); });
  } else {
    NoteError(*error);
  }
}

void WriteWatch::NoteError(const rocksdb::Status& error) {
  MutexLock lock(mutex_);
  num_failed_flushes_ += work == Work::kFlush ? 1 : 0;
  stopped_ = stopped_ || error.severity() >= rocksdb::Status::Severity::kHardError;
  if (state_ == State::kBroken) {
    return;
  }
  state_ = error.IsNoSpace() ? State::kDiskFull : State::kBroken;
  error_ = error;
  changed_.NotifyAll();
}

void WriteWatch::OnFirstError(
    std::function<void(bool in_compaction, const std::function<void()>& note)> callback) {
  MutexLock lock(mutex_);
  on_first_error_ = std::move(callback);
}

void WriteWatch::OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason /*reason*/,
                                      rocksdb::Status error, bool* auto_recovery) {
  error.PermitUncheckedError();
  *auto_recovery = false;
}

void WriteWatch::OnFlushBegin(rocksdb::DB* /*db*/, const rocksdb::FlushJobInfo& /*info*/) {
  work = Work::kFlush;
}

void WriteWatch::OnCompactionBegin(rocksdb::DB* /*db*/,
                                   const rocksdb::CompactionJobInfo& /*info*/) {
  work = Work::kCompaction;
}

void WriteWatch::OnFlushCompleted(rocksdb::DB* /*db*/, const rocksdb::FlushJobInfo& /*info*/) {
  MutexLock lock(mutex_);
  changed_.NotifyAll();
}

void WriteWatch::OnMemTableSealed(const rocksdb::MemTableInfo& info) {
  if (info.cf_name == rocksdb::kDefaultColumnFamilyName) {
    default_sealed_ = true;
  }
}

}  // namespace dashi::storage
