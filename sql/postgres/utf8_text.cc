#include "sql/postgres/utf8_text.h"

#include <algorithm>

#include <utf8proc.h>

namespace dashi::sql::postgres {

namespace {

constexpr char32_t kReplacement = 0xFFFD;

bool BeginsCharacter(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U; }

// Takes the first character off.
char32_t TakeCodePoint(std::string_view* text) {
  utf8proc_int32_t code_point = 0;
  const auto size = static_cast<utf8proc_ssize_t>(std::min<std::size_t>(text->size(), 4));
  const utf8proc_ssize_t num_bytes =
      utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text->data()), size, &code_point);
  text->remove_prefix(num_bytes > 0 ? static_cast<std::size_t>(num_bytes) : 1);
  return num_bytes > 0 ? static_cast<char32_t>(code_point) : kReplacement;
}

template <typename Map>
std::string Mapped(std::string_view text, Map map) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    AppendUtf8(&out, map(TakeCodePoint(&text)));
  }
  return out;
}

char32_t ToUpper(char32_t c) {
  constexpr char32_t kSharpS = 0xDF;  // Its capital is for headlines: it stays as it is.
  return c == kSharpS ? c
                      : static_cast<char32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(c)));
}
char32_t ToLower(char32_t c) {
  return static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c)));
}

bool IsAlphanumeric(char32_t c) {
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_ND:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::size_t Utf8Offset(std::string_view text, std::int64_t characters) {
  std::size_t at = 0;
  for (; at < text.size() && characters > 0; --characters) {
    ++at;
    while (at < text.size() && !BeginsCharacter(text[at])) {
      ++at;
    }
  }
  return at;
}

std::int64_t Utf8Length(std::string_view text) {
  return std::count_if(text.begin(), text.end(), BeginsCharacter);
}

std::size_t Utf8Cut(std::string_view text, std::size_t bytes_max) {
  std::size_t size = std::min(text.size(), bytes_max);
  while (size > 0 && size < text.size() && !BeginsCharacter(text[size])) {
    --size;
  }
  return size;
}

std::u32string CodePoints(std::string_view text) {
  std::u32string points;
  points.reserve(text.size());
  while (!text.empty()) {
    points += TakeCodePoint(&text);
  }
  return points;
}

void AppendUtf8(std::string* text, char32_t code_point) {
  utf8proc_uint8_t bytes[4];
  const utf8proc_ssize_t size =
      utf8proc_encode_char(static_cast<utf8proc_int32_t>(code_point), bytes);
  text->append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
}

std::string ToUpperText(std::string_view text) { return Mapped(text, ToUpper); }

std::string ToLowerText(std::string_view text) { return Mapped(text, ToLower); }

std::string ToTitleText(std::string_view text) {
  bool inside = false;
  return Mapped(text, [&](char32_t c) {
    const char32_t mapped = inside ? ToLower(c) : ToUpper(c);
    inside = IsAlphanumeric(c);
    return mapped;
  });
}

bool LikeMatches(std::string_view pattern, std::string_view text, char32_t escape) {
  // Where to go on when what follows the last % does not match here: one character later.
  std::string_view retry_pattern;
  std::string_view retry_text;
  bool can_retry = false;
  for (;;) {
    bool same = false;
    if (pattern.empty()) {
      same = text.empty();
      if (same) {
        return true;
      }
    } else {
      std::string_view rest = pattern;
      char32_t wanted = TakeCodePoint(&rest);
      const bool literal = escape != 0 && wanted == escape;
      if (literal) {
        if (rest.empty()) {
          return false;
        }
        wanted = TakeCodePoint(&rest);
      }
      if (!literal && wanted == U'%') {
        pattern = rest;
        retry_pattern = rest;
        retry_text = text;
        can_retry = true;
        continue;
      }
      if (!text.empty()) {
        std::string_view after = text;
        const char32_t found = TakeCodePoint(&after);
        same = (!literal && wanted == U'_') || wanted == found;
        if (same) {
          pattern = rest;
          text = after;
        }
      }
    }
    if (same) {
      continue;
    }
    if (!can_retry || retry_text.empty()) {
      return false;
    }
    TakeCodePoint(&retry_text);
    pattern = retry_pattern;
    text = retry_text;
  }
}

}  // namespace dashi::sql::postgres
