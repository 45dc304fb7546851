#include "sql/schedule/cron_expression.h"

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/random.h"
#include "base/timestamp.h"

namespace dashi::sql {
namespace {

constexpr std::int64_t kMinute = 60'000'000;

CronExpression Cron(std::string_view text) {
  Result<CronExpression> cron = CronExpression::Parse(text);
  EXPECT_TRUE(cron.ok()) << text << ": " << cron.status().ToString();
  return std::move(cron).value();
}

TimeZone Zone(std::string_view name) {
  Result<TimeZone> zone = TimeZone::Load(name);
  EXPECT_TRUE(zone.ok()) << zone.status().ToString();
  return std::move(zone).value();
}

std::int64_t At(std::string_view text) { return ParseTimestamp(text).value(); }

/// The next moments behind `begin` as "2026-03-29 01:00", in UTC.
std::vector<std::string> Next(std::string_view text, std::string_view zone, std::string_view begin,
                              int count) {
  const CronExpression cron = Cron(text);
  const TimeZone place = Zone(zone);
  std::vector<std::string> due;
  std::int64_t at = At(begin);
  for (int i = 0; i < count; ++i) {
    at = cron.NextAfter(at, place).value();
    due.push_back(FormatTimestamp(at).substr(0, 16));
  }
  return due;
}

using Moments = std::vector<std::string>;

TEST(CronExpressionTest, FieldsRestrict) {
  EXPECT_EQ(Next("0 3 * * *", "UTC", "2026-11-29 02:59:59Z", 2),
            (Moments{"2026-11-29 03:00", "2026-11-30 03:00"}));
  EXPECT_EQ(Next("0 3 * * *", "UTC", "2026-11-29 03:00:00Z", 1), (Moments{"2026-11-30 03:00"}));
  EXPECT_EQ(
      Next("*/20 9-10 * * mon-Fri", "UTC", "2026-11-27 10:30Z", 4),
      (Moments{"2026-11-27 10:40", "2026-11-30 09:00", "2026-11-30 09:20", "2026-11-30 09:40"}));
  EXPECT_EQ(Next("5,35 */12 1 jan,JUL *", "UTC", "2026-01-01 12:20Z", 3),
            (Moments{"2026-01-01 12:35", "2026-07-01 00:05", "2026-07-01 00:35"}));
  EXPECT_EQ(Next("10/25 0 * * *", "UTC", "2026-01-01 00:00Z", 3),
            (Moments{"2026-01-01 00:10", "2026-01-01 00:35", "2026-01-02 00:10"}));
  EXPECT_EQ(Next("0 0 29 2 *", "UTC", "2096-03-01 00:00Z", 1), (Moments{"2104-02-29 00:00"}));
}

TEST(CronExpressionTest, EitherDayIsEnoughWhereBothAreRestricted) {
  EXPECT_EQ(Next("0 0 13 * 5", "UTC", "2026-11-06 00:00Z", 3),
            (Moments{"2026-11-13 00:00", "2026-11-20 00:00", "2026-11-27 00:00"}));
  EXPECT_EQ(Next("0 0 1 * 7", "UTC", "2026-11-22 00:00Z", 3),
            (Moments{"2026-11-29 00:00", "2026-12-01 00:00", "2026-12-06 00:00"}));
  EXPECT_EQ(Next("0 0 */10 * 0", "UTC", "2026-10-31 00:00Z", 1), (Moments{"2026-11-01 00:00"}))
      << "the first Sunday among every tenth day";
}

TEST(CronExpressionTest, WordsStandForExpressions) {
  EXPECT_EQ(Next("@hourly", "UTC", "2026-11-29 02:10Z", 1), (Moments{"2026-11-29 03:00"}));
  EXPECT_EQ(Next("@Daily", "UTC", "2026-11-29 02:10Z", 1), (Moments{"2026-11-30 00:00"}));
  EXPECT_EQ(Next("@midnight", "UTC", "2026-11-29 02:10Z", 1), (Moments{"2026-11-30 00:00"}));
  EXPECT_EQ(Next("@weekly", "UTC", "2026-11-29 02:10Z", 1), (Moments{"2026-12-06 00:00"}));
  EXPECT_EQ(Next("@monthly", "UTC", "2026-11-29 02:10Z", 1), (Moments{"2026-12-01 00:00"}));
  EXPECT_EQ(Next("@yearly", "UTC", "2026-11-29 02:10Z", 1), (Moments{"2027-01-01 00:00"}));
}

// Berlin, 2026-03-29: 2:00 becomes 3:00 at 1:00 UTC. 2026-10-25: 3:00 becomes 2:00 at 1:00 UTC.
TEST(CronExpressionTest, AnHourThatIsSkippedIsDueAtTheChange) {
  EXPECT_EQ(Next("30 2 * * *", "Europe/Berlin", "2026-03-27 12:00Z", 3),
            (Moments{"2026-03-28 01:30", "2026-03-29 01:00", "2026-03-30 00:30"}));
  EXPECT_EQ(Next("0,30 2 * * *", "Europe/Berlin", "2026-03-28 12:00Z", 2),
            (Moments{"2026-03-29 01:00", "2026-03-30 00:00"}))
      << "both at one moment, once";
  EXPECT_EQ(Next("*/30 * * * *", "Europe/Berlin", "2026-03-29 00:29Z", 3),
            (Moments{"2026-03-29 00:30", "2026-03-29 01:00", "2026-03-29 01:30"}));
  EXPECT_EQ(Next("30 2,3 * * *", "Europe/Berlin", "2026-03-28 12:00Z", 2),
            (Moments{"2026-03-29 01:00", "2026-03-29 01:30"}));
}

TEST(CronExpressionTest, AnHourThatComesTwiceIsDueOnce) {
  EXPECT_EQ(Next("30 2 * * *", "Europe/Berlin", "2026-10-24 12:00Z", 2),
            (Moments{"2026-10-25 00:30", "2026-10-26 01:30"}));
  EXPECT_EQ(Next("30 * * * *", "Europe/Berlin", "2026-10-24 23:45Z", 3),
            (Moments{"2026-10-25 00:30", "2026-10-25 01:30", "2026-10-25 02:30"}))
      << "each hour, by the time that passes";
  EXPECT_EQ(Next("*/30 2 * * *", "Europe/Berlin", "2026-10-24 12:00Z", 5),
            (Moments{"2026-10-25 00:00", "2026-10-25 00:30", "2026-10-25 01:00", "2026-10-25 01:30",
                     "2026-10-26 01:00"}));
}

TEST(CronExpressionTest, ZonesOfOtherKinds) {
  // Half an hour of daylight saving time; three quarters of an hour from UTC; a day left out.
  EXPECT_EQ(Next("15 2 * * *", "Australia/Lord_Howe", "2026-10-02 20:00Z", 2),
            (Moments{"2026-10-03 15:30", "2026-10-04 15:15"}));
  EXPECT_EQ(Next("0 12 * * *", "Asia/Kathmandu", "2026-10-02 00:00Z", 1),
            (Moments{"2026-10-02 06:15"}));
  EXPECT_EQ(Next("0 12 30 12 *", "Pacific/Apia", "2011-12-01 00:00Z", 2),
            (Moments{"2011-12-30 10:00", "2012-12-29 22:00"}))
      << "30 December 2011 was left out";
}

TEST(CronExpressionTest, OtherTextIsRefused) {
  struct Case {
    std::string_view text;
    std::string_view said;
  };
  constexpr Case kCases[] = {
      {"", "there is no minute"},
      {"0 3 * *", "there is no day of the week"},
      {"0 3 * * * *", "there are more"},
      {"60 * * * *", "\"60\" is no minute of a cron expression: it has 0 to 59"},
      {"* 24 * * *", "is no hour"},
      {"* * 0 * *", "is no day of the month"},
      {"* * * 13 *", "it has 1 to 12, or JAN to DEC"},
      {"* * * * 8", "it has 0 to 7, or SUN to SAT"},
      {"5-3 * * * *", "is no minute"},
      {"*/0 * * * *", "is no minute"},
      {"*/61 * * * *", "is no minute"},
      {"*/ * * * *", "is no minute"},
      {"1, * * * *", "is no minute"},
      {",1 * * * *", "is no minute"},
      {"1-2-3 * * * *", "is no minute"},
      {"-1 * * * *", "is no minute"},
      {"** * * * *", "is no minute"},
      {"1/2/3 * * * *", "is no minute"},
      {"x * * * *", "is no minute"},
      {"* * * mon *", "is no month"},
      {"0 0 30 2 *", "there is no such day"},
      {"0 0 31 4,6,9,11 *", "there is no such day"},
      {"@often", "unknown word"},
      {"99999999999 * * * *", "is no minute"},
  };
  for (const Case& one : kCases) {
    const Status status = CronExpression::Parse(one.text).status();
    EXPECT_EQ(status.sqlstate(), "22023") << one.text;
    EXPECT_NE(status.message().find(one.said), std::string::npos)
        << one.text << ": " << status.message();
  }
}

TEST(TimeZoneTest, OtherNamesAreRefused) {
  for (const std::string_view name : {"", "Mars/Olympus", "../../etc/passwd", "/etc/localtime",
                                      ":/etc/localtime", "./UTC", "Europe", "Europe/Berlin\n"}) {
    EXPECT_EQ(TimeZone::Load(name).status().sqlstate(), "22023") << name;
  }
  EXPECT_EQ(Zone("UTC").NextTransition(0), INT64_MAX);
}

/// What a watchman does who looks at the clock every minute.
class Watchman {
 public:
  Watchman(const std::string& minute, const std::string& hour, const std::string& rest,
           const TimeZone& zone)
      : by_passing_(minute[0] == '*' || hour[0] == '*'),
        // Whether a local time matches is asked where clocks never change.
        cron_(Cron(minute + " " + hour + " " + rest)),
        zone_(zone) {}

