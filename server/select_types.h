#pragma once

#include <string_view>
#include <vector>

#include "dashi/result_set.h"

namespace dashi {

/// Gives the columns of a SELECT that have no declared type the type that its text tells: of
/// numbers, casts, and functions that always return the same type, such as count. The others stay
/// without.
///
/// Clients are told types before a statement runs, and rely on them; so a type is given only where
/// no value can be of another.
std::vector<Column> WithSelectTypes(std::vector<Column> columns, std::string_view statement);

}  // namespace dashi
