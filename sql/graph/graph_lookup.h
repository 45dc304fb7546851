#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "dashi/status.h"
#include "storage/view.h"

namespace dashi::sql {

/// Errors: kNotFound (42704) with the nearest name.
Result<storage::GraphRecord> FindGraph(const storage::View& view, std::string_view name);

/// Every row of the graph's tables on a side that has the id, in the order of the tables: as a
/// source an id stands for all of them. `only` leaves the other tables out.
///
/// Cost: a point read a table.
Result<std::vector<storage::GraphNode>> FindNodes(
    const storage::View& view, const storage::GraphRecord& graph, storage::EdgeSide side,
    std::string_view id, std::optional<storage::EntityKind> only = std::nullopt);

/// The row that an id stands for as a target: that of the first table that holds it.
Result<std::optional<storage::GraphNode>> FindTarget(
    const storage::View& view, const storage::GraphRecord& graph, std::string_view id,
    std::optional<storage::EntityKind> only = std::nullopt);

/// Reads the name of a table of nodes; nullopt for anything else.
std::optional<storage::EntityKind> ParseNodeTable(std::string_view name);

}  // namespace dashi::sql