  std::optional<std::int64_t> NextAfter(std::int64_t micros, std::int64_t end) {
    std::int64_t at = micros - (micros % kMinute) - 48 * 60 * kMinute;
    cctz::civil_minute last_shown(zone_.LocalTime(at));
    cctz::civil_minute latest = last_shown;
    for (at += kMinute; at < end; at += kMinute) {
      const cctz::civil_minute shown(zone_.LocalTime(at));
      bool due = false;
      if (by_passing_) {
        due = Matches(shown);
      } else {
        for (cctz::civil_minute one = latest + 1; one <= shown; ++one) {
          due = due || Matches(one);
        }
      }
      latest = std::max(latest, shown);
      if (due && at > micros) {
        return at;
      }
    }
    return std::nullopt;
  }

 private:
  bool Matches(const cctz::civil_minute& local) const {
    const std::int64_t as_utc =
        (cctz::civil_second(local) - cctz::civil_second(1970, 1, 1)) * 1'000'000;
    return cron_.NextAfter(as_utc - 1, TimeZone()) == as_utc;
  }

  const bool by_passing_;
  const CronExpression cron_;
  const TimeZone& zone_;
};

std::string RandomField(Random& random, int min, int max) {
  switch (random.Uniform(4)) {
    case 0:
      return "*";
    case 1:
      return "*/" + std::to_string(1 + random.Uniform(static_cast<std::uint64_t>(max)));
    default: {
      std::string list;
      for (std::uint64_t i = 0; i <= random.Uniform(3); ++i) {
        list += (i > 0 ? "," : "") +
                std::to_string(static_cast<std::uint64_t>(min) +
                               random.Uniform(static_cast<std::uint64_t>(max - min + 1)));
      }
      return list;
    }
  }
}

TEST(CronExpressionTest, AgreesWithAWatchmanAroundChangesOfTheClocks) {
  const char* given = std::getenv("DASHI_TEST_SEED");
  const std::uint64_t seed = given == nullptr
                                 ? static_cast<std::uint64_t>(Clock::System().NowMicros())
                                 : std::strtoull(given, nullptr, 10);
  std::cout << "seed " << seed << "\n";
  Random random(seed);
  // Northern and southern changes, half an hour, a day left out, none at all.
  constexpr std::string_view kZones[] = {"Europe/Berlin",       "America/New_York",
                                         "Australia/Lord_Howe", "America/Santiago",
                                         "Pacific/Apia",        "Asia/Kolkata"};
  for (int round = 0; round < 100; ++round) {
    const TimeZone zone = Zone(kZones[random.Uniform(std::size(kZones))]);
    const std::string minute = RandomField(random, 0, 59);
    const std::string hour = RandomField(random, 0, 23);
    const std::string rest = random.Uniform(3) == 0 ? "*/2 * *" : "* * *";
    const std::int64_t some_day =
        At("2011-01-01 00:00Z") +
        static_cast<std::int64_t>(random.Uniform(800)) * 24 * 60 * kMinute;
    const std::int64_t change = zone.NextTransition(some_day);
    std::int64_t at = (change == INT64_MAX ? some_day : change) - 5 * 60 * kMinute +
                      static_cast<std::int64_t>(random.Uniform(8 * 60)) * kMinute -
                      static_cast<std::int64_t>(random.Uniform(2)) * 30'000'000;
    const CronExpression cron = Cron(minute + " " + hour + " " + rest);
    Watchman watchman(minute, hour, rest, zone);
    for (int i = 0; i < 3; ++i) {
      const std::int64_t end = at + 4 * 24 * 60 * kMinute;
      const std::optional<std::int64_t> seen = watchman.NextAfter(at, end);
      const std::optional<std::int64_t> due = cron.NextAfter(at, zone);
      ASSERT_TRUE(due);
      const auto shown = [](std::optional<std::int64_t> moment) {
        return moment ? FormatTimestamp(*moment) : std::string("none");
      };
      ASSERT_EQ(*due < end ? due : std::nullopt, seen)
          << cron.text() << " in " << zone.name() << " behind " << FormatTimestamp(at) << ": "
          << shown(due) << ", seen at " << shown(seen);
      at = *due;
    }
  }
}

}  // namespace
}  // namespace dashi::sql
