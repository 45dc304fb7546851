#include "server/send_queue.h"

#include <algorithm>
#include <utility>

namespace dashi {

namespace {
constexpr std::size_t kWriteBytesMax = std::size_t{256} << 10;  // joined into one write
// Longer ones are written by the I/O threads, while the next rows are made.
constexpr std::size_t kWriteNowBytesMax = std::size_t{16} << 10;
}  // namespace

SendQueue::SendQueue(std::size_t num_bytes_max, std::function<void()> wake, WriteNow write_now,
                     BlockingObserver* observer)
    : num_bytes_max_(num_bytes_max),
      wake_(std::move(wake)),
      write_now_(std::move(write_now)),
      observer_(observer) {}

bool SendQueue::Add(std::string bytes) {
  if (num_bytes_ == 0 && write_now_ && bytes.size() <= kWriteNowBytesMax) {
    const std::size_t num_written = write_now_(bytes);
    if (num_written == bytes.size()) {
      return false;
    }
    bytes.erase(0, num_written);
  }
  num_bytes_ += bytes.size();
  chunks_.push_back(std::move(bytes));
  return true;
}

Status SendQueue::Send(std::string bytes) {
  {
    const MutexLock lock(mutex_);
    if (!closed_ && num_bytes_ >= num_bytes_max_) {
      const BlockingScope blocking(observer_);
      while (!closed_ && num_bytes_ >= num_bytes_max_) {
        has_room_.Wait(mutex_);
      }
    }
    if (closed_) {
      return Status::Unavailable("the client has gone").WithSqlState("08006");
    }
    if (!Add(std::move(bytes))) {
      return Status();
    }
  }
  wake_();
  return Status();
}

void SendQueue::Push(std::string bytes) {
  {
    const MutexLock lock(mutex_);
    if (closed_ || bytes.empty() || !Add(std::move(bytes))) {
      return;
    }
  }
  wake_();
}

std::string SendQueue::Take() {
  const MutexLock lock(mutex_);
  std::string bytes;
  while (!chunks_.empty() &&
         (bytes.empty() || bytes.size() + chunks_.front().size() <= kWriteBytesMax)) {
    if (bytes.empty()) {
      bytes = std::move(chunks_.front());
    } else {
      bytes += chunks_.front();
    }
    chunks_.pop_front();
  }
  return bytes;
}

void SendQueue::Written(std::size_t num_bytes) {
  const MutexLock lock(mutex_);
  num_bytes_ -= std::min(num_bytes, num_bytes_);
  has_room_.NotifyAll();
}

bool SendQueue::full() const {
  const MutexLock lock(mutex_);
  return num_bytes_ >= num_bytes_max_;
}

void SendQueue::Close() {
  const MutexLock lock(mutex_);
  closed_ = true;
  chunks_.clear();
  num_bytes_ = 0;
  has_room_.NotifyAll();
}

}  // namespace dashi
