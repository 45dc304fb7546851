#pragma once

#include <optional>
#include <string>

#include "dashi/value.h"

namespace dashi::storage {

/// Encodes a value so that the order of the bytes is the order of the values: NULL first, then
/// numbers ascending, or texts byte by byte. No encoding is the beginning of another one.
/// Texts count up to kOrderedTextBytesMax: longer ones that begin alike encode alike.
/// Integers and reals do not mix: the values of one index have one type.
std::string EncodeOrdered(const Value& value);

inline constexpr std::size_t kOrderedTextBytesMax = 256;

/// An interval of encoded values, both ends included.
struct OrderedRange {
  std::string lower;                 ///< empty: from NULL on
  std::optional<std::string> upper;  ///< nullopt: to the end
  bool descending = false;           ///< walk from the upper end down

  static OrderedRange All() { return {}; }
  static OrderedRange Nulls();
  /// The values that are not NULL, between two values where they are given.
  static OrderedRange Between(const std::optional<Value>& lower, const std::optional<Value>& upper);
};

}  // namespace dashi::storage
