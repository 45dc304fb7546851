#include "sql/postgres/interval.h"

#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/status.h"
#include "sql/token.h"

namespace dashi::sql::postgres {

namespace {

constexpr double kMicrosOfSecond = 1e6;
constexpr std::int64_t kSecondsOfHour = 3600;
constexpr double kSecondsPerDay = 86400;
constexpr double kDaysPerMonth = 30;
constexpr std::int64_t kMonthsOfYear = 12;
/// Beyond these PostgreSQL's 32 bits, or our sums, would overflow.
constexpr double kPartMax = 2147483647.0;
constexpr double kMicrosMax = 9e18;

struct IntervalUnit {
  std::string_view name;
  double months;
  double days;
  double seconds;
};

constexpr IntervalUnit kIntervalUnits[] = {
    {"microsecond", 0, 0, 1e-6},
    {"us", 0, 0, 1e-6},
    {"usec", 0, 0, 1e-6},
    {"millisecond", 0, 0, 1e-3},
    {"ms", 0, 0, 1e-3},
    {"msec", 0, 0, 1e-3},
    {"second", 0, 0, 1},
    {"sec", 0, 0, 1},
    {"s", 0, 0, 1},
    {"minute", 0, 0, 60},
    {"min", 0, 0, 60},
    {"m", 0, 0, 60},
    {"hour", 0, 0, 3600},
    {"hr", 0, 0, 3600},
    {"h", 0, 0, 3600},
    {"day", 0, 1, 0},
    {"d", 0, 1, 0},
    {"week", 0, 7, 0},
    {"w", 0, 7, 0},
    {"month", 1, 0, 0},
    {"mon", 1, 0, 0},
    {"year", 12, 0, 0},
    {"yr", 12, 0, 0},
    {"y", 12, 0, 0},
    {"decade", 120, 0, 0},
    {"century", 1200, 0, 0},
    {"centuries", 1200, 0, 0},
    {"millennium", 12000, 0, 0},
    {"millennia", 12000, 0, 0},
};

const IntervalUnit* FindUnit(std::string_view word) {
  for (const IntervalUnit& unit : kIntervalUnits) {
    const bool plural = word.size() == unit.name.size() + 1 && unit.name.size() > 1 &&
                        (word.back() == 's' || word.back() == 'S') &&
                        EqualsIgnoreCase(word.substr(0, word.size() - 1), unit.name);
    if (plural || EqualsIgnoreCase(word, unit.name)) {
      return &unit;
    }
  }
  return nullptr;
}

Status BadInterval(std::string_view text) {
  return Status::InvalidArgument(
             fmt::format("invalid input syntax for type interval: \"{}\"", text))
      .WithSqlState("22007")
      .WithHint("Write it like '1 day 02:30' or '3 months'.");
}

bool IsDecimalDigit(char c) { return c >= '0' && c <= '9'; }

/// Adds up the parts of an interval.
class IntervalSum {
 public:
  void Add(double number, const IntervalUnit& unit) {
    AddMonths(number * unit.months);
    AddDays(number * unit.days);
    micros_ += number * unit.seconds * kMicrosOfSecond;
  }
  void AddMicros(double micros) { micros_ += micros; }
  void Negate() {
    months_ = -months_;
    days_ = -days_;
    micros_ = -micros_;
  }
  std::optional<Interval> Take() const {
    if (std::abs(months_) > kPartMax || std::abs(days_) > kPartMax ||
        std::abs(micros_) > kMicrosMax) {
      return std::nullopt;
    }
    return Interval{static_cast<std::int64_t>(months_), static_cast<std::int64_t>(days_),
                    std::llround(micros_)};
  }

 private:
  void AddMonths(double months) {
    months_ += std::trunc(months);
    AddDays((months - std::trunc(months)) * kDaysPerMonth);
  }
  void AddDays(double days) {
    days_ += std::trunc(days);
    micros_ += (days - std::trunc(days)) * kSecondsPerDay * kMicrosOfSecond;
  }

