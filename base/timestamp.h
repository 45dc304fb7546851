#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace dashi {

/// The first and the last microsecond that FormatTimestamp writes with four digits for the year, so
/// that the order of the texts is the order of the times: years 1 to 9999.
inline constexpr std::int64_t kTimestampMin = -62'135'596'800'000'000;
inline constexpr std::int64_t kTimestampMax = 253'402'300'799'999'999;

/// Reads an ISO 8601 date with or without a time: "2026-11-23", "2026-11-23T02:08",
/// "2026-11-23 02:08:15.123456+01:00", with at most six digits behind the second; and a day with
/// the offset of its midnight, "2026-11-23 +01". A time without "Z" or an offset is UTC. Returns
/// microseconds since 1970; nullopt for any other text, for a day or time that does not exist, and
/// for years outside 1 to 9999.
std::optional<std::int64_t> ParseTimestamp(std::string_view text);

/// Reads a length of time of at most 100 years: "30 days", "12h", "90 min", "2 weeks". Returns
/// microseconds, at least 1; nullopt for any other text.
std::optional<std::int64_t> ParseLongDuration(std::string_view text);

}  // namespace dashi
