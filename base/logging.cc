#include "base/logging.h"

#include <cstdio>
#include <cstdlib>
#include <string>

#include "base/clock.h"
#include "base/log_line.h"

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

}  // namespace

void Log(LogLevel level, std::string_view message) {
  static const LogLevel threshold = LevelFromEnvironment();
  if (level < threshold) {
    return;
  }
  const std::string line = FormatLogLine(CurrentLogFormat(), level, Clock::System().NowMicros(),
                                         message, CurrentLogSubject());
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace dashi
