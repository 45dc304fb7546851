#pragma once

#include <span>
#include <string_view>

namespace dashi {

/// Returns the candidate with the smallest edit distance to `name` (ASCII case ignored), or "" when
/// none is near enough to be a likely slip: more than a third of its letters differ.
///
/// Cost: O(candidates * |name| * |candidate|).
std::string_view NearestName(std::string_view name, std::span<const std::string_view> candidates);

}  // namespace dashi
