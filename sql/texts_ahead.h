#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/status.h"

namespace dashi::sql {

/// A walk over rows with texts that can tell what comes next, so that searches for the texts of
/// rows which a statement joins with can be made together.
///
/// Threads: those of its statement.
class TextsAhead {
 public:
  TextsAhead() = default;
  virtual ~TextsAhead() = default;
  TextsAhead(const TextsAhead&) = delete;
  TextsAhead& operator=(const TextsAhead&) = delete;

  /// Whether the row at which the walk stands has this text.
  virtual bool IsAt(std::string_view text) const = 0;
  /// Reads up to `count` of the rows that come next, unless it has them already, and returns their
  /// texts in order; fewer at the end, or where they are large. The walk stays where it is.
  virtual Result<std::vector<std::string>> ReadAhead(std::size_t count) = 0;
};

}  // namespace dashi::sql
