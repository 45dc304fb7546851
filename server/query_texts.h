#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "sql/shell/statement_splitter.h"

namespace dashi {

/// Returns the statements of a text, which semicolons separate.
std::vector<ScriptStatement> StatementsOf(std::string_view query);

/// Returns the number of the character at byte `offset`, from 1, as errors tell positions.
std::size_t CharacterAt(std::string_view text, std::size_t offset);

}  // namespace dashi
