#include "server/operations/service_notifier.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <sys/time.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/logging.h"

namespace dashi {

namespace {

constexpr timeval kSendTimeMax = {.tv_sec = 5, .tv_usec = 0};

std::optional<std::int64_t> PositiveNumber(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size() && number > 0;
  return whole ? std::optional(number) : std::nullopt;
}

std::optional<std::chrono::microseconds> WatchdogInterval(const EnvironmentReader& environment,
                                                          pid_t pid) {
  const std::optional<std::string> interval = environment("WATCHDOG_USEC");
  if (!interval) {
    return std::nullopt;
  }
  // Without WATCHDOG_PID it is meant for whoever reads it.
  const std::optional<std::string> watched = environment("WATCHDOG_PID");
  if (watched && PositiveNumber(*watched) != pid) {
    return std::nullopt;
  }
  const std::optional<std::int64_t> micros = PositiveNumber(*interval);
  if (!micros) {
    LogWarning("WATCHDOG_USEC is no number of microseconds: {}", *interval);
    return std::nullopt;
  }
  return std::chrono::microseconds(*micros);
}

// A line of a message, in which nothing begins another line.
std::string StatusLine(std::string_view status) {
  std::string line = fmt::format("STATUS={}", status);
  std::replace(line.begin(), line.end(), '\n', ' ');
  return line;
}

}  // namespace

std::unique_ptr<ServiceNotifier> ServiceNotifier::Open(const EnvironmentReader& environment,
                                                       pid_t pid) {
  std::unique_ptr<ServiceNotifier> notifier(new ServiceNotifier());
  const std::optional<std::string> name = environment("NOTIFY_SOCKET");
  if (name && notifier->FindSocket(*name)) {
    notifier->watchdog_interval_ = WatchdogInterval(environment, pid);
  }
  return notifier;
}

ServiceNotifier::~ServiceNotifier() {
  if (descriptor_ >= 0) {
    ::close(descriptor_);
  }
}

bool ServiceNotifier::FindSocket(const std::string& name) {
  const bool is_file = name.starts_with('/');
  if (name.size() < 2 || (!is_file && !name.starts_with('@')) ||
      name.size() >= sizeof(manager_.sun_path)) {
    LogWarning("the service manager is not told anything: NOTIFY_SOCKET is no Unix socket: {}",
               name);
    return false;
  }
  manager_.sun_family = AF_UNIX;
  std::memcpy(manager_.sun_path, name.data(), name.size());
  if (!is_file) {
    manager_.sun_path[0] = '\0';
  }
  // The name of a file ends with a zero byte; every byte of another counts.
  manager_size_ =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size() + (is_file ? 1 : 0));
  descriptor_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor_ < 0) {
    LogWarning("the service manager is not told anything: {}", std::strerror(errno));
    return false;
  }
  ::setsockopt(descriptor_, SOL_SOCKET, SO_SNDTIMEO, &kSendTimeMax, sizeof(kSendTimeMax));
  return true;
}

void ServiceNotifier::TellStatus(std::string_view status) { Send(StatusLine(status)); }

void ServiceNotifier::TellReady(std::string_view status) {
  Send(fmt::format("READY=1\n{}", StatusLine(status)));
}

void ServiceNotifier::TellReloading() {
  // The protocol wants CLOCK_MONOTONIC, which this clock is on Linux.
  Send(fmt::format("RELOADING=1\nMONOTONIC_USEC={}\nSTATUS=Reading the settings again",
                   Clock::System().MonotonicMicros()));
}

void ServiceNotifier::TellStopping() { Send("STOPPING=1\nSTATUS=Stopping"); }

void ServiceNotifier::TellAlive() {
  if (watchdog_interval_) {
    Send("WATCHDOG=1");
  }
}

void ServiceNotifier::Send(const std::string& message) {
  if (descriptor_ < 0) {
    return;
  }
  ssize_t sent = -1;
  do {
    sent = ::sendto(descriptor_, message.data(), message.size(), MSG_NOSIGNAL,
                    reinterpret_cast<const sockaddr*>(&manager_), manager_size_);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0 && !warned_.exchange(true)) {
    LogWarning("the service manager cannot be told {}: {}", message.substr(0, message.find('\n')),
               std::strerror(errno));
  }
}

}  // namespace dashi
