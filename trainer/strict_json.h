#pragma once

#include <string_view>

#include <nlohmann/json.hpp>

#include "dashi/status.h"

namespace dashi::trainer {

/// Parses a JSON object and refuses one in which a key is named twice, at any depth: a reader would
/// silently take the last.
///
/// Errors: kCorruption, beginning with `what` and saying where.
Result<nlohmann::json> ParseStrictJsonObject(std::string_view what, std::string_view text);

}  // namespace dashi::trainer
