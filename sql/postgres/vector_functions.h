#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sqlite3.h>

#include "dashi/status.h"

namespace dashi::sql::postgres {

/// The vectors that functions take in one statement. A vector that stands in it as text, as that
/// which rows are compared with does, is read once.
///
/// Threads: the statement's.
class VectorTexts {
 public:
  /// Returns the vector of an argument, by its place 0 or 1; valid until the next call for that
  /// place.
  ///
  /// Errors: as VectorOfText and CheckVector; 42883 for a number.
  Result<std::span<const float>> Of(sqlite3_value* value, std::size_t argument);

 private:
  struct Slot {
    std::string text;
    std::string vector;       // what the text stands for
    std::vector<float> copy;  // of bytes that are not aligned

    std::span<const float> View(std::string_view bytes);
  };

  std::array<Slot, 2> slots_;
};

}  // namespace dashi::sql::postgres
