#pragma once

#include <chrono>
#include <cstdint>
#include <set>

#include "base/mutex.h"

namespace dashi::storage {

/// Lets many committing transactions through at once, or one bulk load alone.
///
/// Threads: all methods may be called at once. A waiting load goes before later transactions.
class CommitGate {
 public:
  void EnterShared() DASHI_EXCLUDES(mutex_);
  void LeaveShared() DASHI_EXCLUDES(mutex_);
  /// Returns once every transaction inside has left.
  void EnterAlone() DASHI_EXCLUDES(mutex_);
  /// The same for whoever must look around now and then: returns false when `timeout` has passed
  /// and transactions or a load are still inside; those that waited go in then.
  bool TryEnterAlone(std::chrono::milliseconds timeout) DASHI_EXCLUDES(mutex_);
  void LeaveAlone() DASHI_EXCLUDES(mutex_);

 private:
  Mutex mutex_;
  CondVar changed_;
  int num_shared_ DASHI_GUARDED_BY(mutex_) = 0;
  int num_waiting_alone_ DASHI_GUARDED_BY(mutex_) = 0;
  bool alone_ DASHI_GUARDED_BY(mutex_) = false;
};

class SharedPass {
 public:
  explicit SharedPass(CommitGate& gate) : gate_(gate) { gate_.EnterShared(); }
  ~SharedPass() { gate_.LeaveShared(); }
  SharedPass(const SharedPass&) = delete;
  SharedPass& operator=(const SharedPass&) = delete;

 private:
  CommitGate& gate_;
};

class LonePass {
 public:
  explicit LonePass(CommitGate& gate) : gate_(gate) { gate_.EnterAlone(); }
  ~LonePass() { gate_.LeaveAlone(); }
  LonePass(const LonePass&) = delete;
  LonePass& operator=(const LonePass&) = delete;

 private:
  CommitGate& gate_;
};

/// Numbers the commits. Commits run side by side and may end out of order, so a view's sequence is
/// the last one below which nothing is still running.
///
/// Threads: all methods may be called at once.
class CommitSequencer {
 public:
  explicit CommitSequencer(std::uint64_t last) : last_(last) {}
  /// Returns the next number. End must follow, whatever becomes of the commit.
  std::uint64_t Begin() DASHI_EXCLUDES(mutex_);
  void End(std::uint64_t sequence) DASHI_EXCLUDES(mutex_);
  /// Every commit up to this number has ended.
  std::uint64_t Completed() const DASHI_EXCLUDES(mutex_);
  /// The last number that was given.
  std::uint64_t Begun() const DASHI_EXCLUDES(mutex_);

 private:
  mutable Mutex mutex_;
  std::uint64_t last_ DASHI_GUARDED_BY(mutex_);
  std::set<std::uint64_t> running_ DASHI_GUARDED_BY(mutex_);
};

}  // namespace dashi::storage
