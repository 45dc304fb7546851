#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dashi::sql {

/// The text that stands between the quotes of PostgreSQL's E'...': \n, \t and their like, \ooo,
/// \xhh, \uXXXX, \UXXXXXXXX, a backslash before any other character, and doubled quotes. nullopt
/// when it is none: too few digits behind \u, a code point that does not exist, NUL, or bytes that
/// are not UTF-8.
std::optional<std::string> DecodeEscapes(std::string_view text);

}  // namespace dashi::sql
