#include "base/log_line.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <thread>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/random.h"
#include "base/timestamp.h"

namespace dashi {
namespace {

using std::string_literals::operator""s;

constexpr std::int64_t kMicros = 1'795'917'600'000'001;  // 2026-11-29 02:00:00.000001

nlohmann::json JsonOf(std::string_view message, const LogSubject& subject = {}) {
  const std::string line =
      FormatLogLine(LogFormat::kJson, LogLevel::kWarning, kMicros, message, subject);
  EXPECT_EQ(line.find('\n'), line.size() - 1) << line;
  return nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
}

TEST(LogLineTest, TextIsTheMessageAsItIs) {
  EXPECT_EQ(FormatLogLine(LogFormat::kText, LogLevel::kError, kMicros, "a \"b\"",
                          {.session = 7, .user = "ann"}),
            "2026-11-29 02:00:00.000001+00 error a \"b\"\n");
}

TEST(LogLineTest, JsonHasWhatIsKnownAndNothingElse) {
  EXPECT_EQ(FormatLogLine(LogFormat::kJson, LogLevel::kInfo, kMicros, "a", {}),
            "{\"time\":\"2026-11-29T02:00:00.000001Z\",\"level\":\"info\",\"message\":\"a\"}\n");
  EXPECT_EQ(FormatLogLine(LogFormat::kJson, LogLevel::kDebug, kMicros, "a",
                          {.session = 7, .user = "ann", .client = "10.0.0.1"}),
            "{\"time\":\"2026-11-29T02:00:00.000001Z\",\"level\":\"debug\",\"message\":\"a\","
            "\"session\":7,\"user\":\"ann\",\"client\":\"10.0.0.1\"}\n");
}

TEST(LogLineTest, TimesAreThoseOfRfc3339) {
  for (const std::int64_t micros : {std::int64_t{0}, kMicros, kTimestampMin, kTimestampMax}) {
    const std::string text = FormatRfc3339(micros);
    EXPECT_EQ(ParseTimestamp(text), micros) << text;
    EXPECT_EQ(text.find(' '), std::string::npos) << text;
    EXPECT_TRUE(text.ends_with('Z')) << text;
  }
}

TEST(LogLineTest, AnyBytesAreOneLineOfValidJson) {
  const std::string text = "a\nb\r\t\"\\\0\x01\x1b\x7f/\xc3\xa9"s;
  EXPECT_EQ(JsonOf(text)["message"], text);
  EXPECT_EQ(JsonOf("a\xff\xc3(b\xe2\x82")["message"], "a\xef\xbf\xbd\xef\xbf\xbd(b\xef\xbf\xbd");
  EXPECT_EQ(JsonOf("", {.user = "\xff\n"})["user"], "\xef\xbf\xbd\n");
  const auto seed = static_cast<std::uint64_t>(::testing::UnitTest::GetInstance()->random_seed());
  SCOPED_TRACE(seed);
  Random random(seed);
  for (int i = 0; i < 2000; ++i) {
    std::string bytes(random.Uniform(40), '\0');
    for (char& byte : bytes) {
      byte = static_cast<char>(random.Uniform(256));
    }
    const nlohmann::json json = JsonOf(bytes, {.session = 1, .user = bytes, .client = bytes});
    ASSERT_TRUE(json.is_object()) << i;
    EXPECT_EQ(json.size(), bytes.empty() ? 4U : 6U) << i;
  }
}

TEST(LogLineTest, AScopeIsItsThreadsAloneAndEnds) {
  const LogScope outer({.session = 1, .user = "ann"});
  {
    const LogScope inner({.session = 2});
    EXPECT_EQ(CurrentLogSubject().session, 2U);
    EXPECT_EQ(CurrentLogSubject().user, "");
    std::thread([] { EXPECT_EQ(CurrentLogSubject().session, 0U); }).join();
  }
  EXPECT_EQ(CurrentLogSubject().session, 1U);
  EXPECT_EQ(CurrentLogSubject().user, "ann");
}

TEST(LogLineTest, TheLogTakesTheFormatAndTheSubject) {
  SetLogFormat(LogFormat::kJson);
  ::testing::internal::CaptureStderr();
  {
    const LogScope scope({.session = 9, .user = "b\"", .client = "local"});
    LogError("broken: {}", "x\ny");
  }
  const std::string line = ::testing::internal::GetCapturedStderr();
  SetLogFormat(LogFormat::kText);
  const auto json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  ASSERT_TRUE(json.is_object()) << line;
  EXPECT_EQ(json["level"], "error");
  EXPECT_EQ(json["message"], "broken: x\ny");
  EXPECT_EQ(json["session"], 9);
  EXPECT_EQ(json["user"], "b\"");
  EXPECT_EQ(json["client"], "local");
  EXPECT_TRUE(ParseTimestamp(json["time"].get<std::string>()).has_value());
}

}  // namespace
}  // namespace dashi
