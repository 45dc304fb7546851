#include "sql/string_escapes.h"

#include <cstddef>
#include <cstdint>

#include "storage/row_check.h"

namespace dashi::sql {

namespace {

std::optional<unsigned> DigitOf(char c, unsigned base) {
  unsigned digit = base;
  if (c >= '0' && c <= '9') {
    digit = static_cast<unsigned>(c - '0');
  } else if (c >= 'a' && c <= 'f') {
    digit = static_cast<unsigned>(c - 'a') + 10;
  } else if (c >= 'A' && c <= 'F') {
    digit = static_cast<unsigned>(c - 'A') + 10;
  }
  return digit < base ? std::optional(digit) : std::nullopt;
}

/// Takes up to `count_max` digits. nullopt when there are fewer than `count_min`.
std::optional<std::uint32_t> TakeNumber(std::string_view* text, unsigned base,
                                        std::size_t count_min, std::size_t count_max) {
  std::uint32_t number = 0;
  std::size_t count = 0;
  while (count < count_max && count < text->size()) {
    const std::optional<unsigned> digit = DigitOf((*text)[count], base);
    if (!digit) {
      break;
    }
    number = number * base + *digit;
    ++count;
  }
  text->remove_prefix(count);
  return count < count_min ? std::nullopt : std::optional(number);
}

bool AppendCodePoint(std::uint32_t point, std::string* out) {
  constexpr std::uint32_t kLast = 0x10FFFF;
  if (point == 0 || point > kLast || (point >= 0xD800 && point <= 0xDFFF)) {
    return false;
  }
  const auto tail = [&](unsigned shift) {
    *out += static_cast<char>(0x80U | ((point >> shift) & 0x3FU));
  };
  if (point < 0x80) {
    *out += static_cast<char>(point);
  } else if (point < 0x800) {
    *out += static_cast<char>(0xC0U | (point >> 6U));
    tail(0);
  } else if (point < 0x10000) {
    *out += static_cast<char>(0xE0U | (point >> 12U));
    tail(6);
    tail(0);
  } else {
    *out += static_cast<char>(0xF0U | (point >> 18U));
    tail(12);
    tail(6);
    tail(0);
  }
  return true;
}

/// Takes what stands behind a backslash.
bool TakeEscape(std::string_view* text, std::string* out) {
  const char letter = text->front();
  constexpr std::string_view kLetters = "bfnrt";
  constexpr std::string_view kMeanings = "\b\f\n\r\t";
  const std::size_t known = kLetters.find(letter);
  if (known != std::string_view::npos) {
    *out += kMeanings[known];
    text->remove_prefix(1);
    return true;
  }
  if (letter >= '0' && letter <= '7') {
    const std::uint32_t byte = *TakeNumber(text, 8, 1, 3) & 0xFFU;
    *out += static_cast<char>(byte);
    return byte != 0;
  }
  text->remove_prefix(1);
  if (letter == 'x' && !text->empty() && DigitOf(text->front(), 16)) {
    const std::uint32_t byte = *TakeNumber(text, 16, 1, 2);
    *out += static_cast<char>(byte);
    return byte != 0;
  }
  if (letter == 'u' || letter == 'U') {
    const std::size_t count = letter == 'u' ? 4 : 8;
    const std::optional<std::uint32_t> point = TakeNumber(text, 16, count, count);
    return point && AppendCodePoint(*point, out);
  }
  *out += letter;
  return true;
}

}  // namespace

std::optional<std::string> DecodeEscapes(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c == '\\' && !text.empty()) {
      if (!TakeEscape(&text, &out)) {
        return std::nullopt;
      }
      continue;
    }
    if (c == '\'' && text.starts_with('\'')) {
      text.remove_prefix(1);
    }
    out += c;
  }
  return storage::IsUtf8(out) ? std::optional(std::move(out)) : std::nullopt;
}

}  // namespace dashi::sql
