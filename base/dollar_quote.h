#pragma once

#include <cstddef>
#include <string_view>

namespace dashi {

/// The bytes of the tag that a text begins with, `$$` or `$name$`, behind which stands a text up to
/// the same tag, as PostgreSQL has it; 0: it begins with none.
std::size_t DollarTagBytes(std::string_view text);

}  // namespace dashi
