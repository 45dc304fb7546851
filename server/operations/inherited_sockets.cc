#include "server/operations/inherited_sockets.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <optional>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>
#include <utility>

#include <fmt/format.h>

#include "base/status.h"

namespace dashi {

namespace {

constexpr int kFirstDescriptor = 3;
constexpr int kSocketsMax = 64;
constexpr std::string_view kUnnamed = "unknown";

std::optional<int> WholeNumber(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size() && number >= 0;
  return whole ? std::optional(number) : std::nullopt;
}

// "a:b" -> a, b
std::vector<std::string> SplitNames(std::string_view text) {
  std::vector<std::string> names;
  names.reserve(kSocketsMax);
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(':', begin), text.size());
    names.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return names;
}

// Returns -1 where the system has no such option of the descriptor.
int OptionOf(int descriptor, int option) {
  int value = -1;
  socklen_t size = sizeof(value);
  return ::getsockopt(descriptor, SOL_SOCKET, option, &value, &size) == 0 ? value : -1;
}

// Returns what keeps a descriptor from being listened at, "" when nothing does.
std::string_view MistakeOf(int descriptor) {
  const int flags = ::fcntl(descriptor, F_GETFD);
  if (flags < 0) {
    return "is not open";
  }
  const int type = OptionOf(descriptor, SO_TYPE);
  const int family = OptionOf(descriptor, SO_DOMAIN);
  if (type < 0) {
    return "is no socket";
  }
  if (type != SOCK_STREAM || (family != AF_INET && family != AF_INET6 && family != AF_UNIX)) {
    return "is neither a TCP nor a Unix stream socket";
  }
  if (family != AF_UNIX && OptionOf(descriptor, SO_PROTOCOL) != IPPROTO_TCP) {
    return "is neither a TCP nor a Unix stream socket";
  }
  if (OptionOf(descriptor, SO_ACCEPTCONN) != 1) {
    return "does not listen";
  }
  return ::fcntl(descriptor, F_SETFD, flags | FD_CLOEXEC) == 0 ? "" : "cannot be set close-on-exec";
}

std::string PathOf(const sockaddr_un& address, socklen_t size) {
  const std::size_t begin = offsetof(sockaddr_un, sun_path);
  if (size <= begin) {
    return "";
  }
  std::string path(address.sun_path, size - begin);
  if (path.front() == '\0') {
    path.front() = '@';
    return path;
  }
  return path.substr(0, path.find('\0'));
}

}  // namespace

std::string InheritedSocket::ToString() const {
  if (family == AF_UNIX) {
    return path;
  }
  return family == AF_INET6 ? fmt::format("[{}]:{}", address.ToString(), port)
                            : fmt::format("{}:{}", address.ToString(), port);
}

Result<InheritedSocket> ReadInheritedSocket(int descriptor, std::string name) {
  const std::string_view mistake = MistakeOf(descriptor);
  if (!mistake.empty()) {
    return Status::InvalidArgument(fmt::format("the service manager's socket {} (descriptor {}) {}",
                                               name, descriptor, mistake))
        .WithHint("A unit of systemd has it by ListenStream= and Accept=no.");
  }
  InheritedSocket socket;
  socket.descriptor = descriptor;
  socket.name = std::move(name);
  sockaddr_storage storage = {};
  socklen_t size = sizeof(storage);
  if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&storage), &size) != 0) {
    return Status::IoError(fmt::format("cannot read the address of descriptor {}: {}", descriptor,
                                       std::strerror(errno)));
  }
  socket.family = storage.ss_family;
  socket.address = PeerAddressOf(reinterpret_cast<const sockaddr*>(&storage));
  if (socket.family == AF_UNIX) {
    socket.path = PathOf(reinterpret_cast<const sockaddr_un&>(storage), size);
  } else if (socket.family == AF_INET6) {
    socket.port = ntohs(reinterpret_cast<const sockaddr_in6&>(storage).sin6_port);
  } else {
    socket.port = ntohs(reinterpret_cast<const sockaddr_in&>(storage).sin_port);
  }
  return socket;
}

Result<std::vector<InheritedSocket>> FindInheritedSockets(const EnvironmentReader& environment,
                                                          pid_t pid) {
  std::vector<InheritedSocket> sockets;
  const std::optional<std::string> owner = environment("LISTEN_PID");
  const std::optional<std::string> count = environment("LISTEN_FDS");
  if (!owner || !count) {
    return sockets;
  }
  const std::optional<int> owner_id = WholeNumber(*owner);
  const std::optional<int> num_sockets = WholeNumber(*count);
  if (!owner_id) {
    return Status::InvalidArgument(fmt::format("LISTEN_PID is no process id: {}", *owner));
  }
  if (*owner_id != pid) {
    return sockets;  // They were for the process that started this one.
  }
  if (!num_sockets || *num_sockets > kSocketsMax) {
    return Status::InvalidArgument(
        fmt::format("LISTEN_FDS is not a number from 0 to {}: {}", kSocketsMax, *count));
  }
  std::vector<std::string> names(static_cast<std::size_t>(*num_sockets), std::string(kUnnamed));
  if (const std::optional<std::string> given = environment("LISTEN_FDNAMES")) {
    names = SplitNames(*given);
  }
  if (*num_sockets > 0 && names.size() != static_cast<std::size_t>(*num_sockets)) {
    return Status::InvalidArgument(
        fmt::format("LISTEN_FDNAMES has {} names for {} sockets", names.size(), *num_sockets));
  }
  sockets.reserve(static_cast<std::size_t>(*num_sockets));
  for (int i = 0; i < *num_sockets; ++i) {
    DASHI_ASSIGN_OR_RETURN(
        InheritedSocket socket,
        ReadInheritedSocket(kFirstDescriptor + i, names[static_cast<std::size_t>(i)]));
    sockets.push_back(std::move(socket));
  }
  return sockets;
}

}  // namespace dashi
