#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "dashi/status.h"
#include "sql/ast.h"
#include "sql/parser.h"
#include "storage/catalog_records.h"

namespace dashi::sql {

/// Options of a model that its trainings do not know: how its releases are kept and served. nullopt
/// for those that a statement does not give.
struct ServingOptions {
  std::optional<std::uint32_t> retain_releases;
  std::optional<std::uint32_t> seal_rows;

  bool empty() const { return !retain_releases && !seal_rows; }
  void ApplyTo(storage::ModelRecord* model) const;
};

bool IsServingOption(std::string_view name);

/// Takes the serving options out of the options of a statement.
///
/// Errors: kInvalidArgument (22023), with the position, for a value that is no whole number in the
///         option's range.
Result<ServingOptions> TakeServingOptions(const ParsedStatement& statement,
                                          std::vector<OptionNode>* options);

}  // namespace dashi::sql
