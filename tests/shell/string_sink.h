#pragma once

#include <string>
#include <string_view>

#include "sql/shell/byte_sink.h"

namespace dashi {

/// Keeps what is written.
class StringSink final : public ByteSink {
 public:
  Status Write(std::string_view bytes) override {
    text += bytes;
    return status;
  }
  Status Flush() override { return status; }

  std::string text;
  Status status;  ///< what every call returns
};

}  // namespace dashi
