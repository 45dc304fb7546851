#include "server/reply_buffer.h"

#include <cstddef>
#include <utility>

namespace dashi {

namespace {
constexpr std::size_t kChunkBytes = std::size_t{64} << 10;
}

Status ReplyBuffer::FlushIfLarge() { return bytes_.size() < kChunkBytes ? Status() : Flush(); }

Status ReplyBuffer::Flush() {
  if (bytes_.empty()) {
    return Status();
  }
  Status status = sink_.Send(std::exchange(bytes_, std::string()));
  client_gone_ = client_gone_ || !status.ok();
  return status;
}

}  // namespace dashi
