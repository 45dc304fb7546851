#pragma once

#include <string>
#include <string_view>

namespace dashi {

/// A service manager's end of NOTIFY_SOCKET, for tests.
class NotifySocket {
 public:
  /// `name` is a path, or begins with @.
  explicit NotifySocket(std::string name);
  ~NotifySocket();
  NotifySocket(const NotifySocket&) = delete;
  NotifySocket& operator=(const NotifySocket&) = delete;

  const std::string& name() const { return name_; }
  /// Reads a message; "" when none comes within `timeout_ms`.
  std::string Read(int timeout_ms = 60'000);
  /// Reads until a message begins with `text`, and returns it; "" when none comes in a minute.
  std::string WaitFor(std::string_view text);

 private:
  const std::string name_;
  int socket_ = -1;
};

}  // namespace dashi
