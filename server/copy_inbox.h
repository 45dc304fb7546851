#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "base/mutex.h"
#include "dashi/status.h"
#include "server/blocking_observer.h"

namespace dashi {

/// The bytes that a client sends for a COPY ... FROM STDIN, on their way from its connection to the
/// statement, which waits for them. A client that sends faster than they are loaded waits, too.
///
/// Threads: all methods may be called at once.
class CopyInbox {
 public:
  /// What the connection does, called from any thread.
  struct Hooks {
    std::function<void()> begin;     ///< it takes what comes for the statement's input from now on
    std::function<void()> has_room;  ///< it may go on: Push was told to wait
    std::function<void()> end;       ///< it passes over what comes
  };

  /// It holds so many bytes, and what came with the last of them. A client that has sent as many
  /// keeps others from loading: it may not pause for longer than `stalled_max`. `observer`, which
  /// may be null, is told of the whole COPY as a time of waiting: for the client, or for others'
  /// COPYs.
  CopyInbox(std::size_t num_bytes_max, std::chrono::milliseconds stalled_max, Hooks hooks,
            BlockingObserver* observer = nullptr);

  // The statement's side.

  /// `time_limit` is that of the whole COPY.
  void Begin(std::optional<std::chrono::milliseconds> time_limit) DASHI_EXCLUDES(mutex_);
  /// Waits until it is full, or until all bytes have come: a client that sends a few rows and then
  /// waits does not keep others from loading.
  ///
  /// Errors: as Read.
  Status WaitForFirst() DASHI_EXCLUDES(mutex_);
  /// Puts bytes there and returns how many; 0 at the end.
  ///
  /// Errors: what Fail and Interrupt say; kDeadlineExceeded (57014) when the time is over.
  Result<std::size_t> Read(std::span<char> bytes) DASHI_EXCLUDES(mutex_);
  void End() DASHI_EXCLUDES(mutex_);

  // The connection's side.

  void Push(std::string bytes) DASHI_EXCLUDES(mutex_);
  /// Whether Push should wait for has_room.
  bool full() const DASHI_EXCLUDES(mutex_);
  /// All bytes have come.
  void Finish() DASHI_EXCLUDES(mutex_);
  /// Ends the input that is being read with an error.
  void Fail(Status status) DASHI_EXCLUDES(mutex_);
  /// Ends it with an error after which the client's messages make no sense any more.
  void Break(Status status) DASHI_EXCLUDES(mutex_);
  /// Whether Break was called.
  bool broken() const DASHI_EXCLUDES(mutex_);
  /// Ends any input with an error, until ForgetInterrupt.
  void Interrupt(Status status) DASHI_EXCLUDES(mutex_);
  void ForgetInterrupt() DASHI_EXCLUDES(mutex_);

 private:
  /// Waits until there are so many bytes, or until no more will come.
  Status WaitFor(std::size_t num_bytes) DASHI_REQUIRES(mutex_);
  bool Take(std::span<char> bytes, std::size_t* size) DASHI_REQUIRES(mutex_);

  const std::size_t num_bytes_max_;
  const std::int64_t stalled_max_micros_;
  const Hooks hooks_;
  BlockingObserver* const observer_;
  mutable Mutex mutex_;
  CondVar changed_;
  bool open_ DASHI_GUARDED_BY(mutex_) = false;
  bool finished_ DASHI_GUARDED_BY(mutex_) = false;
  bool broken_ DASHI_GUARDED_BY(mutex_) = false;
  bool told_to_wait_ DASHI_GUARDED_BY(mutex_) = false;
  std::optional<Status> failure_ DASHI_GUARDED_BY(mutex_);
  std::optional<Status> interruption_ DASHI_GUARDED_BY(mutex_);
  std::deque<std::string> chunks_ DASHI_GUARDED_BY(mutex_);
  std::size_t num_taken_ DASHI_GUARDED_BY(mutex_) = 0;  // of the first chunk
  std::size_t num_bytes_ DASHI_GUARDED_BY(mutex_) = 0;
  std::size_t num_read_ DASHI_GUARDED_BY(mutex_) = 0;
  std::int64_t deadline_micros_ DASHI_GUARDED_BY(mutex_) = 0;  // monotonic; 0: none
};

}  // namespace dashi
