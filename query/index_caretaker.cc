#include "query/index_caretaker.h"

#include <utility>

#include "base/logging.h"
#include "base/status.h"
#include "base/thread_priority.h"

namespace dashi::query {

IndexCaretaker::~IndexCaretaker() {
  stopping_ = true;
  std::thread thread;
  {
    const MutexLock lock(mutex_);
    std::swap(thread, thread_);
  }
  if (thread.joinable()) {
    thread.join();
  }
}

void IndexCaretaker::Tend(std::weak_ptr<const ServingIndex> index) {
  Do([index = std::move(index)](const std::function<bool()>& should_stop) {
    if (const std::shared_ptr<const ServingIndex> tended = index.lock()) {
      tended->Tend(should_stop);
    }
    return Status::Ok();
  });
}

void IndexCaretaker::Do(std::function<Status(const std::function<bool()>& should_stop)> task) {
  std::thread ended;
  {
    const MutexLock lock(mutex_);
    waiting_.push_back(std::move(task));
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

void IndexCaretaker::WaitUntilIdle() {
  const MutexLock lock(mutex_);
  while (running_) {
    changed_.Wait(mutex_);
  }
}

void IndexCaretaker::Run() {
  LowerThreadPriority(ThreadPriority::kLast);
  for (;;) {
    std::function<Status(const std::function<bool()>& should_stop)> next;
    {
      const MutexLock lock(mutex_);
      if (waiting_.empty() || stopping_) {
        running_ = false;
        changed_.NotifyAll();
        return;
      }
      next = std::move(waiting_.front());
      waiting_.pop_front();
    }
    const Status done = CatchAsStatus("work on an index",
                                      [&] { return next([this] { return stopping_.load(); }); });
    if (!done.ok()) {
      LogError("{}", done.message());
    }
  }
}

}  // namespace dashi::query
