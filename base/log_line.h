#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/logging.h"

namespace dashi {

/// How lines of the log are written: words, or one JSON object a line.
enum class LogFormat : std::uint8_t { kText, kJson };

/// Whom a line of the log is about. What is not known is 0 or empty.
struct LogSubject {
  std::uint32_t session = 0;
  std::string_view user = {};
  std::string_view client = {};  ///< where it is: `10.0.0.7`
};

/// The format of all lines from now on; of the whole process, like the stream that they go to.
///
/// Threads: both may be called at once.
void SetLogFormat(LogFormat format);
LogFormat CurrentLogFormat();

/// Says whom the lines are about that this thread writes while it lives; then it is again whom it
/// was before. What the subject points to must outlive it.
class LogScope {
 public:
  explicit LogScope(const LogSubject& subject);
  ~LogScope();
  LogScope(const LogScope&) = delete;
  LogScope& operator=(const LogScope&) = delete;

 private:
  const LogSubject before_;
};

/// Whom lines of this thread are about.
const LogSubject& CurrentLogSubject();

std::string_view LogLevelName(LogLevel level);

/// Formats microseconds since 1970 as "2026-11-23T02:08:15.123456Z" (RFC 3339).
std::string FormatRfc3339(std::int64_t micros);

/// Returns a line with its end. As JSON it has `time`, `level`, `message` and what is known of the
/// subject, and is one line of valid JSON whatever bytes the message has: bytes that are no UTF-8
/// are replaced by U+FFFD. As text it has the message as it is, and nothing of the subject.
std::string FormatLogLine(LogFormat format, LogLevel level, std::int64_t micros,
                          std::string_view message, const LogSubject& subject);

}  // namespace dashi
