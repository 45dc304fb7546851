#include "sql/postgres/to_char.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/status.h"
#include "sql/postgres/moment.h"
#include "sql/token.h"

namespace dashi::sql::postgres {

namespace {

constexpr std::string_view kMonthNames[] = {"January",   "February", "March",    "April",
                                            "May",       "June",     "July",     "August",
                                            "September", "October",  "November", "December"};
constexpr std::string_view kDayNames[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                          "Thursday", "Friday", "Saturday"};
constexpr std::size_t kNameWidth = 9;
constexpr std::int64_t kJulianOf1970 = 2'440'588;

enum class Case { kUpper, kTitle, kLower };

std::string Cased(std::string_view name, Case letters) {
  std::string text = ToLowerAscii(name);
  if (letters == Case::kUpper) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return static_cast<char>(c - 'a' + 'A'); });
  } else if (letters == Case::kTitle) {
    text.front() = static_cast<char>(text.front() - 'a' + 'A');
  }
  return text;
}

/// A word of a pattern, longest first where one begins another.
struct PatternWord {
  std::string_view word;
  enum class Meaning {
    kYear,
    kYear3,
    kYear2,
    kYear1,
    kYearComma,
    kIsoYear,
    kMonth,
    kDay,
    kDayOfYear,
    kWeekday,
    kIsoWeekday,
    kWeek,
    kWeekOfYear,
    kWeekOfMonth,
    kQuarter,
    kCentury,
    kJulian,
    kHour24,
    kHour12,
    kMinute,
    kSecond,
    kMilli,
    kMicro,
    kSecondOfDay,
    kMeridiem,
    kMeridiemDots,
    kMonthName,
    kShortMonth,
    kDayName,
    kShortDay,
    kZone
  } meaning;
};

using Meaning = PatternWord::Meaning;

constexpr PatternWord kPatternWords[] = {
    {"Y,YYY", Meaning::kYearComma},
    {"YYYY", Meaning::kYear},
    {"YYY", Meaning::kYear3},
    {"YY", Meaning::kYear2},
    {"Y", Meaning::kYear1},
    {"IYYY", Meaning::kIsoYear},
    {"MONTH", Meaning::kMonthName},
    {"MON", Meaning::kShortMonth},
    {"MM", Meaning::kMonth},
    {"MI", Meaning::kMinute},
    {"MS", Meaning::kMilli},
    {"DDD", Meaning::kDayOfYear},
    {"DD", Meaning::kDay},
    {"DAY", Meaning::kDayName},
    {"DY", Meaning::kShortDay},
    {"D", Meaning::kWeekday},
    {"ID", Meaning::kIsoWeekday},
    {"IW", Meaning::kWeek},
    {"WW", Meaning::kWeekOfYear},
    {"W", Meaning::kWeekOfMonth},
    {"Q", Meaning::kQuarter},
    {"CC", Meaning::kCentury},
    {"J", Meaning::kJulian},
    {"HH24", Meaning::kHour24},
    {"HH12", Meaning::kHour12},
    {"HH", Meaning::kHour12},
    {"SSSSS", Meaning::kSecondOfDay},
    {"SSSS", Meaning::kSecondOfDay},
    {"SS", Meaning::kSecond},
    {"US", Meaning::kMicro},
    {"A.M.", Meaning::kMeridiemDots},
    {"P.M.", Meaning::kMeridiemDots},
    {"AM", Meaning::kMeridiem},
    {"PM", Meaning::kMeridiem},
    {"TZ", Meaning::kZone},
};

const PatternWord* FindPatternWord(std::string_view pattern) {
  const auto* found =
      std::find_if(std::begin(kPatternWords), std::end(kPatternWords), [&](const PatternWord& one) {
        return EqualsIgnoreCase(pattern.substr(0, one.word.size()), one.word);
      });
  return found == std::end(kPatternWords) ? nullptr : found;
}

/// One word of a pattern as it is written: the case of its letters says that of a name's.
struct WrittenWord {
  const PatternWord* word = nullptr;
  std::string_view written;
  bool fill = true;  ///< false: FM stood before it

  Case NameCase() const {
    const auto upper = [](char c) { return c >= 'A' && c <= 'Z'; };
    if (!upper(written[0])) {
      return Case::kLower;
    }
    return upper(written[1]) ? Case::kUpper : Case::kTitle;
  }
  std::string Name(std::string_view name, bool pad) const {
    std::string text = Cased(name, NameCase());
    if (pad && fill && text.size() < kNameWidth) {
      text.resize(kNameWidth, ' ');
    }
    return text;
  }
  std::string Number(std::int64_t number, int width) const {
    return fill ? fmt::format("{:0{}}", number, width) : fmt::format("{}", number);
  }
};

