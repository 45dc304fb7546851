#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <sys/socket.h>

#include "dashi/status.h"

namespace dashi {

/// Where a client comes from: a Unix socket of this machine, or an IP address. An IPv4 address that
/// comes as IPv6 (::ffff:10.0.0.1) is one of IPv4.
struct PeerAddress {
  enum class Family : std::uint8_t { kLocal, kV4, kV6 };

  Family family = Family::kLocal;
  std::array<std::uint8_t, 16> bytes = {};  ///< of kV4 the first four

  /// Of kV4 32, of kV6 128.
  int num_bits() const;
  bool is_loopback() const;
  /// `10.0.0.1`, `::1`, `local`
  std::string ToString() const;

  friend bool operator==(const PeerAddress&, const PeerAddress&) = default;
};

/// Reads what the system says of a socket's other end. What is no IP address is local.
PeerAddress PeerAddressOf(const sockaddr* address);

/// Reads `10.0.0.1` or `::1`.
///
/// Errors: kInvalidArgument.
Result<PeerAddress> ParseAddress(std::string_view text);

/// Whether the first `num_bits` of both are the same, and they are of one family.
bool SameNetwork(const PeerAddress& a, const PeerAddress& b, int num_bits);

}  // namespace dashi