  double months_ = 0;
  double days_ = 0;
  double micros_ = 0;
};

/// Takes an interval apart from its front.
class IntervalReader {
 public:
  explicit IntervalReader(std::string_view text) : rest_(text) {}

  bool AtEnd() {
    const std::size_t begin = rest_.find_first_not_of(" \t\n");
    rest_.remove_prefix(begin == std::string_view::npos ? rest_.size() : begin);
    return rest_.empty();
  }
  /// Takes a number, or a time of day, and its unit; false where neither stands.
  bool TakePart(IntervalSum* sum) {
    const bool negative = rest_.front() == '-';
    if (negative || rest_.front() == '+') {
      rest_.remove_prefix(1);
    }
    if (rest_.empty() || !(IsDecimalDigit(rest_.front()) || rest_.front() == '.')) {
      return false;
    }
    const std::size_t colon = rest_.find_first_not_of("0123456789");
    if (colon != std::string_view::npos && rest_[colon] == ':') {
      return TakeClock(negative, sum);
    }
    double number = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), number,
                                              std::chars_format::fixed);
    if (error != std::errc()) {
      return false;
    }
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    number = negative ? -number : number;
    if (AtEnd()) {
      sum->AddMicros(number * kMicrosOfSecond);  // Seconds, where no unit stands.
      return true;
    }
    const IntervalUnit* unit = FindUnit(TakeWord());
    if (unit == nullptr) {
      return false;
    }
    sum->Add(number, *unit);
    return true;
  }
  std::string_view TakeWord() {
    std::size_t size = 0;
    while (size < rest_.size() && ((rest_[size] | 0x20) >= 'a' && (rest_[size] | 0x20) <= 'z')) {
      ++size;
    }
    const std::string_view word = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return word;
  }
  std::string_view rest() const { return rest_; }

 private:
  // H:MM[:SS[.ffffff]]
  bool TakeClock(bool negative, IntervalSum* sum) {
    std::int64_t parts[3] = {0, 0, 0};
    std::size_t count = 0;
    do {
      const char* end = rest_.data() + rest_.size();
      const auto [at, error] = std::from_chars(rest_.data(), end, parts[count]);
      if (error != std::errc() || !IsDecimalDigit(rest_.front()) ||
          (count > 0 && parts[count] > 59)) {
        return false;
      }
      rest_.remove_prefix(static_cast<std::size_t>(at - rest_.data()));
      ++count;
      if (count == 3 || rest_.empty() || rest_.front() != ':') {
        break;
      }
      rest_.remove_prefix(1);
    } while (!rest_.empty());
    double seconds = static_cast<double>(parts[0]) * kSecondsOfHour +
                     static_cast<double>(parts[1]) * 60 + static_cast<double>(parts[2]);
    if (count == 3 && !rest_.empty() && rest_.front() == '.') {
      double fraction = 0;
      const auto [at, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), fraction,
                                               std::chars_format::fixed);
      if (error != std::errc()) {
        return false;
      }
      rest_.remove_prefix(static_cast<std::size_t>(at - rest_.data()));
      seconds += fraction;
    }
    sum->AddMicros((negative ? -seconds : seconds) * kMicrosOfSecond);
    return count > 1;
  }

  std::string_view rest_;
};

void AppendPart(std::string* text, std::int64_t value, std::string_view unit, bool* before) {
  if (value == 0) {
    return;
  }
  *text += fmt::format("{}{}{} {}{}", text->empty() ? "" : " ", *before && value > 0 ? "+" : "",
                       value, unit, value == 1 ? "" : "s");
  *before = value < 0;
}

Result<Interval> IntervalOutOfRange() {
  return Status::InvalidArgument("interval out of range").WithSqlState("22008");
}

double RoundMicros(double seconds) {
  return std::rint(seconds * kMicrosOfSecond) / kMicrosOfSecond;
}

}  // namespace