std::string DatePart(const WrittenWord& word, const Calendar& calendar) {
  switch (word.word->meaning) {
    case Meaning::kYear:
      return word.Number(calendar.year, 4);
    case Meaning::kYear3:
      return word.Number(calendar.year % 1000, 3);
    case Meaning::kYear2:
      return word.Number(calendar.year % 100, 2);
    case Meaning::kYear1:
      return word.Number(calendar.year % 10, 1);
    case Meaning::kYearComma:
      return fmt::format("{},{:03}", calendar.year / 1000, calendar.year % 1000);
    case Meaning::kIsoYear:
      return word.Number(calendar.iso_year, 4);
    case Meaning::kMonth:
      return word.Number(calendar.month, 2);
    case Meaning::kDay:
      return word.Number(calendar.day, 2);
    case Meaning::kDayOfYear:
      return word.Number(calendar.day_of_year, 3);
    case Meaning::kWeekday:
      return word.Number(calendar.weekday + 1, 1);
    case Meaning::kIsoWeekday:
      return word.Number((calendar.weekday + 6) % 7 + 1, 1);
    case Meaning::kWeek:
      return word.Number(calendar.iso_week, 2);
    case Meaning::kWeekOfYear:
      return word.Number((calendar.day_of_year - 1) / 7 + 1, 2);
    case Meaning::kWeekOfMonth:
      return word.Number((calendar.day - 1) / 7 + 1, 1);
    case Meaning::kQuarter:
      return word.Number((calendar.month - 1) / 3 + 1, 1);
    case Meaning::kCentury:
      return word.Number((calendar.year + 99) / 100, 2);
    case Meaning::kMonthName:
      return word.Name(kMonthNames[calendar.month - 1], /*pad=*/true);
    case Meaning::kShortMonth:
      return word.Name(kMonthNames[calendar.month - 1].substr(0, 3), /*pad=*/false);
    case Meaning::kDayName:
      return word.Name(kDayNames[calendar.weekday], /*pad=*/true);
    case Meaning::kShortDay:
      return word.Name(kDayNames[calendar.weekday].substr(0, 3), /*pad=*/false);
    default:
      return {};
  }
}

std::string ClockPartText(const WrittenWord& word, const Calendar& calendar) {
  const std::int64_t seconds = calendar.micros / kMicrosPerSecond;
  const std::int64_t fraction = calendar.micros % kMicrosPerSecond;
  const std::int64_t hour = seconds / 3600;
  switch (word.word->meaning) {
    case Meaning::kHour24:
      return word.Number(hour, 2);
    case Meaning::kHour12:
      return word.Number(hour % 12 == 0 ? 12 : hour % 12, 2);
    case Meaning::kMinute:
      return word.Number(seconds / 60 % 60, 2);
    case Meaning::kSecond:
      return word.Number(seconds % 60, 2);
    case Meaning::kMilli:
      return fmt::format("{:03}", fraction / 1000);
    case Meaning::kMicro:
      return fmt::format("{:06}", fraction);
    case Meaning::kSecondOfDay:
      return fmt::format("{}", seconds);
    case Meaning::kMeridiem:
    case Meaning::kMeridiemDots: {
      const bool dots = word.word->meaning == Meaning::kMeridiemDots;
      const std::string text = hour < 12 ? (dots ? "a.m." : "am") : (dots ? "p.m." : "pm");
      const bool upper = word.written[0] >= 'A' && word.written[0] <= 'Z';
      return upper ? (hour < 12 ? (dots ? "A.M." : "AM") : (dots ? "P.M." : "PM")) : text;
    }
    case Meaning::kZone:
      return word.written[0] == 'T' ? "UTC" : "utc";
    default:
      return {};
  }
}

Status UnknownPattern(std::string_view pattern) {
  return Status::Unimplemented(
             fmt::format("to_char does not know this pattern here: \"{}\"", pattern))
      .WithHint("Put text that stands for itself in double quotes.");
}

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

}  // namespace

Result<std::string> TimestampToChar(std::int64_t micros, std::string_view pattern) {
  const Calendar calendar = CalendarOf(micros);
  std::string text;
  bool fill = true;
  while (!pattern.empty()) {
    if (pattern.front() == '"') {
      const std::size_t close = pattern.find('"', 1);
      if (close == std::string_view::npos) {
        return UnknownPattern(pattern);
      }
      text += pattern.substr(1, close - 1);
      pattern.remove_prefix(close + 1);
      continue;
    }
    if (EqualsIgnoreCase(pattern.substr(0, 2), "FM")) {
      fill = false;
      pattern.remove_prefix(2);
      continue;
    }
    const PatternWord* word = FindPatternWord(pattern);
    if (word == nullptr) {
      if (IsLetter(pattern.front()) || pattern.front() == '\\') {
        return UnknownPattern(pattern);
      }
      text += pattern.front();
      pattern.remove_prefix(1);
      continue;
    }
    const WrittenWord written{word, pattern.substr(0, word->word.size()), fill};
    pattern.remove_prefix(word->word.size());
    // TH, SP and the like change the word before them.
    if (EqualsIgnoreCase(pattern.substr(0, 2), "TH") ||
        EqualsIgnoreCase(pattern.substr(0, 2), "SP")) {
      return UnknownPattern(pattern);
    }
    if (word->meaning == Meaning::kJulian) {
      text += fmt::format("{}", (micros - calendar.micros) / kMicrosPerDay + kJulianOf1970);
    } else {
      text += DatePart(written, calendar) + ClockPartText(written, calendar);
    }
    fill = true;
  }
  return text;
}

}  // namespace dashi::sql::postgres
