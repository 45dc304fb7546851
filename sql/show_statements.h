#pragma once

#include <string_view>

#include "sql/ast.h"

namespace dashi::sql {

/// The SELECT that answers SHOW MODELS, RELEASES, JOBS, TABLES or SETTINGS.
std::string_view ShowListQuery(ShowList list);

}  // namespace dashi::sql
