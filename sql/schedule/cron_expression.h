#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <cctz/civil_time.h>

#include "dashi/status.h"
#include "sql/schedule/time_zone.h"

namespace dashi::sql {

/// When something is due, as crontab(5) writes it: minute (0-59), hour (0-23), day of the month
/// (1-31), month (1-12 or JAN-DEC), day of the week (0-7 or SUN-SAT; 0 and 7 are Sunday), each `*`,
/// a number, a range `a-b`, a list `a,b` or every nth of one, `*` `/n`, `a-b/n`, `a/n`. Where both
/// days are restricted, a day needs to be one of them. Or @hourly, @daily (@midnight), @weekly,
/// @monthly, @yearly (@annually).
///
/// Where clocks are put forward or back, an expression that names its hours and minutes is due once
/// for each day: at the moment of the change where the clocks skip its time, and the first time
/// where they show it twice. One whose minute or hour is `*` or `*` `/n` goes by the time that
/// passes: it is not due at times that are skipped, and twice at those that come twice.
///
/// Threads: immutable.
class CronExpression {
 public:
  /// Errors: kInvalidArgument (22023) naming the field; the position is that of the field in the
  ///         text. An expression that is never due, such as 30 February, is refused too.
  static Result<CronExpression> Parse(std::string_view text);

  /// The expression as it was written.
  const std::string& text() const { return text_; }

  /// The first moment behind `micros` at which it is due; nullopt where time has an end.
  std::optional<std::int64_t> NextAfter(std::int64_t micros, const TimeZone& zone) const;

 private:
  struct Field;

  Status ParseField(const Field& field, std::string_view text);
  bool MatchesDay(const cctz::civil_day& day) const;
  /// The first local time from this one on, within kYearsMax years.
  std::optional<cctz::civil_minute> FirstFrom(cctz::civil_minute local) const;
  std::optional<std::int64_t> NextByName(std::int64_t micros, const TimeZone& zone) const;
  std::optional<std::int64_t> NextByPassing(std::int64_t micros, const TimeZone& zone) const;

  std::string text_;
  std::bitset<60> minutes_;
  std::bitset<24> hours_;
  std::bitset<32> days_;
  std::bitset<13> months_;
  std::bitset<7> weekdays_;  // from Sunday
  bool any_day_ = false;
  bool any_weekday_ = false;
  bool by_passing_ = false;  // minute or hour is * or */n
};

}  // namespace dashi::sql
