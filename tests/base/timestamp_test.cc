#include "base/timestamp.h"

#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/random.h"

namespace dashi {
namespace {

TEST(TimestampTest, ReadsDatesTimesAndOffsets) {
  EXPECT_EQ(ParseTimestamp("1970-01-01"), 0);
  EXPECT_EQ(ParseTimestamp("1970-01-01T00:00:01Z"), 1'000'000);
  EXPECT_EQ(ParseTimestamp("1970-01-01 00:01"), 60'000'000);
  EXPECT_EQ(ParseTimestamp("1970-01-02 00:00:00.5"), 86'400'500'000);
  EXPECT_EQ(ParseTimestamp("1970-01-01T01:00+01:00"), 0);
  EXPECT_EQ(ParseTimestamp("1970-01-01T01:30:00+0130"), 0);
  EXPECT_EQ(ParseTimestamp("1969-12-31 23:00:00-01"), 0);
  EXPECT_EQ(ParseTimestamp("1969-12-31T23:59:59.999999Z"), -1);
  EXPECT_EQ(ParseTimestamp("1970-01-01 +00"), 0);  // JDBC's setDate
  EXPECT_EQ(ParseTimestamp("1970-01-01 -01:30"), 5'400'000'000);
  EXPECT_EQ(ParseTimestamp("2000-02-29"), 951'782'400'000'000);
  EXPECT_EQ(ParseTimestamp("0001-01-01"), kTimestampMin);
  EXPECT_EQ(ParseTimestamp("9999-12-31 23:59:59.999999"), kTimestampMax);
}

TEST(TimestampTest, RefusesWhatIsNoTime) {
  for (const char* text : {"",
                           "2026",
                           "2026-1-1",
                           "2026-13-01",
                           "2026-00-01",
                           "2026-02-29",
                           "1900-02-29",
                           "2026-01-32",
                           "2026-01-01x",
                           "2026-01-01T",
                           "2026-01-01 24:00",
                           "2026-01-01 10:60",
                           "2026-01-01 10:00:60",
                           "2026-01-01 10:00:00.",
                           "2026-01-01 10:00:00.1234567",
                           "2026-01-01 10:00+",
                           "2026-01-01 10:00+1",
                           "2026-01-01 10:00+01:",
                           "2026-01-01 10:00+16",
                           "2026-01-01 10:00 Z",
                           "2026-01-01Z",
                           "2026-01-01+01",
                           "2026-01-01T+01",
                           "2026-01-01 +",
                           "2026-01-01 ",
                           "0000-01-01",
                           "10000-01-01",
                           "0001-01-01T00:00+01:00",
                           "9999-12-31T23:59-01:00",
                           "-001-01-01"}) {
    EXPECT_FALSE(ParseTimestamp(text).has_value()) << text;
  }
}

TEST(TimestampTest, ReadsBackWhatIsWrittenAndKeepsTheOrder) {
  Random random(7);
  std::int64_t before = kTimestampMin;
  for (int i = 0; i < 20'000; ++i) {
    const auto span =
        static_cast<std::uint64_t>(kTimestampMax) - static_cast<std::uint64_t>(kTimestampMin);
    const auto micros =
        static_cast<std::int64_t>(static_cast<std::uint64_t>(kTimestampMin) + random.Uniform(span));
    EXPECT_EQ(ParseTimestamp(FormatTimestamp(micros)), micros);
    EXPECT_EQ(FormatTimestamp(before) < FormatTimestamp(micros), before < micros);
    before = micros;
  }
}

TEST(TimestampTest, ReadsLengthsOfTime) {
  constexpr std::int64_t kSecond = 1'000'000;
  for (const auto& [text, seconds] :
       {std::pair("90 days", 90 * 86'400), std::pair("12h", 12 * 3'600), std::pair("1 Day", 86'400),
        std::pair("2 weeks", 1'209'600), std::pair("90 min", 5'400),
        std::pair("7776000 s", 7'776'000)}) {
    EXPECT_EQ(ParseLongDuration(text), seconds * kSecond) << text;
  }
  EXPECT_EQ(ParseLongDuration("0.5 s"), 500'000);
  for (const char* text : {"", "90", "days", "0 days", "-1 day", "1 month", "90 days ago", "2 ss",
                           "1e9 days", "nan days", "inf s"}) {
    EXPECT_FALSE(ParseLongDuration(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace dashi
