#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dashi {

/// Reads `1048576`, `64MB`, `64 mb`: bytes, kB, MB, GB and TB, of 1024 each. Returns nullopt for
/// anything else.
std::optional<std::uint64_t> ParseByteSize(std::string_view text);

/// Writes a size in the largest unit that leaves a whole number: `64MB`, `1000`.
std::string ByteSizeText(std::uint64_t bytes);

}  // namespace dashi
