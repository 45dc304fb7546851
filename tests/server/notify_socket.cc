#include "tests/server/notify_socket.h"

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

#include <gtest/gtest.h>

namespace dashi {

NotifySocket::NotifySocket(std::string name) : name_(std::move(name)) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  EXPECT_LT(name_.size(), sizeof(address.sun_path));
  std::memcpy(address.sun_path, name_.data(), name_.size());
  std::size_t size = offsetof(sockaddr_un, sun_path) + name_.size();
  if (name_.starts_with('@')) {
    address.sun_path[0] = '\0';
  } else {
    ++size;
  }
  socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  EXPECT_EQ(
      ::bind(socket_, reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(size)), 0)
      << name_ << ": " << std::strerror(errno);
}

NotifySocket::~NotifySocket() { ::close(socket_); }

std::string NotifySocket::Read(int timeout_ms) {
  pollfd fd = {socket_, POLLIN, 0};
  if (::poll(&fd, 1, timeout_ms) <= 0) {
    return "";
  }
  char bytes[4096];
  const ssize_t num_bytes = ::recv(socket_, bytes, sizeof(bytes), 0);
  return num_bytes <= 0 ? "" : std::string(bytes, static_cast<std::size_t>(num_bytes));
}

std::string NotifySocket::WaitFor(std::string_view text) {
  std::string message;
  do {
    message = Read();
  } while (!message.empty() && !message.starts_with(text));
  return message;
}

}  // namespace dashi
