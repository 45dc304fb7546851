#include "server/peer_address.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cstring>
#include <netinet/in.h>

#include <fmt/format.h>

#include "base/status.h"

namespace dashi {

namespace {

constexpr std::uint8_t kMappedPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

PeerAddress V4(const void* bytes) {
  PeerAddress address;
  address.family = PeerAddress::Family::kV4;
  std::memcpy(address.bytes.data(), bytes, 4);
  return address;
}

PeerAddress V6(const std::uint8_t* bytes) {
  if (std::memcmp(bytes, kMappedPrefix, sizeof(kMappedPrefix)) == 0) {
    return V4(bytes + sizeof(kMappedPrefix));
  }
  PeerAddress address;
  address.family = PeerAddress::Family::kV6;
  std::memcpy(address.bytes.data(), bytes, address.bytes.size());
  return address;
}

}  // namespace

int PeerAddress::num_bits() const {
  return family == Family::kV4 ? 32 : family == Family::kV6 ? 128 : 0;
}

bool PeerAddress::is_loopback() const {
  static constexpr std::array<std::uint8_t, 16> kOne = {0, 0, 0, 0, 0, 0, 0, 0,
                                                        0, 0, 0, 0, 0, 0, 0, 1};
  return (family == Family::kV4 && bytes[0] == 127) || (family == Family::kV6 && bytes == kOne);
}

std::string PeerAddress::ToString() const {
  if (family == Family::kLocal) {
    return "local";
  }
  char text[INET6_ADDRSTRLEN] = "";
  ::inet_ntop(family == Family::kV4 ? AF_INET : AF_INET6, bytes.data(), text, sizeof(text));
  return text;
}

PeerAddress PeerAddressOf(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    sockaddr_in v4 = {};
    std::memcpy(&v4, address, sizeof(v4));
    return V4(&v4.sin_addr);
  }
  if (address->sa_family == AF_INET6) {
    sockaddr_in6 v6 = {};
    std::memcpy(&v6, address, sizeof(v6));
    return V6(v6.sin6_addr.s6_addr);
  }
  return {};
}

Result<PeerAddress> ParseAddress(std::string_view text) {
  const std::string terminated(text);
  std::uint8_t bytes[16] = {};
  if (::inet_pton(AF_INET, terminated.c_str(), bytes) == 1) {
    return V4(bytes);
  }
  if (::inet_pton(AF_INET6, terminated.c_str(), bytes) == 1) {
    return V6(bytes);
  }
  return Status::InvalidArgument(fmt::format("not an IP address: {}", text));
}

bool SameNetwork(const PeerAddress& a, const PeerAddress& b, int num_bits) {
  if (a.family != b.family) {
    return false;
  }
  const auto num_whole = static_cast<std::ptrdiff_t>(num_bits / 8);
  const int num_rest = num_bits % 8;
  if (!std::equal(a.bytes.begin(), a.bytes.begin() + num_whole, b.bytes.begin())) {
    return false;
  }
  const auto last = static_cast<std::size_t>(num_whole);
  return num_rest == 0 || ((a.bytes[last] ^ b.bytes[last]) >> (8 - num_rest)) == 0;
}

}  // namespace dashi
