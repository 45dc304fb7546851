#include "storage/commit_gate.h"

namespace dashi::storage {

void CommitGate::EnterShared() {
  MutexLock lock(mutex_);
  while (alone_ || num_waiting_alone_ > 0) {
    changed_.Wait(mutex_);
  }
  ++num_shared_;
}

void CommitGate::LeaveShared() {
  MutexLock lock(mutex_);
  --num_shared_;
  if (num_shared_ == 0) {
    changed_.NotifyAll();
  }
}

void CommitGate::EnterAlone() {
  MutexLock lock(mutex_);
  ++num_waiting_alone_;
  while (alone_ || num_shared_ > 0) {
    changed_.Wait(mutex_);
  }
  --num_waiting_alone_;
  alone_ = true;
}

bool CommitGate::TryEnterAlone(std::chrono::milliseconds timeout) {
  MutexLock lock(mutex_);
  ++num_waiting_alone_;
  bool in_time = true;
  while (in_time && (alone_ || num_shared_ > 0)) {
    in_time = changed_.WaitFor(mutex_, timeout);
  }
  --num_waiting_alone_;
  if (alone_ || num_shared_ > 0) {
    changed_.NotifyAll();  // Those that stood back for us.
    return false;
  }
  alone_ = true;
  return true;
}

void CommitGate::LeaveAlone() {
  MutexLock lock(mutex_);
  alone_ = false;
  changed_.NotifyAll();
}

std::uint64_t CommitSequencer::Begin() {
  MutexLock lock(mutex_);
  running_.insert(++last_);
  return last_;
}

void CommitSequencer::End(std::uint64_t sequence) {
  MutexLock lock(mutex_);
  running_.erase(sequence);
}

std::uint64_t CommitSequencer::Completed() const {
  MutexLock lock(mutex_);
  return running_.empty() ? last_ : *running_.begin() - 1;
}

std::uint64_t CommitSequencer::Begun() const {
  MutexLock lock(mutex_);
  return last_;
}

}  // namespace dashi::storage
