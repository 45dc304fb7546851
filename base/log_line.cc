#include "base/log_line.h"

#include <atomic>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/clock.h"

namespace dashi {

namespace {

std::atomic<LogFormat> current_format = LogFormat::kText;

LogSubject& SubjectOfThread() {
  thread_local LogSubject subject;
  return subject;
}

}  // namespace

void SetLogFormat(LogFormat format) { current_format = format; }

LogFormat CurrentLogFormat() { return current_format; }

LogScope::LogScope(const LogSubject& subject)
    : before_(std::exchange(SubjectOfThread(), subject)) {}

LogScope::~LogScope() { SubjectOfThread() = before_; }

const LogSubject& CurrentLogSubject() { return SubjectOfThread(); }

std::string_view LogLevelName(LogLevel level) {
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

std::string FormatRfc3339(std::int64_t micros) {
  std::string text = FormatTimestamp(micros);  // 2026-11-23 02:08:15.123456+00
  const std::size_t blank = text.find(' ');
  const std::size_t offset = text.rfind("+00");
  if (blank != std::string::npos && offset != std::string::npos) {
    text.replace(offset, std::string::npos, "Z");
    text[blank] = 'T';
  }
  return text;
}

std::string FormatLogLine(LogFormat format, LogLevel level, std::int64_t micros,
                          std::string_view message, const LogSubject& subject) {
  if (format == LogFormat::kText) {
    return fmt::format("{} {} {}\n", FormatTimestamp(micros), LogLevelName(level), message);
  }
  nlohmann::ordered_json json = {{"time", FormatRfc3339(micros)},
                                 {"level", std::string(LogLevelName(level))},
                                 {"message", std::string(message)}};
  if (subject.session != 0) {
    json["session"] = subject.session;
  }
  if (!subject.user.empty()) {
    json["user"] = std::string(subject.user);
  }
  if (!subject.client.empty()) {
    json["client"] = std::string(subject.client);
  }
  return json.dump(-1, ' ', /*ensure_ascii=*/false, nlohmann::json::error_handler_t::replace) +
         "\n";
}

}  // namespace dashi
