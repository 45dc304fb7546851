#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace dashi {

/// Returns bytes that nobody can guess, from the system.
std::string SecretBytes(std::size_t size);

/// Compares two texts of which one is secret. The time tells their lengths, and nothing of what
/// they hold.
bool SameSecret(std::string_view a, std::string_view b);

}  // namespace dashi
