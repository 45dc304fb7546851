#include "base/on_demand_thread.h"

#include <utility>

namespace dashi {

OnDemandThread::OnDemandThread(Step step, std::optional<ThreadPriority> priority)
    : step_(std::move(step)), priority_(priority) {}

OnDemandThread::~OnDemandThread() {
  std::thread thread;
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    stopped_.NotifyAll();
    std::swap(thread, thread_);
  }
  if (thread.joinable()) {
    thread.join();
  }
}

void OnDemandThread::Wake() {
  std::thread ended;
  {
    const MutexLock lock(mutex_);
    woken_ = true;
    if (running_ || stopping_) {
      return;
    }
    std::swap(ended, thread_);
    thread_ = std::thread([this] { Run(); });  // May throw; it waits for mutex_ first.
    running_ = true;
  }
  if (ended.joinable()) {
    ended.join();
  }
}

bool OnDemandThread::is_running() const {
  const MutexLock lock(mutex_);
  return running_;
}

void OnDemandThread::WaitForStep(std::chrono::milliseconds timeout) {
  const MutexLock lock(mutex_);
  if (running_) {
    changed_.WaitFor(mutex_, timeout);
  }
}

void OnDemandThread::WaitUntilIdle() {
  const MutexLock lock(mutex_);
  while (running_) {
    changed_.Wait(mutex_);
  }
}

void OnDemandThread::Run() {
  if (priority_) {
    LowerThreadPriority(*priority_);
  }
  for (;;) {
    {
      const MutexLock lock(mutex_);
      woken_ = false;
      if (stopping_) {
        break;
      }
    }
    const std::optional<std::chrono::milliseconds> pause = step_();
    const MutexLock lock(mutex_);
    changed_.NotifyAll();
    if (pause && pause->count() > 0 && !stopping_) {
      stopped_.WaitFor(mutex_, *pause);
    }
    if (!pause && !woken_) {
      running_ = false;
      return;
    }
  }
  const MutexLock lock(mutex_);
  running_ = false;
  changed_.NotifyAll();
}

}  // namespace dashi
