#pragma once

#include <string>

#include "dashi/status.h"

namespace dashi {

/// Takes encoded messages on their way to a client.
class MessageSink {
 public:
  virtual ~MessageSink() = default;
  /// Waits until there is room.
  ///
  /// Errors: kUnavailable when the client has gone, or does not read.
  virtual Status Send(std::string bytes) = 0;
};

}  // namespace dashi
