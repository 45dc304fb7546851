#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sql/shell/name_source.h"

namespace dashi {

/// What stands around the place where Tab was pressed.
struct CompletionPlace {
  std::string_view before;  ///< the statement so far, without the word
  std::string_view word;    ///< the word begun, which may be empty
  std::string_view after;   ///< what follows in the line
};

/// What the word may become.
struct Completion {
  std::vector<std::string> candidates;
  bool file_names = false;  ///< the names of files instead
  bool in_quotes = false;   ///< the word stands in single quotes
};

/// Returns what can follow. Names come from `names`, backslash commands from `commands`. Keywords
/// are in lower case when the word begins in lower case.
Completion Complete(const CompletionPlace& place, std::span<const std::string> commands,
                    NameSource& names);

}  // namespace dashi
