#pragma once

#include <string>

#include "dashi/value.h"
#include "sql/token.h"

namespace dashi::sql::postgres {

/// How SQLite writes a value.
std::string SqlText(const Value& value);

/// The value of a number or string as it was written; NULL for a number that is too large.
Value LiteralValue(const Token& token);

}  // namespace dashi::sql::postgres
