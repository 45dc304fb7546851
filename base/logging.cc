#include "base/logging.h"

#include <cstdio>
#include <cstdlib>
#include <string>

#include "base/clock.h"

namespace dashi {
namespace {

LogLevel LevelFromEnvironment() {
  const char* text = std::getenv("DASHI_LOG");
  const std::string_view level = text == nullptr ? "" : text;
  if (level == "debug") {
    return LogLevel::kDebug;
  }
  if (level == "info") {
    return LogLevel::kInfo;
  }
  if (level == "error") {
    return LogLevel::kError;
  }
  return LogLevel::kWarning;
}

std::string_view LevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
  }
  return "error";
}

}  // namespace

void Log(LogLevel level, std::string_view message) {
  static const LogLevel threshold = LevelFromEnvironment();
  if (level < threshold) {
    return;
  }
  const std::string line = fmt::format("{} {} {}\n", FormatTimestamp(Clock::System().NowMicros()),
                                       LevelName(level), message);
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace dashi
