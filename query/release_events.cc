#include "query/release_events.h"

#include <utility>

#include "base/logging.h"
#include "base/status.h"

namespace dashi::query {

namespace {

constexpr std::chrono::milliseconds kLookPause{250};

}  // namespace

ReleaseEvents::ReleaseEvents(storage::Store* store, bool follows)
    : store_(store), follows_(follows), thread_([this] { return Step(); }) {}

ReleaseEvents::~ReleaseEvents() = default;

Result<std::shared_ptr<internal::ReleaseSubscriber>> ReleaseEvents::Subscribe(
    ReleaseCallback callback) {
  const MutexLock order(order_mutex_);
  if (follows_) {
    // What came before is for those who are here already.
    DASHI_ASSIGN_OR_RETURN(const auto view, store_->NewSnapshot());
    DASHI_ASSIGN_OR_RETURN(ReleasePicture now, TakeReleasePicture(*view));
    Enqueue(EventsBetween(picture_, now));
    picture_ = std::move(now);
  }
  if (follows_) {
    thread_.Wake();  // May fail; it waits for order_mutex_.
  }
  const MutexLock lock(mutex_);
  RemoveCancelled();
  subscribers_.push_back(
      std::make_shared<internal::ReleaseSubscriber>(std::move(callback), num_events_));
  return subscribers_.back();
}

Status ReleaseEvents::Commit(const std::function<Status(std::vector<ReleaseEvent>* done)>& commit) {
  const MutexLock order(order_mutex_);
  std::vector<ReleaseEvent> done;
  DASHI_RETURN_IF_ERROR(commit(&done));
  Enqueue(std::move(done));
  return Status();
}

void ReleaseEvents::Enqueue(std::vector<ReleaseEvent> events) {
  // The commit stands, whatever becomes of this.
  const Status told = CatchAsStatus("telling of releases", [&] { Append(std::move(events)); });
  if (!told.ok()) {
    LogError("{}", told.message());
  }
}

void ReleaseEvents::Append(std::vector<ReleaseEvent> events) {
  {
    const MutexLock lock(mutex_);
    RemoveCancelled();
    if (subscribers_.empty() || events.empty()) {
      return;
    }
    for (ReleaseEvent& event : events) {
      if (waiting_.size() == kReleaseEventsMax) {
        const std::uint64_t missed = waiting_.front().event.missed + 1;
        waiting_.pop_front();
        waiting_.front().event.missed += missed;
      }
      waiting_.push_back({++num_events_, std::move(event)});
    }
  }
  thread_.Wake();
}

void ReleaseEvents::RemoveCancelled() {
  std::erase_if(subscribers_, [](const auto& each) { return each->is_cancelled(); });
}

void ReleaseEvents::Look() {
  const MutexLock order(order_mutex_);
  Result<ReleasePicture> now =
      CatchAsStatus("looking for releases", [&]() -> Result<ReleasePicture> {
        DASHI_ASSIGN_OR_RETURN(const auto view, store_->NewSnapshot());
        return TakeReleasePicture(*view);
      });
  if (!now.ok()) {
    const Status status = std::move(now).status();
    if (status.message() != last_error_) {
      last_error_ = status.message();
      LogWarning("looking for releases: {}", last_error_);
    }
    return;
  }
  last_error_.clear();
  Enqueue(EventsBetween(picture_, *now));
  picture_ = std::move(*now);
}

bool ReleaseEvents::TellNext() {
  Waiting next;
  std::vector<std::shared_ptr<internal::ReleaseSubscriber>> subscribers;
  {
    const MutexLock lock(mutex_);
    if (waiting_.empty()) {
      return false;
    }
    next = std::move(waiting_.front());
    waiting_.pop_front();
    subscribers = subscribers_;
  }
  caller_ = std::this_thread::get_id();
  for (const auto& subscriber : subscribers) {
    if (subscriber->last_event() < next.number && !thread_.is_stopping()) {
      subscriber->Call(next.event);
    }
  }
  caller_ = std::thread::id();
  return true;
}

std::optional<std::chrono::milliseconds> ReleaseEvents::Step() {
  if (follows_) {
    Look();
  }
  while (!thread_.is_stopping() && TellNext()) {
  }
  const MutexLock lock(mutex_);
  RemoveCancelled();
  return follows_ && !subscribers_.empty() ? std::optional(kLookPause) : std::nullopt;
}

Status CommitAndTell(storage::Transaction& transaction, ReleaseEvents* events,
                     std::vector<ReleaseEvent> done) {
  if (events == nullptr) {
    return transaction.Commit();
  }
  return events->Commit([&](std::vector<ReleaseEvent>* committed) {
    *committed = std::move(done);
    return transaction.Commit();
  });
}

}  // namespace dashi::query
