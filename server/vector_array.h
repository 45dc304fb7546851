#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dashi {

// Vectors (base/vector_codec.h) as the protocol has arrays float4[] in binary format: dimensions,
// whether there are NULLs, type, length and lower bound; then of each element its length and bytes.

void AppendVectorArray(std::string* out, std::string_view vector);

/// Reads such an array. Returns nullopt where its bytes are not those of one dimension of numbers,
/// none of them NULL: whoever says what is wrong with it reads it otherwise. Infinite numbers and
/// NaN are taken.
///
/// Cost: bound by memory bandwidth.
std::optional<std::string> VectorOfArray(std::string_view bytes);

}  // namespace dashi
