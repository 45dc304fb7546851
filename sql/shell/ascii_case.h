#pragma once

#include <string>
#include <string_view>

namespace dashi {

/// Returns `text` with its ASCII letters in upper or lower case.
std::string UpperAscii(std::string_view text);
std::string LowerAscii(std::string_view text);

/// Whether two texts are the same but for the case of ASCII letters; whether one begins the other.
bool EqualsIgnoringCase(std::string_view a, std::string_view b);
bool StartsIgnoringCase(std::string_view text, std::string_view beginning);

}  // namespace dashi
