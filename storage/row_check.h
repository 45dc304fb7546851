#pragma once

#include <string_view>

#include "dashi/status.h"
#include "storage/entity.h"

namespace dashi::storage {

/// Returns whether `text` is valid UTF-8.
bool IsUtf8(std::string_view text);

/// Checks a row against everything that does not need the database: id, text, split, attributes.
///
/// Errors: kInvalidArgument with 22023 (empty id, unordered attributes, a split outside documents),
///         54000 (a limit), 22021 (invalid UTF-8), 23514 (an unknown split).
Status CheckRow(EntityKind kind, const EntityRow& row);

/// Checks the name of a catalog record. Errors: kInvalidArgument (22023, 22021).
Status CheckName(std::string_view what, std::string_view name);

/// Checks a relevance weight. Errors: kInvalidArgument (22023) unless it is finite.
Status CheckWeight(float weight);

/// Checks an edge's weight. Errors: kInvalidArgument (22023) unless it is finite and not negative.
Status CheckEdgeWeight(double weight);

}  // namespace dashi::storage
