#pragma once

#include <vector>

#include "dashi/status.h"
#include "sql/ast.h"
#include "sql/parser.h"
#include "storage/catalog_records.h"

namespace dashi::sql {

storage::OptionMap ToOptionMap(const std::vector<OptionNode>& nodes);

/// Points at the option that an error message names, when it names one: the longest that it holds.
Status AtOption(const ParsedStatement& statement, Status status,
                const std::vector<OptionNode>& nodes);

}  // namespace dashi::sql
