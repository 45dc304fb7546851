#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "dashi/status.h"
#include "sql/ast.h"
#include "sql/parser.h"

namespace dashi::sql {

/// An option of a model that its trainings do not know: how many releases stay.
inline constexpr std::string_view kRetainOption = "retain_releases";

/// Takes `retain_releases` out of the options of a statement; nullopt when it is not among them.
///
/// Errors: kInvalidArgument (22023), with the position, for a value that is no whole number from 0
///         to kRetainReleasesMax.
Result<std::optional<std::uint32_t>> TakeRetainOption(const ParsedStatement& statement,
                                                      std::vector<OptionNode>* options);

}  // namespace dashi::sql
