#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "dashi/status.h"
#include "sql/shell/statement_splitter.h"

namespace dashi {

/// Returns the statements of a text, which semicolons separate.
std::vector<ScriptStatement> StatementsOf(std::string_view query);

/// Returns the number of the character at byte `offset`, from 1, as errors tell positions.
std::size_t CharacterAt(std::string_view text, std::size_t offset);

/// Returns ok when a statement has the form of one, whether or not it can be run; else 42601.
Status CheckSyntax(std::string_view statement);

}  // namespace dashi
