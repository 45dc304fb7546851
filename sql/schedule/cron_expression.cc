#include "sql/schedule/cron_expression.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "base/status.h"
#include "sql/token.h"

namespace dashi::sql {

namespace {

constexpr std::int64_t kMicrosPerSecond = 1'000'000;
/// 29 February comes after 8 years at most.
constexpr int kYearsMax = 8;
/// Clocks are put forward or back by a day at most.
constexpr int kMinutesOfChangeMax = 24 * 60;

constexpr std::string_view kMonths[] = {"JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                        "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
constexpr std::string_view kWeekdays[] = {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"};

struct Nickname {
  std::string_view name;
  std::string_view fields;
};
constexpr Nickname kNicknames[] = {{"@hourly", "0 * * * *"},   {"@daily", "0 0 * * *"},
                                   {"@midnight", "0 0 * * *"}, {"@weekly", "0 0 * * 0"},
                                   {"@monthly", "0 0 1 * *"},  {"@yearly", "0 0 1 1 *"},
                                   {"@annually", "0 0 1 1 *"}};

bool IsBlank(char c) { return c == ' ' || c == '\t'; }

std::int64_t MicrosOf(const cctz::time_point<cctz::seconds>& point) {
  return point.time_since_epoch().count() * kMicrosPerSecond;
}

Status BadExpression(std::string message) {
  return Status::InvalidArgument(std::move(message))
      .WithSqlState("22023")
      .WithHint(
          "CRON '0 3 * * *' is 3:00 each day: minute, hour, day of the month, month, day of the "
          "week.");
}

/// The values that a part of a field stands for.
struct Range {
  int first = 0;
  int last = 0;
  int step = 1;
};

}  // namespace

struct CronExpression::Field {
  std::string_view name;
  int min;
  int max;
  std::span<const std::string_view> names;  ///< of the values from `min` on
};

namespace {

std::optional<int> NumberOf(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size() && text[0] != '-';
  return whole ? std::optional(number) : std::nullopt;
}

/// A number or a name of a field; nullopt for what is none, or out of its range.
std::optional<int> ValueOf(std::string_view text, int min, int max,
                           std::span<const std::string_view> names) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (EqualsIgnoreCase(text, names[i])) {
      return min + static_cast<int>(i);
    }
  }
  const std::optional<int> number = text.empty() ? std::nullopt : NumberOf(text);
  return number && *number >= min && *number <= max ? number : std::nullopt;
}

/// A part of a field between commas.
std::optional<Range> RangeOf(std::string_view part, int min, int max,
                             std::span<const std::string_view> names) {
  Range range{min, max, 1};
  const std::size_t slash = part.find('/');
  if (slash != std::string_view::npos) {
    const std::string_view step_text = part.substr(slash + 1);
    const std::optional<int> step = step_text.empty() ? std::nullopt : NumberOf(step_text);
    if (!step || *step < 1 || *step > max) {
      return std::nullopt;
    }
    range.step = *step;
    part = part.substr(0, slash);
  }
  if (part == "*") {
    return range;
  }
  const std::size_t dash = part.find('-');
  const std::optional<int> first = ValueOf(part.substr(0, dash), min, max, names);
  if (!first) {
    return std::nullopt;
  }
  range.first = *first;
  if (dash != std::string_view::npos) {
    const std::optional<int> last = ValueOf(part.substr(dash + 1), min, max, names);
    if (!last || *last < *first) {
      return std::nullopt;
    }
    range.last = *last;
  } else if (slash == std::string_view::npos) {
    range.last = *first;
  }
  return range;
}

}  // namespace

Result<CronExpression> CronExpression::Parse(std::string_view text) {
  CronExpression cron;
  cron.text_ = std::string(text);
  std::string_view fields = text;
  if (text.starts_with('@')) {
    const auto* known =
        std::find_if(std::begin(kNicknames), std::end(kNicknames),
                     [&](const Nickname& one) { return EqualsIgnoreCase(one.name, text); });
    if (known == std::end(kNicknames)) {
      return BadExpression("unknown word of a cron expression: " + std::string(text))
          .WithHint("It knows @hourly, @daily, @weekly, @monthly and @yearly.");
    }
    fields = known->fields;
  }
  static constexpr Field kFields[] = {{"minute", 0, 59, {}},
                                      {"hour", 0, 23, {}},
                                      {"day of the month", 1, 31, {}},
                                      {"month", 1, 12, kMonths},
                                      {"day of the week", 0, 7, kWeekdays}};
  std::size_t at = 0;
  for (const Field& field : kFields) {
    while (at < fields.size() && IsBlank(fields[at])) {
      ++at;
    }
    const std::size_t begin = at;
    while (at < fields.size() && !IsBlank(fields[at])) {
      ++at;
    }
    if (begin == at) {
      return BadExpression(fmt::format(
          "a cron expression has five fields: there is no {} in \"{}\"", field.name, text));
    }
    DASHI_RETURN_IF_ERROR(cron.ParseField(field, fields.substr(begin, at - begin)));
  }
  if (fields.find_first_not_of(" \t", at) != std::string_view::npos) {
    return BadExpression(
        fmt::format("a cron expression has five fields: there are more in \"{}\"", text));
  }
  if (!cron.FirstFrom(cctz::civil_minute(2000, 1, 1, 0, 0))) {
    return BadExpression(fmt::format("there is no such day: \"{}\" is never due", text));
  }
  return cron;
}

Status CronExpression::ParseField(const Field& field, std::string_view text) {
  std::bitset<60> values;
  std::string_view rest = text;
  for (;;) {
    const std::size_t comma = rest.find(',');
    const std::optional<Range> range =
        RangeOf(rest.substr(0, comma), field.min, field.max, field.names);
    if (!range) {
      return BadExpression(
          fmt::format("\"{}\" is no {} of a cron expression: it has {} to {}{}", text, field.name,
                      field.min, field.max,
                      field.names.empty()
                          ? std::string()
                          : fmt::format(", or {} to {}", field.names.front(), field.names.back())));
    }
    for (int value = range->first; value <= range->last; value += range->step) {
      values.set(static_cast<std::size_t>(value));
    }
    if (comma == std::string_view::npos) {
      break;
    }
    rest.remove_prefix(comma + 1);
  }
  const bool any = text.front() == '*';
  const auto copy = [&values](auto* to) {
    for (std::size_t i = 0; i < to->size(); ++i) {
      to->set(i, values.test(i));
    }
  };
  if (field.name == "minute") {
    copy(&minutes_);
    by_passing_ = any;
  } else if (field.name == "hour") {
    copy(&hours_);
    by_passing_ = by_passing_ || any;
  } else if (field.name == "day of the month") {
    copy(&days_);
    any_day_ = any;
  } else if (field.name == "month") {
    copy(&months_);
  } else {
    copy(&weekdays_);
    weekdays_.set(0, weekdays_.test(0) || values.test(7));
    any_weekday_ = any;
  }
  return Status();
}

bool CronExpression::MatchesDay(const cctz::civil_day& day) const {
  // From Monday, which is 0.
  const auto from_monday = static_cast<std::size_t>(cctz::get_weekday(day));
  const bool of_week = weekdays_.test((from_monday + 1) % weekdays_.size());
  const bool of_month = days_.test(static_cast<std::size_t>(day.day()));
  // Also crontab's `*/2`: a day of the month that is restricted by steps counts as any day.
  return any_day_ || any_weekday_ ? of_month && of_week : of_month || of_week;
}

std::optional<cctz::civil_minute> CronExpression::FirstFrom(cctz::civil_minute local) const {
  const auto end_year = local.year() + kYearsMax + 1;
  while (local.year() < end_year) {
    if (!months_.test(static_cast<std::size_t>(local.month()))) {
      local = cctz::civil_minute(cctz::civil_month(local) + 1);
    } else if (!MatchesDay(cctz::civil_day(local))) {
      local = cctz::civil_minute(cctz::civil_day(local) + 1);
    } else if (!hours_.test(static_cast<std::size_t>(local.hour()))) {
      local = cctz::civil_minute(cctz::civil_hour(local) + 1);
    } else if (!minutes_.test(static_cast<std::size_t>(local.minute()))) {
      ++local;
    } else {
      return local;
    }
  }
  return std::nullopt;
}

std::optional<std::int64_t> CronExpression::NextAfter(std::int64_t micros,
                                                      const TimeZone& zone) const {
  return by_passing_ ? NextByPassing(micros, zone) : NextByName(micros, zone);
}

// Moments of local times never go back as the local times go on, so the first one that is late
// enough is the next.
std::optional<std::int64_t> CronExpression::NextByName(std::int64_t micros,
                                                       const TimeZone& zone) const {
  auto local = cctz::civil_minute(zone.LocalTime(micros)) - kMinutesOfChangeMax;
  for (;;) {
    const std::optional<cctz::civil_minute> found = FirstFrom(local);
    if (!found) {
      return std::nullopt;
    }
    const cctz::time_zone::civil_lookup place = zone.Lookup(cctz::civil_second(*found));
    const std::int64_t due =
        MicrosOf(place.kind == cctz::time_zone::civil_lookup::SKIPPED ? place.trans : place.pre);
    if (due > micros) {
      return due;
    }
    local = *found + 1;
  }
}

// Between two changes of the clocks a local time is a moment, and the other way round.
std::optional<std::int64_t> CronExpression::NextByPassing(std::int64_t micros,
                                                          const TimeZone& zone) const {
  std::int64_t begin = micros;  // Moments behind this one.
  for (;;) {
    const cctz::civil_second shown = zone.LocalTime(begin);
    const std::optional<cctz::civil_minute> found = FirstFrom(cctz::civil_minute(shown) + 1);
    if (!found) {
      return std::nullopt;
    }
    const std::int64_t in_second =
        ((begin % kMicrosPerSecond) + kMicrosPerSecond) % kMicrosPerSecond;
    const std::int64_t due =
        begin - in_second + (cctz::civil_second(*found) - shown) * kMicrosPerSecond;
    const std::int64_t change = zone.NextTransition(begin);
    if (due < change) {
      return due;
    }
    // What clocks show from the change on may be due at once.
    const cctz::civil_second shown_then = zone.LocalTime(change);
    const cctz::civil_minute minute(shown_then);
    if (cctz::civil_second(minute) == shown_then && FirstFrom(minute) == minute) {
      return change;
    }
    begin = change;
  }
}

}  // namespace dashi::sql
