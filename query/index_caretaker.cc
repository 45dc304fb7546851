#include "query/index_caretaker.h"

#include <utility>

#include "base/logging.h"
#include "base/status.h"

namespace dashi::query {

IndexCaretaker::IndexCaretaker() : thread_([this] { return Step(); }, ThreadPriority::kLast) {}

void IndexCaretaker::Tend(std::weak_ptr<const ServingIndex> index) {
  Do([index = std::move(index)](const std::function<bool()>& should_stop) {
    if (const std::shared_ptr<const ServingIndex> tended = index.lock()) {
      tended->Tend(should_stop);
    }
    return Status::Ok();
  });
}

void IndexCaretaker::Do(std::function<Status(const std::function<bool()>& should_stop)> task) {
  {
    const MutexLock lock(mutex_);
    waiting_.push_back(std::move(task));
  }
  thread_.Wake();
}

std::optional<std::chrono::milliseconds> IndexCaretaker::Step() {
  std::function<Status(const std::function<bool()>& should_stop)> next;
  {
    const MutexLock lock(mutex_);
    if (waiting_.empty()) {
      return std::nullopt;
    }
    next = std::move(waiting_.front());
    waiting_.pop_front();
  }
  const Status done = CatchAsStatus("work on an index",
                                    [&] { return next([this] { return thread_.is_stopping(); }); });
  if (!done.ok()) {
    LogError("{}", done.message());
  }
  return std::chrono::milliseconds(0);
}

}  // namespace dashi::query
