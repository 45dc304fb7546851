#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#include "server/configuration.h"

namespace dashi {

/// Tells the service manager that started the process how it is, by datagrams to the socket that
/// the variable NOTIFY_SOCKET names (sd_notify(3)); nothing where there is none. What cannot be
/// sent is told in the log: a server whose manager does not hear serves all the same.
///
/// Threads: all methods may be called at once. A manager that does not read holds one back for 5 s.
class ServiceNotifier {
 public:
  /// Reads NOTIFY_SOCKET (a path, or one that begins with @ and is no file), WATCHDOG_USEC and
  /// WATCHDOG_PID for the process `pid`, which is this one.
  static std::unique_ptr<ServiceNotifier> Open(const EnvironmentReader& environment, pid_t pid);
  ~ServiceNotifier();
  ServiceNotifier(const ServiceNotifier&) = delete;
  ServiceNotifier& operator=(const ServiceNotifier&) = delete;

  /// Shows a text, and changes nothing else.
  void TellStatus(std::string_view status);
  /// Clients are answered, or are again after TellReloading.
  void TellReady(std::string_view status);
  void TellReloading();
  void TellStopping();
  /// Holds the watchdog off for another watchdog_interval().
  void TellAlive();
  /// The longest that may pass between two of TellAlive; nullopt: nobody watches.
  std::optional<std::chrono::microseconds> watchdog_interval() const { return watchdog_interval_; }

 private:
  ServiceNotifier() = default;
  bool FindSocket(const std::string& name);
  void Send(const std::string& message);

  int descriptor_ = -1;  // -1: there is no manager
  sockaddr_un manager_ = {};
  socklen_t manager_size_ = 0;
  std::optional<std::chrono::microseconds> watchdog_interval_;
  std::atomic<bool> warned_ = false;
};

}  // namespace dashi
