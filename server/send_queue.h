#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <string>

#include "base/mutex.h"
#include "dashi/status.h"
#include "server/blocking_observer.h"
#include "server/message_sink.h"

namespace dashi {

/// The bytes on their way to one client. A worker that fills it waits for the client to read, so a
/// connection never holds more than the bound and one message.
///
/// Threads: all methods may be called at once.
class SendQueue final : public MessageSink {
 public:
  /// `wake` is called, from any thread, when there is something to write.
  /// `observer` is told of waiting; it may be null.
  SendQueue(std::size_t num_bytes_max, std::function<void()> wake,
            BlockingObserver* observer = nullptr);

  Status Send(std::string bytes) override DASHI_EXCLUDES(mutex_);
  /// Takes bytes without waiting: for short replies.
  void Push(std::string bytes) DASHI_EXCLUDES(mutex_);
  /// Returns the next bytes to write; "" when there are none. They count until Written.
  std::string Take() DASHI_EXCLUDES(mutex_);
  void Written(std::size_t num_bytes) DASHI_EXCLUDES(mutex_);
  bool full() const DASHI_EXCLUDES(mutex_);
  /// Drops everything; each Send from now on fails.
  void Close() DASHI_EXCLUDES(mutex_);

 private:
  const std::size_t num_bytes_max_;
  const std::function<void()> wake_;
  BlockingObserver* const observer_;
  mutable Mutex mutex_;
  CondVar has_room_;
  std::deque<std::string> chunks_ DASHI_GUARDED_BY(mutex_);
  std::size_t num_bytes_ DASHI_GUARDED_BY(mutex_) = 0;
  bool closed_ DASHI_GUARDED_BY(mutex_) = false;
};

}  // namespace dashi
