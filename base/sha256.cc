#include "base/sha256.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace dashi {

namespace {

constexpr std::uint32_t kRound[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

constexpr std::size_t kBlockBytes = 64;

std::string TextOf(const Sha256::Digest& digest) { return {digest.begin(), digest.end()}; }

}  // namespace

Sha256::Sha256()
    : state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
             0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19} {}

void Sha256::Update(std::string_view bytes) {
  num_bytes_ += bytes.size();
  while (!bytes.empty()) {
    const std::size_t taken = std::min(bytes.size(), kBlockBytes - num_in_block_);
    std::memcpy(block_.data() + num_in_block_, bytes.data(), taken);
    num_in_block_ += taken;
    bytes.remove_prefix(taken);
    if (num_in_block_ == kBlockBytes) {
      Compress(block_.data());
      num_in_block_ = 0;
    }
  }
}

Sha256::Digest Sha256::Finish() {
  const std::uint64_t num_bits = num_bytes_ * 8;
  block_[num_in_block_++] = 0x80;
  if (num_in_block_ > kBlockBytes - 8) {
    std::fill(block_.begin() + static_cast<std::ptrdiff_t>(num_in_block_), block_.end(), 0);
    Compress(block_.data());
    num_in_block_ = 0;
  }
  std::fill(block_.begin() + static_cast<std::ptrdiff_t>(num_in_block_), block_.end(), 0);
  for (std::size_t i = 0; i < 8; ++i) {
    block_[kBlockBytes - 1 - i] = static_cast<std::uint8_t>(num_bits >> (8 * i));
  }
  Compress(block_.data());
  Digest digest = {};
  for (std::size_t i = 0; i < digest.size(); ++i) {
    digest[i] = static_cast<std::uint8_t>(state_[i / 4] >> (24 - 8 * (i % 4)));
  }
  return digest;
}

void Sha256::Compress(const std::uint8_t* block) {
  std::uint32_t w[64];
  for (std::size_t i = 0; i < 16; ++i) {
    w[i] = std::uint32_t{block[4 * i]} << 24 | std::uint32_t{block[4 * i + 1]} << 16 |
           std::uint32_t{block[4 * i + 2]} << 8 | std::uint32_t{block[4 * i + 3]};
  }
  for (std::size_t i = 16; i < 64; ++i) {
    const std::uint32_t a = w[i - 15];
    const std::uint32_t b = w[i - 2];
    w[i] = w[i - 16] + (std::rotr(a, 7) ^ std::rotr(a, 18) ^ (a >> 3)) + w[i - 7] +
           (std::rotr(b, 17) ^ std::rotr(b, 19) ^ (b >> 10));
  }
  std::array<std::uint32_t, 8> s = state_;
  for (std::size_t i = 0; i < 64; ++i) {
    const std::uint32_t sum1 = std::rotr(s[4], 6) ^ std::rotr(s[4], 11) ^ std::rotr(s[4], 25);
    const std::uint32_t choice = (s[4] & s[5]) ^ (~s[4] & s[6]);
    const std::uint32_t t1 = s[7] + sum1 + choice + kRound[i] + w[i];
    const std::uint32_t sum0 = std::rotr(s[0], 2) ^ std::rotr(s[0], 13) ^ std::rotr(s[0], 22);
    const std::uint32_t majority = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]);
    s = {t1 + sum0 + majority, s[0], s[1], s[2], s[3] + t1, s[4], s[5], s[6]};
  }
  for (std::size_t i = 0; i < 8; ++i) {
    state_[i] += s[i];
  }
}

std::string Sha256Of(std::string_view bytes) {
  Sha256 hash;
  hash.Update(bytes);
  return TextOf(hash.Finish());
}

HmacSha256::HmacSha256(std::string_view key) {
  std::string padded = key.size() > kBlockBytes ? Sha256Of(key) : std::string(key);
  padded.resize(kBlockBytes);
  for (char& byte : padded) {
    byte = static_cast<char>(byte ^ 0x36);
  }
  inner_.Update(padded);
  for (char& byte : padded) {
    byte = static_cast<char>(byte ^ 0x36 ^ 0x5C);
  }
  outer_.Update(padded);
}

std::string HmacSha256::Of(std::string_view bytes) const {
  Sha256 inner = inner_;
  inner.Update(bytes);
  Sha256 outer = outer_;
  outer.Update(TextOf(inner.Finish()));
  return TextOf(outer.Finish());
}

std::string Pbkdf2Sha256(std::string_view password, std::string_view salt, int num_iterations) {
  const HmacSha256 hmac(password);
  std::string last = hmac.Of(std::string(salt) + std::string("\0\0\0\1", 4));
  std::string result = last;
  for (int i = 1; i < num_iterations; ++i) {
    last = hmac.Of(last);
    for (std::size_t j = 0; j < result.size(); ++j) {
      result[j] = static_cast<char>(result[j] ^ last[j]);
    }
  }
  return result;
}

}  // namespace dashi
