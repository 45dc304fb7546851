#include "sql/postgres/moment.h"

#include <chrono>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/status.h"
#include "base/timestamp.h"
#include "sql/token.h"

namespace dashi::sql::postgres {

namespace {

using std::chrono::days;
using std::chrono::sys_days;
using std::chrono::year_month_day;

constexpr std::size_t kDateBytes = 10;
constexpr std::int64_t kMicrosPerHour = 3600 * kMicrosPerSecond;
constexpr std::int64_t kMicrosPerMinute = 60 * kMicrosPerSecond;
constexpr std::int64_t kMonthsPerYear = 12;

Status MomentOutOfRange(std::string_view what) {
  return Status::InvalidArgument(std::string(what) + " out of range: years are 1 to 9999")
      .WithSqlState("22008");
}

std::int64_t FloorDiv(std::int64_t a, std::int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

sys_days DayOfMicros(std::int64_t micros) {
  return sys_days(days(static_cast<int>(FloorDiv(micros, kMicrosPerDay))));
}

std::string_view TrimSpaces(std::string_view text) {
  while (!text.empty() && text.front() == ' ') {
    text.remove_prefix(1);
  }
  while (!text.empty() && text.back() == ' ') {
    text.remove_suffix(1);
  }
  return text;
}

bool LooksLikeDate(std::string_view text) {
  return text.size() >= kDateBytes && text[4] == '-' && text[7] == '-' && text[0] >= '0' &&
         text[0] <= '9';
}

Status BadMoment(std::string_view type, std::string_view text) {
  for (const char* word :
       {"now", "today", "tomorrow", "yesterday", "epoch", "infinity", "-infinity", "allballs"}) {
    if (EqualsIgnoreCase(text, word)) {
      return Status::Unimplemented(fmt::format("the {} '{}' is not supported", type, word))
          .WithHint("Write now(), current_date or an ISO 8601 text.");
    }
  }
  return Status::InvalidArgument(
             fmt::format("invalid input syntax for type {}: \"{}\"", type, text))
      .WithSqlState("22007")
      .WithHint("Write it as ISO 8601 does: 2026-11-23 or 2026-11-23 02:08:15+00.");
}

Result<Moment> ReadTime(std::string_view text) {
  // A time is what follows the date of a timestamp. Its zone means nothing, as in PostgreSQL.
  const bool dated = LooksLikeDate(text) && text.size() > kDateBytes;
  const std::string_view clock = dated ? text.substr(kDateBytes + 1) : text;
  const std::string epoch = "1970-01-01 ";
  const auto whole = ParseTimestamp(dated ? std::string(text) : epoch + std::string(text));
  const auto micros =
      ParseTimestamp(epoch + std::string(clock.substr(0, clock.find_first_of("+-zZ"))));
  if (!whole || !micros) {
    return BadMoment("time", text);
  }
  return Moment{StaticType::kTime, *micros, {}};
}

Result<Moment> ReadDate(std::string_view text) {
  const auto day = LooksLikeDate(text) && ParseTimestamp(text)
                       ? ParseTimestamp(text.substr(0, kDateBytes))
                       : std::nullopt;
  if (!day) {
    return BadMoment("date", text);
  }
  return Moment{StaticType::kDate, *day, {}};
}

Result<std::int64_t> AddIntervalTo(std::int64_t micros, const Interval& interval, int sign) {
  if (interval.months != 0) {
    const Calendar calendar = CalendarOf(micros);
    const std::int64_t months =
        (calendar.year * kMonthsPerYear) + calendar.month - 1 + sign * interval.months;
    const std::int64_t year = FloorDiv(months, kMonthsPerYear);
    if (year < 1 || year > 9999) {
      return MomentOutOfRange("timestamp");
    }
    const auto month = static_cast<unsigned>(months - year * kMonthsPerYear + 1);
    const auto last =
        std::chrono::year_month_day_last(std::chrono::year(static_cast<int>(year)),
                                         std::chrono::month_day_last(std::chrono::month(month)));
    const std::int64_t last_day = static_cast<unsigned>(last.day());
    DASHI_ASSIGN_OR_RETURN(const std::int64_t day,
                           DayOf(year, month, calendar.day < last_day ? calendar.day : last_day));
    micros = day + calendar.micros;
  }
  std::int64_t span = 0;
  if (__builtin_mul_overflow(interval.days, kMicrosPerDay, &span) ||
      __builtin_add_overflow(span, interval.micros, &span) ||
      __builtin_add_overflow(micros, sign * span, &micros) || micros < kTimestampMin ||
      micros > kTimestampMax) {
    return MomentOutOfRange("timestamp");
  }
  return micros;
}

Status NoSuchSum(const Moment& a, const Moment& b, int sign) {
  static constexpr const char* kNames[] = {"date", "time", "timestamp", "interval"};
  const auto name = [](StaticType type) {
    return kNames[static_cast<int>(type) - static_cast<int>(StaticType::kDate)];
  };
  return Status::InvalidArgument(fmt::format("operator does not exist: {} {} {}", name(a.type),
                                             sign > 0 ? "+" : "-", name(b.type)))
      .WithSqlState("42883");
}

Interval DifferenceOf(std::int64_t a, std::int64_t b) {
  const std::int64_t micros = a - b;
  return {0, micros / kMicrosPerDay, micros % kMicrosPerDay};
}

}  // namespace

Calendar CalendarOf(std::int64_t micros) {
  const sys_days day = DayOfMicros(micros);
  const year_month_day date(day);
  Calendar calendar;
  calendar.year = static_cast<int>(date.year());
  calendar.month = static_cast<int>(static_cast<unsigned>(date.month()));
  calendar.day = static_cast<int>(static_cast<unsigned>(date.day()));
  calendar.micros = micros - FloorDiv(micros, kMicrosPerDay) * kMicrosPerDay;
  calendar.weekday = static_cast<int>(std::chrono::weekday(day).c_encoding());
  const auto first_of = [](std::int64_t year) {
    return sys_days(std::chrono::year(static_cast<int>(year)) / 1 / 1);
  };
  calendar.day_of_year = static_cast<int>((day - first_of(calendar.year)).count()) + 1;
  // The week of a day is that of its Thursday.
  const sys_days thursday = day - days((calendar.weekday + 6) % 7) + days(3);
  calendar.iso_year = static_cast<int>(year_month_day(thursday).year());
  calendar.iso_week = static_cast<int>((thursday - first_of(calendar.iso_year)).count()) / 7 + 1;
  return calendar;
}

Result<std::int64_t> DayOf(std::int64_t year, std::int64_t month, std::int64_t day) {
  const bool in_range =
      year >= 1 && year <= 9999 && month >= 1 && month <= 12 && day >= 1 && day <= 31;
  const year_month_day date(std::chrono::year(static_cast<int>(in_range ? year : 1)),
                            std::chrono::month(static_cast<unsigned>(in_range ? month : 1)),
                            std::chrono::day(static_cast<unsigned>(in_range ? day : 1)));
  if (!in_range || !date.ok()) {
    return Status::InvalidArgument(
               fmt::format("date field value out of range: {}-{:02}-{:02}", year, month, day))
        .WithSqlState("22008");
  }
  return sys_days(date).time_since_epoch().count() * kMicrosPerDay;
}

bool HasOtherOffset(std::string_view timestamp) {
  timestamp = TrimSpaces(timestamp);
  const std::size_t sign = timestamp.size() > kDateBytes ? timestamp.find_first_of("+-", kDateBytes)
                                                         : std::string_view::npos;
  return sign != std::string_view::npos &&
         timestamp.find_first_of("123456789", sign) != std::string_view::npos;
}

Result<Moment> ReadMoment(std::string_view text, StaticType type) {
  text = TrimSpaces(text);
  if (type == StaticType::kUnknown || type == StaticType::kText) {
    if (!LooksLikeDate(text)) {
      type = StaticType::kInterval;
    } else {
      type = text.size() == kDateBytes ? StaticType::kDate : StaticType::kTimestamp;
    }
  }
  switch (type) {
    case StaticType::kDate:
      return ReadDate(text);
    case StaticType::kTime:
      return ReadTime(text);
    case StaticType::kTimestamp: {
      const auto micros = ParseTimestamp(text);
      return micros ? Result<Moment>(Moment{type, *micros, {}}) : BadMoment("timestamp", text);
    }
    case StaticType::kInterval: {
      DASHI_ASSIGN_OR_RETURN(const Interval interval, ParseInterval(text));
      return Moment{type, 0, interval};
    }
    default:
      return Status::InvalidArgument("a date, time or interval is expected").WithSqlState("42883");
  }
}

std::string ShowMoment(const Moment& moment) {
  switch (moment.type) {
    case StaticType::kDate:
      return FormatTimestamp(moment.micros).substr(0, kDateBytes);
    case StaticType::kTime: {
      const std::int64_t seconds = moment.micros / kMicrosPerSecond;
      std::string text =
          fmt::format("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
      if (moment.micros % kMicrosPerSecond != 0) {
        text += fmt::format(".{:06}", moment.micros % kMicrosPerSecond);
        text.resize(text.find_last_not_of('0') + 1);
      }
      return text;
    }
    case StaticType::kInterval:
      return FormatInterval(moment.interval);
    default:
      return FormatTimestamp(moment.micros);
  }
}

Result<Moment> AddMoments(const Moment& a, const Moment& b, int sign) {
  const auto is_day = [](const Moment& moment) {
    return moment.type == StaticType::kDate || moment.type == StaticType::kTimestamp;
  };
  if (a.type == StaticType::kInterval && b.type == StaticType::kInterval) {
    DASHI_ASSIGN_OR_RETURN(const Interval sum, AddIntervals(a.interval, b.interval, sign));
    return Moment{StaticType::kInterval, 0, sum};
  }
  if (is_day(a) && b.type == StaticType::kInterval) {
    DASHI_ASSIGN_OR_RETURN(const std::int64_t micros, AddIntervalTo(a.micros, b.interval, sign));
    return Moment{StaticType::kTimestamp, micros, {}};
  }
  if (a.type == StaticType::kTime && b.type == StaticType::kInterval) {
    const std::int64_t micros = a.micros + sign * (b.interval.micros % kMicrosPerDay);
    return Moment{StaticType::kTime, micros - FloorDiv(micros, kMicrosPerDay) * kMicrosPerDay, {}};
  }
  if (sign > 0) {
    const bool days_last =
        a.type == StaticType::kInterval && (is_day(b) || b.type == StaticType::kTime);
    const bool both = (a.type == StaticType::kDate && b.type == StaticType::kTime) ||
                      (a.type == StaticType::kTime && b.type == StaticType::kDate);
    if (days_last) {
      return AddMoments(b, a, sign);
    }
    return both ? Result<Moment>(Moment{StaticType::kTimestamp, a.micros + b.micros, {}})
                : NoSuchSum(a, b, sign);
  }
  if (is_day(a) && is_day(b)) {
    return Moment{StaticType::kInterval, 0, DifferenceOf(a.micros, b.micros)};
  }
  if (a.type == StaticType::kTime && b.type == StaticType::kTime) {
    return Moment{StaticType::kInterval, 0, {0, 0, a.micros - b.micros}};
  }
  return NoSuchSum(a, b, sign);
}

Interval Age(std::int64_t later, std::int64_t earlier) {
  const bool negative = later < earlier;
  const Calendar a = CalendarOf(negative ? earlier : later);
  const Calendar b = CalendarOf(negative ? later : earlier);
  std::int64_t months = (a.year - b.year) * kMonthsPerYear + a.month - b.month;
  std::int64_t num_days = a.day - b.day;
  std::int64_t micros = a.micros - b.micros;
  if (micros < 0) {
    micros += kMicrosPerDay;
    --num_days;
  }
  if (num_days < 0) {
    const auto last = std::chrono::year_month_day_last(
        std::chrono::year(static_cast<int>(b.year)),
        std::chrono::month_day_last(std::chrono::month(static_cast<unsigned>(b.month))));
    num_days += static_cast<unsigned>(last.day());
    --months;
  }
  const std::int64_t sign = negative ? -1 : 1;
  return {sign * months, sign * num_days, sign * micros};
}

Result<std::int64_t> TruncateMoment(std::string_view field, std::int64_t micros) {
  const Calendar calendar = CalendarOf(micros);
  const auto floor = [&](std::int64_t unit) { return FloorDiv(micros, unit) * unit; };
  const auto year_of = [&](std::int64_t unit, std::int64_t first) {
    return (calendar.year - first) / unit * unit + first;
  };
  const std::pair<std::string_view, std::int64_t> units[] = {
      {"microseconds", 1},          {"milliseconds", 1000},   {"second", kMicrosPerSecond},
      {"minute", kMicrosPerMinute}, {"hour", kMicrosPerHour}, {"day", kMicrosPerDay}};
  for (const auto& [name, unit] : units) {
    if (EqualsIgnoreCase(field, name)) {
      return floor(unit);
    }
  }
  if (EqualsIgnoreCase(field, "week")) {
    const std::int64_t monday = floor(kMicrosPerDay) - (calendar.weekday + 6) % 7 * kMicrosPerDay;
    return monday < kTimestampMin ? Result<std::int64_t>(MomentOutOfRange("timestamp")) : monday;
  }
  if (EqualsIgnoreCase(field, "month")) {
    return DayOf(calendar.year, calendar.month, 1);
  }
  if (EqualsIgnoreCase(field, "quarter")) {
    return DayOf(calendar.year, (calendar.month - 1) / 3 * 3 + 1, 1);
  }
  if (EqualsIgnoreCase(field, "year")) {
    return DayOf(calendar.year, 1, 1);
  }
  if (EqualsIgnoreCase(field, "decade")) {
    return DayOf(year_of(10, 0), 1, 1);
  }
  if (EqualsIgnoreCase(field, "century")) {
    return DayOf(year_of(100, 1), 1, 1);
  }
  if (EqualsIgnoreCase(field, "millennium")) {
    return DayOf(year_of(1000, 1), 1, 1);
  }
  return Status::InvalidArgument(fmt::format("timestamp units \"{}\" not recognized", field))
      .WithSqlState("22023");
}

namespace {

std::optional<double> ClockPart(std::string_view field, std::int64_t micros) {
  const auto whole = [](std::int64_t number) { return static_cast<double>(number); };
  if (EqualsIgnoreCase(field, "hour")) {
    return whole(micros / kMicrosPerHour);
  }
  if (EqualsIgnoreCase(field, "minute")) {
    return whole(micros / kMicrosPerMinute % 60);
  }
  const double in_minute = whole(micros % kMicrosPerMinute);
  if (EqualsIgnoreCase(field, "second")) {
    return in_minute / 1e6;
  }
  if (EqualsIgnoreCase(field, "milliseconds")) {
    return in_minute / 1e3;
  }
  if (EqualsIgnoreCase(field, "microseconds")) {
    return in_minute;
  }
  return std::nullopt;
}

std::optional<double> DayPart(std::string_view field, const Calendar& calendar) {
  const std::pair<std::string_view, std::int64_t> parts[] = {
      {"year", calendar.year},
      {"month", calendar.month},
      {"day", calendar.day},
      {"quarter", (calendar.month - 1) / 3 + 1},
      {"week", calendar.iso_week},
      {"isoyear", calendar.iso_year},
      {"dow", calendar.weekday},
      {"isodow", (calendar.weekday + 6) % 7 + 1},
      {"doy", calendar.day_of_year},
      {"decade", calendar.year / 10},
      {"century", (calendar.year + 99) / 100},
      {"millennium", (calendar.year + 999) / 1000}};
  for (const auto& [name, value] : parts) {
    if (EqualsIgnoreCase(field, name)) {
      return static_cast<double>(value);
    }
  }
  return std::nullopt;
}

std::optional<double> IntervalPart(std::string_view field, const Interval& interval) {
  const std::int64_t years = interval.months / kMonthsPerYear;
  const std::pair<std::string_view, std::int64_t> parts[] = {
      {"year", years},
      {"month", interval.months % kMonthsPerYear},
      {"day", interval.days},
      {"quarter", interval.months % kMonthsPerYear / 3 + 1},
      {"decade", years / 10},
      {"century", years / 100},
      {"millennium", years / 1000}};
  for (const auto& [name, value] : parts) {
    if (EqualsIgnoreCase(field, name)) {
      return static_cast<double>(value);
    }
  }
  if (EqualsIgnoreCase(field, "epoch")) {
    constexpr double kSecondsPerYear = 31'557'600;  // 365.25 days
    return (static_cast<double>(years) * kSecondsPerYear) +
           static_cast<double>(interval.months % kMonthsPerYear) * 30 * 86'400 +
           static_cast<double>(interval.days) * 86'400 + static_cast<double>(interval.micros) / 1e6;
  }
  return ClockPart(field, interval.micros);
}

}  // namespace

Result<double> PartOf(std::string_view field, const Moment& moment) {
  std::optional<double> part;
  if (moment.type == StaticType::kInterval) {
    part = IntervalPart(field, moment.interval);
  } else if (moment.type == StaticType::kTime) {
    part = EqualsIgnoreCase(field, "epoch") ? static_cast<double>(moment.micros) / 1e6
                                            : ClockPart(field, moment.micros);
  } else if (EqualsIgnoreCase(field, "epoch")) {
    part = static_cast<double>(moment.micros) / 1e6;
  } else {
    const Calendar calendar = CalendarOf(moment.micros);
    part = DayPart(field, calendar);
    // A date has no time of day in PostgreSQL either: extract(hour from date) fails there.
    if (!part && moment.type == StaticType::kTimestamp) {
      part = ClockPart(field, calendar.micros);
    }
  }
  if (part) {
    return *part;
  }
  if (moment.type == StaticType::kDate && ClockPart(field, 0)) {
    return Status::Unimplemented(fmt::format("a date has no \"{}\"", field));
  }
  return Status::InvalidArgument(fmt::format("unit \"{}\" is not supported here", field))
      .WithSqlState("22023");
}

}  // namespace dashi::sql::postgres
