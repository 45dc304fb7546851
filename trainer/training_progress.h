#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "dashi/status.h"
#include "trainer/training_task.h"

namespace dashi::trainer {

/// Reports one phase of a training at most ten times a second, with rate, time left, a smoothed
/// loss and resident memory, and asks its owner whether to go on.
///
/// Threads: one thread at a time.
class TrainingProgress {
 public:
  TrainingProgress(const TrainingControl& control, std::string phase, std::uint64_t total,
                   std::string unit, const Stopwatch& since_start);

  /// Errors: kCancelled when the owner says stop.
  Status CheckStop() const;
  /// Counts units done, with the loss of the step that did them.
  void Advance(std::uint64_t units, double loss);
  /// The same for work that has no loss.
  void Advance(std::uint64_t units);
  /// Counts units that were done before, which tell nothing about the rate.
  void Skip(std::uint64_t units);
  /// Reports the end of the phase.
  void Finish();

 private:
  void Report();

  const TrainingControl& control_;
  const Stopwatch& since_start_;
  const Stopwatch since_phase_;
  const std::string phase_;
  const std::string unit_;
  const std::uint64_t total_;
  std::uint64_t done_ = 0;
  std::uint64_t skipped_ = 0;  // of done_
  double loss_ = 0;            // exponential average
  bool has_loss_ = false;
  double next_report_seconds_ = 0;
};

/// Resident memory of this process; 0 where the system does not tell.
std::uint64_t ResidentMemoryBytes();

}  // namespace dashi::trainer
