#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "dashi/status.h"

namespace dashi::sql::postgres {

/// A length of time as PostgreSQL has it: months and days differ in length, so each is kept.
struct Interval {
  std::int64_t months = 0;
  std::int64_t days = 0;
  std::int64_t micros = 0;

  friend bool operator==(const Interval&, const Interval&) = default;
};

/// Reads "1 year 2 mons -3 days 04:05:06.789", "1.5 hours", "2 weeks ago" and the like.
///
/// Errors: 22007 for text that is none, 22015 out of range, 0A000 for ISO 8601 ("P1D").
Result<Interval> ParseInterval(std::string_view text);

/// "1 year 2 mons 3 days 04:05:06.789"; "00:00:00" for none.
std::string FormatInterval(const Interval& interval);

/// What intervals compare by: microseconds of days of 24 hours and months of 30 days.
double IntervalOrder(const Interval& interval);

/// Sums. Errors: 22008.
Result<Interval> AddIntervals(const Interval& a, const Interval& b, int sign);
/// Products and quotients; fractions of a month become days, those of a day time. Errors: 22008.
Result<Interval> MultiplyInterval(const Interval& interval, double factor);

}  // namespace dashi::sql::postgres