Result<Interval> ParseInterval(std::string_view text) {
  IntervalReader reader(text);
  IntervalSum sum;
  if (reader.AtEnd()) {
    return BadInterval(text);
  }
  if (reader.rest().front() == 'P') {
    return Status::Unimplemented("intervals of ISO 8601 are not supported")
        .WithHint("Write it like '1 day 02:30'.");
  }
  while (!reader.AtEnd()) {
    IntervalReader before = reader;
    if (EqualsIgnoreCase(reader.TakeWord(), "ago")) {
      sum.Negate();
      if (!reader.AtEnd()) {
        return BadInterval(text);
      }
      break;
    }
    reader = before;
    if (!reader.TakePart(&sum)) {
      return BadInterval(text);
    }
  }
  const std::optional<Interval> interval = sum.Take();
  if (!interval) {
    return Status::InvalidArgument(fmt::format("interval field value out of range: \"{}\"", text))
        .WithSqlState("22015");
  }
  return *interval;
}

std::string FormatInterval(const Interval& interval) {
  std::string text;
  bool before = false;
  AppendPart(&text, interval.months / kMonthsOfYear, "year", &before);
  AppendPart(&text, interval.months % kMonthsOfYear, "mon", &before);
  AppendPart(&text, interval.days, "day", &before);
  if (interval.micros != 0 || text.empty()) {
    const bool negative = interval.micros < 0;
    const auto micros = static_cast<std::uint64_t>(negative ? -interval.micros : interval.micros);
    const std::uint64_t seconds = micros / 1'000'000;
    text += fmt::format("{}{}{:02}:{:02}:{:02}", text.empty() ? "" : " ",
                        negative ? "-" : (before ? "+" : ""), seconds / kSecondsOfHour,
                        seconds / 60 % 60, seconds % 60);
    if (micros % 1'000'000 != 0) {
      text += fmt::format(".{:06}", micros % 1'000'000);
      text.resize(text.find_last_not_of('0') + 1);
    }
  }
  return text;
}

double IntervalOrder(const Interval& interval) {
  const double days =
      static_cast<double>(interval.months) * kDaysPerMonth + static_cast<double>(interval.days);
  return days * kSecondsPerDay * kMicrosOfSecond + static_cast<double>(interval.micros);
}

Result<Interval> AddIntervals(const Interval& a, const Interval& b, int sign) {
  Interval sum{a.months + sign * b.months, a.days + sign * b.days, 0};
  const bool large = std::abs(static_cast<double>(sum.months)) > kPartMax ||
                     std::abs(static_cast<double>(sum.days)) > kPartMax;
  const bool overflow = __builtin_add_overflow(a.micros, sign * b.micros, &sum.micros);
  return large || overflow ? IntervalOutOfRange() : Result<Interval>(sum);
}

Result<Interval> MultiplyInterval(const Interval& interval, double factor) {
  const double months = static_cast<double>(interval.months) * factor;
  const double days = static_cast<double>(interval.days) * factor;
  if (!(std::abs(months) <= kPartMax && std::abs(days) <= kPartMax)) {
    return IntervalOutOfRange();
  }
  Interval product{static_cast<std::int64_t>(months), static_cast<std::int64_t>(days), 0};
  const double month_days = RoundMicros((months - std::trunc(months)) * kDaysPerMonth);
  double seconds =
      RoundMicros((days - std::trunc(days) + month_days - std::trunc(month_days)) * kSecondsPerDay);
  if (std::abs(seconds) >= kSecondsPerDay) {
    const double whole = std::trunc(seconds / kSecondsPerDay);
    product.days += static_cast<std::int64_t>(whole);
    seconds -= whole * kSecondsPerDay;
  }
  product.days += static_cast<std::int64_t>(month_days);
  const double micros =
      std::rint(static_cast<double>(interval.micros) * factor + seconds * kMicrosOfSecond);
  if (!(std::abs(micros) <= kMicrosMax)) {
    return IntervalOutOfRange();
  }
  product.micros = static_cast<std::int64_t>(micros);
  return product;
}

}  // namespace dashi::sql::postgres
