#include "server/copy_inbox.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/clock.h"
#include "base/status.h"

namespace dashi {

namespace {

// Keeps an error for whoever asks for it.
void Keep(std::optional<Status>* kept, Status status) {
  if (!*kept) {
    *kept = std::move(status);
    (*kept)->IgnoreError("the statement tells it, if it still reads");
  }
}

}  // namespace

CopyInbox::CopyInbox(std::size_t num_bytes_max, std::chrono::milliseconds stalled_max, Hooks hooks,
                     BlockingObserver* observer)
    : num_bytes_max_(num_bytes_max),
      stalled_max_micros_(std::chrono::microseconds(stalled_max).count()),
      hooks_(std::move(hooks)),
      observer_(observer) {}

void CopyInbox::Begin(std::optional<std::chrono::milliseconds> time_limit) {
  {
    const MutexLock lock(mutex_);
    open_ = true;
    finished_ = false;
    told_to_wait_ = false;
    failure_.reset();
    num_read_ = 0;
    deadline_micros_ = time_limit ? Clock::System().MonotonicMicros() +
                                        std::chrono::microseconds(*time_limit).count()
                                  : 0;
  }
  if (observer_ != nullptr) {
    observer_->BeginBlocking();
  }
  hooks_.begin();
}

Status CopyInbox::WaitForFirst() {
  const MutexLock lock(mutex_);
  DASHI_RETURN_IF_ERROR(WaitFor(num_bytes_max_));
  return interruption_ ? *interruption_ : failure_.value_or(Status());
}

Status CopyInbox::WaitFor(std::size_t num_bytes) {
  const std::int64_t began = Clock::System().MonotonicMicros();
  const std::int64_t stalled =
      num_read_ == 0 ? std::numeric_limits<std::int64_t>::max() : began + stalled_max_micros_;
  while (num_bytes_ < num_bytes && !finished_ && !failure_ && !interruption_ && open_) {
    const std::int64_t now = Clock::System().MonotonicMicros();
    if (deadline_micros_ != 0 && now >= deadline_micros_) {
      return Status::DeadlineExceeded("the input of COPY took too long").WithSqlState("57014");
    }
    if (now >= stalled) {
      return Status::DeadlineExceeded("the client has sent nothing of its COPY for too long")
          .WithSqlState("57014");
    }
    const std::int64_t until =
        std::min(stalled, deadline_micros_ == 0 ? stalled : deadline_micros_);
    if (until == std::numeric_limits<std::int64_t>::max()) {
      changed_.Wait(mutex_);
    } else {
      // At least one, so that what is left of a millisecond is no busy wait.
      changed_.WaitFor(mutex_, std::chrono::milliseconds((until - now) / 1000 + 1));
    }
  }
  return Status();
}

Result<std::size_t> CopyInbox::Read(std::span<char> bytes) {
  std::size_t size = 0;
  bool has_room = false;
  {
    const MutexLock lock(mutex_);
    DASHI_RETURN_IF_ERROR(WaitFor(1));
    if (interruption_) {
      return *interruption_;
    }
    if (chunks_.empty()) {
      return failure_ ? Result<std::size_t>(*failure_) : Result<std::size_t>(std::size_t{0});
    }
    has_room = Take(bytes, &size);
  }
  if (has_room) {
    hooks_.has_room();
  }
  return size;
}

// Returns whether there is room again for what was held back.
bool CopyInbox::Take(std::span<char> bytes, std::size_t* size) {
  const std::string& chunk = chunks_.front();
  *size = std::min(bytes.size(), chunk.size() - num_taken_);
  std::copy_n(chunk.data() + num_taken_, *size, bytes.data());
  num_taken_ += *size;
  num_bytes_ -= *size;
  num_read_ += *size;
  if (num_taken_ == chunk.size()) {
    chunks_.pop_front();
    num_taken_ = 0;
  }
  return num_bytes_ <= num_bytes_max_ / 2 && std::exchange(told_to_wait_, false);
}

void CopyInbox::End() {
  {
    const MutexLock lock(mutex_);
    if (!open_) {
      return;
    }
    open_ = false;
    chunks_.clear();
    num_taken_ = 0;
    num_bytes_ = 0;
    changed_.NotifyAll();
  }
  if (observer_ != nullptr) {
    observer_->EndBlocking();
  }
  hooks_.end();
}

void CopyInbox::Push(std::string bytes) {
  const MutexLock lock(mutex_);
  if (open_ && !bytes.empty()) {
    num_bytes_ += bytes.size();
    chunks_.push_back(std::move(bytes));
    told_to_wait_ = num_bytes_ >= num_bytes_max_;
    changed_.NotifyAll();
  }
}

bool CopyInbox::full() const {
  const MutexLock lock(mutex_);
  return told_to_wait_;
}

void CopyInbox::Finish() {
  const MutexLock lock(mutex_);
  finished_ = true;
  changed_.NotifyAll();
}

void CopyInbox::Fail(Status status) {
  const MutexLock lock(mutex_);
  Keep(&failure_, std::move(status));
  changed_.NotifyAll();
}

void CopyInbox::Break(Status status) {
  const MutexLock lock(mutex_);
  broken_ = true;
  Keep(&failure_, std::move(status));
  changed_.NotifyAll();
}

bool CopyInbox::broken() const {
  const MutexLock lock(mutex_);
  return broken_;
}

void CopyInbox::Interrupt(Status status) {
  const MutexLock lock(mutex_);
  Keep(&interruption_, std::move(status));
  changed_.NotifyAll();
}

void CopyInbox::ForgetInterrupt() {
  const MutexLock lock(mutex_);
  interruption_.reset();
}

}  // namespace dashi
