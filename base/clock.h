#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace dashi {

/// Tells the time. Passed in wherever time matters, so that tests can set it.
///
/// Threads: all methods may be called at once.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Microseconds since 1970-01-01 00:00:00 UTC.
  virtual std::int64_t NowMicros() const = 0;
  /// Microseconds that never go back; only differences mean anything.
  virtual std::int64_t MonotonicMicros() const = 0;

  /// The system's clock. Lives for ever.
  static const Clock& System();
};

/// Measures the seconds since it was made.
class Stopwatch {
 public:
  explicit Stopwatch(const Clock& clock = Clock::System())
      : clock_(clock), start_(clock.MonotonicMicros()) {}
  double Seconds() const { return static_cast<double>(clock_.MonotonicMicros() - start_) * 1e-6; }

 private:
  const Clock& clock_;
  std::int64_t start_;
};

/// Formats microseconds since 1970 as "2026-11-23 02:08:15.123456+00".
std::string FormatTimestamp(std::int64_t micros);

}  // namespace dashi
