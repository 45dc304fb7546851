#pragma once

#include <cstdint>
#include <string>
#include <sys/types.h>
#include <vector>

#include "dashi/status.h"
#include "server/configuration.h"
#include "server/peer_address.h"

namespace dashi {

/// A socket on which the process listens because the service manager that started it does.
struct InheritedSocket {
  int descriptor = -1;     ///< the server's from its start on
  std::string name;        ///< the manager's name for it
  int family = 0;          ///< AF_INET, AF_INET6 or AF_UNIX
  PeerAddress address;     ///< where it listens
  std::uint16_t port = 0;  ///< of TCP
  std::string path;        ///< of a Unix socket; @ stands for the zero byte of one without a file

  /// `127.0.0.1:5433`, `[::1]:5433`, `/run/dashi/shop`
  std::string ToString() const;
};

/// Reads what the system says of a socket, and closes it to programs that are started.
///
/// Errors: kInvalidArgument for what is no TCP or Unix stream socket that listens.
Result<InheritedSocket> ReadInheritedSocket(int descriptor, std::string name);

/// Returns the sockets from descriptor 3 on that the variables LISTEN_FDS and LISTEN_FDNAMES tell
/// of, if LISTEN_PID says that they are for the process `pid`, which is this one.
///
/// Errors: kInvalidArgument for variables that cannot be understood, and for a descriptor of
/// another
///         kind.
Result<std::vector<InheritedSocket>> FindInheritedSockets(const EnvironmentReader& environment,
                                                          pid_t pid);

}  // namespace dashi
