#include "sql/shell/byte_sink.h"

#include <cerrno>
#include <cstring>
#include <unistd.h>
#include <utility>

#include "base/status.h"

namespace dashi {

namespace {
constexpr std::size_t kBufferBytesMax = std::size_t{64} << 10;
}

FileSink::FileSink(int file_descriptor, std::string name)
    : file_descriptor_(file_descriptor), name_(std::move(name)) {}

Status FileSink::Write(std::string_view bytes) {
  buffer_ += bytes;
  return buffer_.size() < kBufferBytesMax ? Status() : Flush();
}

Status FileSink::Flush() {
  // Emptied first: after a failure the same bytes are not tried again.
  const std::string bytes = std::exchange(buffer_, std::string());
  return WriteAll(bytes);
}

Status FileSink::WriteAll(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file_descriptor_, bytes.data(), bytes.size());
    if (written >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EPIPE) {
      return Status::Unavailable("the reader has gone away: " + name_).WithSqlState("08006");
    } else if (errno != EINTR) {
      return Status::IoError("cannot write to " + name_ + ": " + std::strerror(errno));
    }
  }
  return Status();
}

}  // namespace dashi
