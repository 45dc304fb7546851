#pragma once

#include <string_view>
#include <vector>

#include "dashi/status.h"
#include "storage/graph/edge.h"
#include "storage/graph/graph_record.h"

namespace dashi::storage {

/// The error of an edge whose id is in none of its tables: kNotFound (23503).
Status NoSuchEnd(const GraphRecord& graph, EdgeSide side, std::string_view id);

/// The days since 1970 of an event; negative times count as 0.
std::uint32_t DayOf(std::int64_t micros);

/// Checks that an event is not older than events are remembered.
///
/// Errors: kInvalidArgument (22008).
Status CheckEventDay(const GraphRecord& graph, std::uint32_t day, std::uint32_t last_day);

}  // namespace dashi::storage
