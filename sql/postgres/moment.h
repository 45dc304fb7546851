#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dashi/status.h"
#include "sql/postgres/interval.h"
#include "sql/postgres/types.h"

namespace dashi::sql::postgres {

inline constexpr std::int64_t kMicrosPerSecond = 1'000'000;
inline constexpr std::int64_t kMicrosPerDay = 86'400 * kMicrosPerSecond;

/// A date, time, timestamp or interval. Dates and timestamps are microseconds since 1970 UTC, times
/// microseconds since midnight.
struct Moment {
  StaticType type = StaticType::kTimestamp;
  std::int64_t micros = 0;
  Interval interval;  ///< of kInterval
};

/// A timestamp's date and time of day.
struct Calendar {
  std::int64_t year = 1970;  ///< 1 to 9999
  int month = 1;
  int day = 1;
  std::int64_t micros = 0;  ///< since midnight
  int weekday = 0;          ///< 0 is Sunday
  int day_of_year = 1;
  int iso_week = 1;
  std::int64_t iso_year = 1970;
};
Calendar CalendarOf(std::int64_t micros);

/// The first microsecond of a day. Errors: 22008 for days that do not exist or outside years 1 to
/// 9999.
Result<std::int64_t> DayOf(std::int64_t year, std::int64_t month, std::int64_t day);

/// Reads a text as one of the four. With kUnknown it is the first that it can be of date,
/// timestamp and interval. Errors: 22007, 22008, 0A000.
Result<Moment> ReadMoment(std::string_view text, StaticType type);
/// As the database shows it: "2026-11-23", "02:08:15", "2026-11-23 02:08:15.000000+00", "1 day".
std::string ShowMoment(const Moment& moment);

/// A text with an offset other than UTC's, which a timestamp without time zone would leave out.
bool HasOtherOffset(std::string_view timestamp);

/// What + and - mean for them, where `sign` is 1 or -1. Errors: 42883 where they mean nothing,
/// 22008 out of range.
Result<Moment> AddMoments(const Moment& a, const Moment& b, int sign);
/// The symbolic difference of two timestamps: years, months, days, time.
Interval Age(std::int64_t later, std::int64_t earlier);

/// date_trunc(field, timestamp). Errors: 22023 for no such field, 22008.
Result<std::int64_t> TruncateMoment(std::string_view field, std::int64_t micros);
/// date_part(field, moment). Errors: 22023, 0A000.
Result<double> PartOf(std::string_view field, const Moment& moment);

}  // namespace dashi::sql::postgres
