#include "query/index_caretaker.h"

#include <sys/resource.h>
#include <unistd.h>
#include <utility>

#include "base/logging.h"
#include "base/status.h"

namespace dashi::query {
namespace {

/// Lets every other thread go first. A hint.
void GiveWay() {
  constexpr int kLowestPriority = 19;
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kLowestPriority);
}

}  // namespace

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
  std::thread ended;
  {
    const MutexLock lock(mutex_);
    waiting_.push_back(std::move(index));
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
  GiveWay();
  for (;;) {
    std::weak_ptr<const ServingIndex> next;
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
    if (const std::shared_ptr<const ServingIndex> index = next.lock()) {
      const Status tended = CatchAsStatus("tending an index", [&] {
        index->Tend([this] { return stopping_.load(); });
        return Status::Ok();
      });
      if (!tended.ok()) {
        LogError("{}", tended.message());
      }
    }
  }
}

}  // namespace dashi::query
