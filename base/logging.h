#pragma once

#include <string_view>

#include <fmt/format.h>

namespace dashi {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

/// Writes one line to stderr, as FormatLogLine has it. Messages below the level of the environment
/// variable DASHI_LOG (debug, info, warning, error; default warning) are dropped.
///
/// Threads: all functions may be called at once; a line is never torn.
void Log(LogLevel level, std::string_view message);

template <typename... Args>
void LogInfo(fmt::format_string<Args...> format, Args&&... args) {
  Log(LogLevel::kInfo, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void LogWarning(fmt::format_string<Args...> format, Args&&... args) {
  Log(LogLevel::kWarning, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void LogError(fmt::format_string<Args...> format, Args&&... args) {
  Log(LogLevel::kError, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace dashi
