#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dashi {

/// Returns base64 with padding (RFC 4648).
std::string Base64Of(std::string_view bytes);

/// Reads what Base64Of writes, and nothing else: no blanks, no missing padding, no bits behind the
/// last byte.
std::optional<std::string> FromBase64(std::string_view text);

}  // namespace dashi
