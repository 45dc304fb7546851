#include "base/dollar_quote.h"

#include <algorithm>

namespace dashi {

namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsNamePart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || IsDigit(c) || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

}  // namespace

std::size_t DollarTagBytes(std::string_view text) {
  if (!text.starts_with('$')) {
    return 0;
  }
  const auto* end = std::find_if_not(text.begin() + 1, text.end(), IsNamePart);
  const bool is_tag = end != text.end() && *end == '$' && !IsDigit(text[1]);
  return is_tag ? static_cast<std::size_t>(end - text.begin()) + 1 : 0;
}

}  // namespace dashi
