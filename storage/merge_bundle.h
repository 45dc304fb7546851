#pragma once

#include <span>
#include <string>
#include <string_view>

namespace dashi::storage {

/// What a merge makes of input that it cannot decode: the existing value (null: there is none) and
/// all operands in one value that no decoder takes, so that later reads report the damage. A merge
/// that failed instead would make the whole database read-only.
std::string BundleOf(const std::string_view* existing, std::span<const std::string_view> operands);

}  // namespace dashi::storage
