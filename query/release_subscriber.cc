#include "query/release_subscriber.h"

#include <utility>

#include "base/logging.h"
#include "base/status.h"

namespace dashi {

namespace internal {

ReleaseSubscriber::ReleaseSubscriber(ReleaseCallback callback, std::uint64_t last_event)
    : last_event_(last_event), callback_(std::move(callback)) {}

bool ReleaseSubscriber::BeginCall() {
  const MutexLock lock(mutex_);
  if (cancelled_) {
    return false;
  }
  is_called_ = true;
  caller_ = std::this_thread::get_id();
  return true;
}

void ReleaseSubscriber::EndCall() {
  if (is_cancelled()) {
    // It was cancelled by itself, or by somebody who waits for what follows.
    callback_ = nullptr;
  }
  const MutexLock lock(mutex_);
  is_called_ = false;
  returned_.NotifyAll();
}

void ReleaseSubscriber::Call(const ReleaseEvent& event) {
  if (!BeginCall()) {
    return;
  }
  const Status called =
      CatchAsStatus("the application's release callback", [&] { callback_(event); });
  if (!called.ok()) {
    LogError("{}", called.message());
  }
  EndCall();
}

void ReleaseSubscriber::Cancel() {
  ReleaseCallback ended;  // What it holds goes after the lock.
  const MutexLock lock(mutex_);
  cancelled_ = true;
  if (is_called_ && caller_ == std::this_thread::get_id()) {
    return;
  }
  while (is_called_) {
    returned_.Wait(mutex_);
  }
  ended.swap(callback_);
}

bool ReleaseSubscriber::is_cancelled() const {
  const MutexLock lock(mutex_);
  return cancelled_;
}

}  // namespace internal

Subscription::Subscription() noexcept = default;
Subscription::Subscription(std::shared_ptr<internal::ReleaseSubscriber> subscriber) noexcept
    : subscriber_(std::move(subscriber)) {}
Subscription::~Subscription() { Cancel(); }
Subscription::Subscription(Subscription&&) noexcept = default;

Subscription& Subscription::operator=(Subscription&& other) noexcept {
  if (this != &other) {
    Cancel();
    subscriber_ = std::move(other.subscriber_);
  }
  return *this;
}

void Subscription::Cancel() {
  if (subscriber_ != nullptr) {
    subscriber_->Cancel();
  }
}

bool Subscription::active() const { return subscriber_ != nullptr && !subscriber_->is_cancelled(); }

}  // namespace dashi
