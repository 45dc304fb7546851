#include "base/base64.h"

#include <cstdint>

namespace dashi {

namespace {

constexpr std::string_view kLetters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::string Base64Of(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      const std::size_t at = i + j;
      group = group << 8 | (at < bytes.size() ? static_cast<unsigned char>(bytes[at]) : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      const bool padding = i + j > bytes.size();
      text += padding ? '=' : kLetters[group >> (18 - 6 * j) & 63U];
    }
  }
  return text;
}

std::optional<std::string> FromBase64(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  if (text.size() % 4 != 0) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < text.size(); i += 4) {
    std::string_view letters = text.substr(i, 4);
    if (i + 4 == text.size()) {
      letters.remove_suffix(letters.ends_with("==") ? 2 : letters.ends_with('=') ? 1 : 0);
    }
    std::uint32_t group = 0;
    for (const char letter : letters) {
      const std::size_t value = kLetters.find(letter);
      if (value == std::string_view::npos) {
        return std::nullopt;
      }
      group = group << 6 | static_cast<std::uint32_t>(value);
    }
    group <<= 6 * (4 - letters.size());
    const std::size_t num_bytes = letters.size() - 1;
    if ((group & ((1U << (24 - 8 * num_bytes)) - 1)) != 0) {
      return std::nullopt;
    }
    for (std::size_t j = 0; j < num_bytes; ++j) {
      bytes += static_cast<char>(group >> (16 - 8 * j) & 255U);
    }
  }
  return bytes;
}

}  // namespace dashi
