#pragma once

#include <string>
#include <string_view>

#include "dashi/status.h"

namespace dashi {

/// Where output goes.
///
/// Errors:  kIoError with the system's reason; kUnavailable (08006) when the reader has gone away.
/// Threads: one thread at a time.
class ByteSink {
 public:
  virtual ~ByteSink() = default;
  virtual Status Write(std::string_view bytes) = 0;
  virtual Status Flush() = 0;
};

/// Writes to an open file descriptor, which it does not close, through a buffer of 64 KB.
class FileSink final : public ByteSink {
 public:
  FileSink(int file_descriptor, std::string name);
  Status Write(std::string_view bytes) override;
  Status Flush() override;

 private:
  Status WriteAll(std::string_view bytes);

  int file_descriptor_;
  std::string name_;
  std::string buffer_;
};

}  // namespace dashi
