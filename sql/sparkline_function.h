#pragma once

#include <optional>
#include <span>
#include <string>

#include <sqlite3.h>

#include "dashi/status.h"

namespace dashi::sql {

/// Draws values as a line of block characters, from ▁ for the smallest to █ for the largest, and a
/// space for NULL. More than kSparklineWidth values are averaged, neighbours together.
std::string DrawSparkline(std::span<const std::optional<double>> values);

inline constexpr std::size_t kSparklineWidth = 60;

/// Registers the aggregate sparkline(x): its rows in the order that they come.
Status RegisterSparkline(sqlite3* connection);

}  // namespace dashi::sql
