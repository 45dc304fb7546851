#pragma once

#include <memory>

namespace dashi {

namespace internal {
class ReleaseSubscriber;
}

/// Keeps a callback subscribed: it ends with this object, or with Cancel. It may outlive the
/// database, whose end ends it too.
///
/// Threads: Cancel from any thread, and from several at once; the rest by one thread at a time.
class Subscription {
 public:
  /// One that is over.
  Subscription() noexcept;
  explicit Subscription(std::shared_ptr<internal::ReleaseSubscriber> subscriber) noexcept;
  ~Subscription();
  Subscription(Subscription&&) noexcept;
  Subscription& operator=(Subscription&& other) noexcept;
  Subscription(const Subscription&) = delete;
  Subscription& operator=(const Subscription&) = delete;

  /// Ends it. When this returns, no call of the callback runs or begins any more, and the callback
  /// with all that it holds is gone; so it waits for a call that runs. Whoever holds a lock that
  /// the callback takes must give it back first. Called by the callback itself, it returns at once,
  /// and the call that runs is the last.
  void Cancel();
  /// Whether it was neither cancelled nor moved away.
  bool active() const;

 private:
  // Sharers: the database.
  std::shared_ptr<internal::ReleaseSubscriber> subscriber_;
};

}  // namespace dashi
