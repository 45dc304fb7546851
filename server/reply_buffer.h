#pragma once

#include <string>

#include "dashi/status.h"
#include "server/message_sink.h"

namespace dashi {

/// Replies on their way to a client, sent in chunks.
///
/// Threads: one thread at a time.
class ReplyBuffer {
 public:
  /// `sink` must outlive it.
  explicit ReplyBuffer(MessageSink& sink) : sink_(sink) {}

  /// What messages are appended to.
  std::string* bytes() { return &bytes_; }
  /// Sends what there is when it is enough for a chunk.
  ///
  /// Errors: kUnavailable when the client is gone.
  Status FlushIfLarge();
  /// Sends what there is.
  ///
  /// Errors: as FlushIfLarge.
  Status Flush();
  /// Whether something could not be sent.
  bool client_gone() const { return client_gone_; }

 private:
  MessageSink& sink_;
  std::string bytes_;
  bool client_gone_ = false;
};

}  // namespace dashi
