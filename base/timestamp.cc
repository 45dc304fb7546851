#include "base/timestamp.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <string>
#include <system_error>
#include <utility>

namespace dashi {

namespace {

constexpr std::int64_t kMicrosPerSecond = 1'000'000;
constexpr std::int64_t kSecondsPerDay = 86'400;

/// Takes a text apart from its front.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool AtEnd() const { return rest_.empty(); }
  bool AtSign() const { return !AtEnd() && (rest_.front() == '+' || rest_.front() == '-'); }
  bool Take(char c) {
    const bool taken = !rest_.empty() && rest_.front() == c;
    if (taken) {
      rest_.remove_prefix(1);
    }
    return taken;
  }
  /// Takes exactly `size` digits.
  bool TakeNumber(std::size_t size, int* number) {
    if (rest_.size() < size) {
      return false;
    }
    *number = 0;
    for (const char c : rest_.substr(0, size)) {
      if (c < '0' || c > '9') {
        return false;
      }
      *number = *number * 10 + (c - '0');
    }
    rest_.remove_prefix(size);
    return true;
  }
  /// Takes one to six digits as a fraction of a second.
  bool TakeFraction(std::int64_t* micros) {
    std::int64_t scale = kMicrosPerSecond;
    int digit = 0;
    while (scale > 1 && TakeNumber(1, &digit)) {
      scale /= 10;
      *micros += digit * scale;
    }
    return scale < kMicrosPerSecond;
  }

 private:
  std::string_view rest_;
};

bool IsLeapYear(int year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

int DaysInMonth(int year, int month) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && IsLeapYear(year) ? 29 : kDays[month - 1];
}

// Days from 1970-01-01 in the proleptic Gregorian calendar.
std::int64_t DaysSinceEpoch(int year, int month, int day) {
  constexpr std::int64_t kDaysTo1970 = 719'162;  // from 0001-01-01
  const std::int64_t years = year - 1;
  std::int64_t days = years * 365 + years / 4 - years / 100 + years / 400;
  for (int m = 1; m < month; ++m) {
    days += DaysInMonth(year, m);
  }
  return days + day - 1 - kDaysTo1970;
}

bool TakeDate(Scanner* scanner, std::int64_t* days) {
  int year = 0;
  int month = 0;
  int day = 0;
  if (!scanner->TakeNumber(4, &year) || !scanner->Take('-') || !scanner->TakeNumber(2, &month) ||
      !scanner->Take('-') || !scanner->TakeNumber(2, &day)) {
    return false;
  }
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > DaysInMonth(year, month)) {
    return false;
  }
  *days = DaysSinceEpoch(year, month, day);
  return true;
}

// HH:MM[:SS[.ffffff]]
bool TakeTime(Scanner* scanner, std::int64_t* micros) {
  int hour = 0;
  int minute = 0;
  int second = 0;
  if (!scanner->TakeNumber(2, &hour) || !scanner->Take(':') || !scanner->TakeNumber(2, &minute) ||
      (scanner->Take(':') && !scanner->TakeNumber(2, &second))) {
    return false;
  }
  if (hour > 23 || minute > 59 || second > 59) {
    return false;
  }
  *micros = (std::int64_t{hour} * 3600 + minute * 60 + second) * kMicrosPerSecond;
  return !scanner->Take('.') || scanner->TakeFraction(micros);
}

// Z, or +HH[[:]MM], or nothing.
bool TakeOffset(Scanner* scanner, std::int64_t* seconds) {
  if (scanner->Take('Z') || scanner->Take('z')) {
    return true;
  }
  const bool negative = scanner->Take('-');
  if (!negative && !scanner->Take('+')) {
    return true;
  }
  int hours = 0;
  int minutes = 0;
  if (!scanner->TakeNumber(2, &hours) || (scanner->Take(':') && scanner->AtEnd()) ||
      (!scanner->AtEnd() && !scanner->TakeNumber(2, &minutes)) || hours > 15 || minutes > 59) {
    return false;
  }
  *seconds = (std::int64_t{hours} * 3600 + minutes * 60) * (negative ? -1 : 1);
  return true;
}

}  // namespace

std::optional<std::int64_t> ParseTimestamp(std::string_view text) {
  Scanner scanner(text);
  std::int64_t days = 0;
  std::int64_t micros = 0;
  std::int64_t offset_seconds = 0;
  if (!TakeDate(&scanner, &days)) {
    return std::nullopt;
  }
  const bool blank = scanner.Take(' ');
  if (blank || scanner.Take('T') || scanner.Take('t')) {
    const bool whole_day = blank && scanner.AtSign();
    if ((!whole_day && !TakeTime(&scanner, &micros)) || !TakeOffset(&scanner, &offset_seconds)) {
      return std::nullopt;
    }
  }
  const std::int64_t time = (days * kSecondsPerDay - offset_seconds) * kMicrosPerSecond + micros;
  if (!scanner.AtEnd() || time < kTimestampMin || time > kTimestampMax) {
    return std::nullopt;
  }
  return time;
}

std::optional<std::int64_t> ParseLongDuration(std::string_view text) {
  static constexpr std::pair<std::string_view, double> kUnits[] = {
      {"s", 1},        {"second", 1}, {"min", 60},     {"minute", 60}, {"h", 3'600},
      {"hour", 3'600}, {"d", 86'400}, {"day", 86'400}, {"w", 604'800}, {"week", 604'800}};
  constexpr double kSecondsMax = 100.0 * 366 * 86'400;
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || !(number > 0)) {
    return std::nullopt;
  }
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  std::string unit(text);
  for (char& c : unit) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  for (const auto& [name, seconds] : kUnits) {
    const bool plural = name.size() > 2 && unit == std::string(name) + "s";
    if ((plural || unit == name) && number * seconds <= kSecondsMax) {
      return std::max<std::int64_t>(1, static_cast<std::int64_t>(number * seconds * 1e6));
    }
  }
  return std::nullopt;
}

}  // namespace dashi
