#pragma once

#include <string_view>

namespace dashi {

/// The version of dashi, "0.1.0".
std::string_view Version();

}  // namespace dashi
