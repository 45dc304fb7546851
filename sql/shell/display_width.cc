#include "sql/shell/display_width.h"

#include <algorithm>

#include <fmt/format.h>
#include <utf8proc.h>

namespace dashi {

namespace {

struct Character {
  utf8proc_int32_t codepoint = -1;  // -1: an invalid byte
  std::size_t num_bytes = 1;
  std::size_t width = 1;
};

Character FirstCharacter(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  if (lead >= 0x20 && lead < 0x7F) {
    return {lead, 1, 1};
  }
  Character character;
  const auto size = static_cast<utf8proc_ssize_t>(std::min<std::size_t>(text.size(), 4));
  const utf8proc_ssize_t num_bytes = utf8proc_iterate(
      reinterpret_cast<const utf8proc_uint8_t*>(text.data()), size, &character.codepoint);
  if (num_bytes <= 0) {
    return {};
  }
  character.num_bytes = static_cast<std::size_t>(num_bytes);
  character.width = static_cast<std::size_t>(std::max(0, utf8proc_charwidth(character.codepoint)));
  return character;
}

bool IsControl(utf8proc_int32_t codepoint) {
  return codepoint < 0x20 || (codepoint >= 0x7F && codepoint < 0xA0);
}

// Marks that reorder the text around them: a cell could pretend to hold something else.
bool IsBidiControl(utf8proc_int32_t codepoint) {
  return (codepoint >= 0x202A && codepoint <= 0x202E) ||
         (codepoint >= 0x2066 && codepoint <= 0x2069);
}

}  // namespace

std::size_t DisplayWidth(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const Character character = FirstCharacter(text);
    width += character.width;
    text.remove_prefix(character.num_bytes);
  }
  return width;
}

std::string_view PrefixOfWidth(std::string_view text, std::size_t width) {
  std::size_t used = 0;
  std::size_t end = 0;
  while (end < text.size()) {
    const Character character = FirstCharacter(text.substr(end));
    if (used + character.width > width) {
      break;
    }
    used += character.width;
    end += character.num_bytes;
  }
  return text.substr(0, end);
}

std::string CutToWidth(std::string_view text, std::size_t width) {
  if (PrefixOfWidth(text, width).size() == text.size()) {
    return std::string(text);
  }
  if (width == 0) {
    return std::string();
  }
  return std::string(PrefixOfWidth(text, width - 1)) + "…";
}

std::string PrintableText(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Character character = FirstCharacter(text);
    if (character.codepoint < 0) {
      out += "\xEF\xBF\xBD";
    } else if (character.codepoint == '\n') {
      out += '\n';
    } else if (character.codepoint == '\t') {
      out += "\\t";
    } else if (character.codepoint == '\r') {
      out += "\\r";
    } else if (IsControl(character.codepoint)) {
      out += fmt::format("\\x{:02X}", character.codepoint);
    } else if (IsBidiControl(character.codepoint)) {
      out += fmt::format("\\u{:04X}", character.codepoint);
    } else {
      out += text.substr(0, character.num_bytes);
    }
    text.remove_prefix(character.num_bytes);
  }
  return out;
}

}  // namespace dashi
