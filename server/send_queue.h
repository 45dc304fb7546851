#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <string_view>

#include "base/mutex.h"
#include "dashi/status.h"
#include "server/blocking_observer.h"
#include "server/message_sink.h"

namespace dashi {

/// The bytes on their way to one client. A worker that fills it waits for the client to read, so a
/// connection never holds more than the bound and one message. A short answer to a client that
/// reads goes out on the thread that made it, without a turn of the I/O threads.
///
/// Threads: all methods may be called at once.
class SendQueue final : public MessageSink {
 public:
  /// Writes what the client takes at once, and returns how much that was.
  using WriteNow = std::function<std::size_t(std::string_view)>;

  /// `wake` is called, from any thread, when there is something to write.
  /// `write_now` is called, from any thread and under a lock, never after Close and never between
  /// Take and Written; it may be empty.
  /// `observer` is told of waiting; it may be null.
  SendQueue(std::size_t num_bytes_max, std::function<void()> wake, WriteNow write_now = {},
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
  /// Returns whether bytes are left for others to write.
  bool Add(std::string bytes) DASHI_REQUIRES(mutex_);

  const std::size_t num_bytes_max_;
  const std::function<void()> wake_;
  const WriteNow write_now_;
  BlockingObserver* const observer_;
  mutable Mutex mutex_;
  CondVar has_room_;
  std::deque<std::string> chunks_ DASHI_GUARDED_BY(mutex_);
  std::size_t num_bytes_ DASHI_GUARDED_BY(mutex_) = 0;  // those taken and not yet written, too
  bool closed_ DASHI_GUARDED_BY(mutex_) = false;
};

}  // namespace dashi
