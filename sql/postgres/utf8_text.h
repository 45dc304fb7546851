#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dashi::sql::postgres {

/// The bytes of the first `characters` characters, at most all.
std::size_t Utf8Offset(std::string_view text, std::int64_t characters);
std::int64_t Utf8Length(std::string_view text);
/// The largest number of bytes, at most `bytes_max`, that cuts no character in two.
std::size_t Utf8Cut(std::string_view text, std::size_t bytes_max);
/// The characters' code points; bytes that are no UTF-8 become U+FFFD.
std::u32string CodePoints(std::string_view text);
void AppendUtf8(std::string* text, char32_t code_point);

/// Letters one by one as Unicode's simple mappings have them.
std::string ToUpperText(std::string_view text);
std::string ToLowerText(std::string_view text);
/// The first letter or digit of each word in capitals, the rest small.
std::string ToTitleText(std::string_view text);

/// Whether a text matches a pattern of LIKE: % stands for any characters, _ for one, and `escape`
/// (0: none) makes the next stand for itself. Case counts.
bool LikeMatches(std::string_view pattern, std::string_view text, char32_t escape);

}  // namespace dashi::sql::postgres
