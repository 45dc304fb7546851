#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace dashi {

/// Returns the number of terminal columns that `text` takes: two for East Asian wide characters,
/// none for combining marks and control characters, one for each invalid byte.
std::size_t DisplayWidth(std::string_view text);

/// Returns the longest prefix of `text` that takes at most `width` columns; never splits a
/// character.
std::string_view PrefixOfWidth(std::string_view text, std::size_t width);

/// Returns `text` in at most `width` columns; when something was cut off, it ends with an ellipsis.
std::string CutToWidth(std::string_view text, std::size_t width);

/// Returns `text` with nothing a terminal would obey: control characters other than newline become
/// "\x1B", "\t", "\r"; invalid UTF-8 becomes U+FFFD.
std::string PrintableText(std::string_view text);

}  // namespace dashi
