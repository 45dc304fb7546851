#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "dashi/status.h"

namespace dashi {

// Vectors of numbers as columns hold them: 32-bit floats, little-endian, one after another.

/// The most numbers that a vector has.
inline constexpr std::size_t kVectorDimensionMax = 16'000;

/// The number of numbers in the bytes of a vector.
constexpr std::size_t VectorDimension(std::string_view vector) {
  return vector.size() / sizeof(float);
}

/// Reads `[1, 2.5]`, or PostgreSQL's array `{1,2.5}`, and returns the vector's bytes.
///
/// Errors: 22P02 for text that is none, 22000 for one without numbers or with NULL, NaN or
///         infinity among them, 22003 for a number beyond those of 32 bits, 54000 for more than
///         kVectorDimensionMax.
/// Cost:   about 20 ns a number.
Result<std::string> VectorOfText(std::string_view text);

/// Whether bytes are a vector.
///
/// Errors: 22P03 for a number of bytes that no vector has, 22000 and 54000 as VectorOfText.
Status CheckVector(std::string_view bytes);

/// Appends `[1,2.5]`: each number with as few digits as tell it from every other of 32 bits.
void AppendVectorText(std::string* out, std::string_view vector);
std::string VectorText(std::string_view vector);

/// Appends `{1,2.5}`, PostgreSQL's text of an array.
void AppendVectorArrayText(std::string* out, std::string_view vector);

}  // namespace dashi
