#include "sql/postgres/md5.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

#include <fmt/format.h>

namespace dashi::sql::postgres {

namespace {

constexpr std::size_t kBlockBytes = 64;
constexpr int kRounds = 64;
constexpr int kShifts[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};

/// floor(2^32 * |sin(i + 1)|)
std::array<std::uint32_t, kRounds> SineTable() {
  std::array<std::uint32_t, kRounds> table{};
  for (int i = 0; i < kRounds; ++i) {
    table[static_cast<std::size_t>(i)] =
        static_cast<std::uint32_t>(std::floor(std::abs(std::sin(i + 1.0)) * 4294967296.0));
  }
  return table;
}

void AddBlock(const char* block, std::array<std::uint32_t, 4>* state) {
  static const std::array<std::uint32_t, kRounds> sines = SineTable();
  std::array<std::uint32_t, 16> words{};
  for (std::size_t i = 0; i < kBlockBytes; ++i) {
    words[i / 4] |= static_cast<std::uint32_t>(static_cast<unsigned char>(block[i])) << (i % 4 * 8);
  }
  auto [a, b, c, d] = *state;
  for (std::uint32_t i = 0; i < kRounds; ++i) {
    std::uint32_t mixed = 0;
    std::uint32_t word = 0;
    switch (i / 16) {
      case 0:
        mixed = (b & c) | (~b & d);
        word = i;
        break;
      case 1:
        mixed = (d & b) | (~d & c);
        word = (5 * i + 1) % 16;
        break;
      case 2:
        mixed = b ^ c ^ d;
        word = (3 * i + 5) % 16;
        break;
      default:
        mixed = c ^ (b | ~d);
        word = 7 * i % 16;
        break;
    }
    const std::uint32_t turned =
        std::rotl(a + mixed + sines[i] + words[word], kShifts[i / 16][i % 4]);
    a = d;
    d = c;
    c = b;
    b += turned;
  }
  (*state)[0] += a;
  (*state)[1] += b;
  (*state)[2] += c;
  (*state)[3] += d;
}

}  // namespace

std::string Md5Hex(std::string_view bytes) {
  std::array<std::uint32_t, 4> state{0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476};
  std::size_t at = 0;
  for (; at + kBlockBytes <= bytes.size(); at += kBlockBytes) {
    AddBlock(bytes.data() + at, &state);
  }
  std::string tail(bytes.substr(at));
  tail += '\x80';
  while (tail.size() % kBlockBytes != kBlockBytes - 8) {
    tail += '\0';
  }
  const std::uint64_t bits = static_cast<std::uint64_t>(bytes.size()) * 8;
  for (int i = 0; i < 8; ++i) {
    tail += static_cast<char>(bits >> (8 * i) & 0xFFU);
  }
  for (at = 0; at < tail.size(); at += kBlockBytes) {
    AddBlock(tail.data() + at, &state);
  }
  std::string hex;
  for (const std::uint32_t word : state) {
    for (int i = 0; i < 4; ++i) {
      hex += fmt::format("{:02x}", word >> (8 * i) & 0xFFU);
    }
  }
  return hex;
}

}  // namespace dashi::sql::postgres
