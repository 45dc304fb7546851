#pragma once

#include <string>
#include <string_view>

namespace dashi {

/// Returns `text` as a SQL string: in single quotes, doubled inside.
std::string QuotedText(std::string_view text);

/// Returns `name` as SQL: as it is when it is a plain identifier, else in double quotes.
std::string QuotedIdentifier(std::string_view name);

}  // namespace dashi
