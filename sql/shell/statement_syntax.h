#pragma once

#include <string>
#include <string_view>

namespace dashi {

/// What `\h` prints: how a statement is written. `topic` are the first words of one or several
/// ("train", "CREATE MODEL"); "" lists all. "" when no statement begins so.
std::string StatementSyntax(std::string_view topic);

}  // namespace dashi
