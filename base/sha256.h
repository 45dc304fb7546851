#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace dashi {

/// SHA-256 (FIPS 180-4), fed in pieces. In the library's own code, so that a program that embeds it
/// needs no OpenSSL; the tests compare it with OpenSSL's.
///
/// Threads: one thread at a time; a value type.
/// Cost:    about 250 MB/s.
class Sha256 {
 public:
  using Digest = std::array<std::uint8_t, 32>;

  Sha256();
  void Update(std::string_view bytes);
  /// Ends it; nothing may be fed afterwards.
  Digest Finish();

 private:
  void Compress(const std::uint8_t* block);

  std::array<std::uint32_t, 8> state_;
  std::array<std::uint8_t, 64> block_ = {};
  std::size_t num_in_block_ = 0;
  std::uint64_t num_bytes_ = 0;
};

std::string Sha256Of(std::string_view bytes);

/// HMAC-SHA-256 (RFC 2104) with one key, of any number of texts.
class HmacSha256 {
 public:
  explicit HmacSha256(std::string_view key);
  std::string Of(std::string_view bytes) const;

 private:
  Sha256 inner_;
  Sha256 outer_;
};

/// PBKDF2-HMAC-SHA-256 (RFC 8018) of one block of 32 bytes: Hi() of RFC 5802.
///
/// Cost: two compressions an iteration, about 2 ms for 4,096.
std::string Pbkdf2Sha256(std::string_view password, std::string_view salt, int num_iterations);

}  // namespace dashi
