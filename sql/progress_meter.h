#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "dashi/progress.h"

namespace dashi::sql {

/// Turns counts into progress reports with rate and remaining time, at most ten a second.
///
/// Threads: one thread at a time.
/// Cost:    a report that is not due costs one look at the clock.
class ProgressMeter {
 public:
  ProgressMeter(const ProgressCallback& callback, std::string operation,
                const Clock& clock = Clock::System());

  /// Begins a phase; the callback gets it at once.
  void BeginPhase(std::string phase, std::string unit, std::uint64_t total);
  void Update(std::uint64_t done);
  /// Reports the end of the phase.
  void EndPhase(std::uint64_t done);

 private:
  void Report(std::int64_t now);

  const ProgressCallback& callback_;
  const Clock& clock_;
  Progress progress_;
  std::int64_t begin_micros_ = 0;
  std::int64_t phase_micros_ = 0;
  std::int64_t reported_micros_ = 0;
};

}  // namespace dashi::sql
