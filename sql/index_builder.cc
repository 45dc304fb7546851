#include "sql/index_builder.h"

#include <chrono>
#include <string>
#include <utility>

#include "base/logging.h"
#include "base/status.h"

namespace dashi::sql {

namespace {

/// How long to wait behind a failed step: the disk may have room again.
constexpr std::chrono::milliseconds kRetryPause{1000};
constexpr std::chrono::milliseconds kStepWait{20};

}  // namespace

IndexBuilder::~IndexBuilder() {
  std::thread thread;
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
    std::swap(thread, thread_);
  }
  if (thread.joinable()) {
    thread.join();
  }
}

void IndexBuilder::Wake() {
  std::thread ended;
  {
    const MutexLock lock(mutex_);
    woken_ = true;
    if (running_ || stopping_) {
      return;
    }
    running_ = true;
    std::swap(ended, thread_);
    thread_ = std::thread([this] { Run(); });
  }
  if (ended.joinable()) {
    ended.join();
  }
}

void IndexBuilder::WaitForStep() {
  const MutexLock lock(mutex_);
  if (running_) {
    changed_.WaitFor(mutex_, kStepWait);
  }
}

Status IndexBuilder::LastStatus() const {
  const MutexLock lock(mutex_);
  return last_;
}

void IndexBuilder::Run() {
  for (;;) {
    {
      const MutexLock lock(mutex_);
      if (stopping_) {
        running_ = false;
        return;
      }
      woken_ = false;
    }
    Result<bool> more = CatchAsStatus("building an index", [&] { return store_->StepIndexWork(); });
    const MutexLock lock(mutex_);
    if (!more.ok()) {
      if (last_.ok()) {
        LogError("building an index: {}", std::string(more.status().message()));
      }
      last_ = more.status();
      last_.IgnoreError("it is logged, and LastStatus tells whoever waits");
      changed_.NotifyAll();
      changed_.WaitFor(mutex_, kRetryPause);
      continue;
    }
    last_ = Status();
    changed_.NotifyAll();
    if (!*more && !woken_) {
      running_ = false;
      return;
    }
  }
}

}  // namespace dashi::sql
