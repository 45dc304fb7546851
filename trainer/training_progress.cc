#include "trainer/training_progress.h"

#include <algorithm>
#include <fstream>
#include <unistd.h>
#include <utility>

namespace dashi::trainer {
namespace {

constexpr double kReportSeconds = 0.1;
constexpr double kLossMemory = 0.95;

}  // namespace

TrainingProgress::TrainingProgress(const TrainingControl& control, std::string phase,
                                   std::uint64_t total, std::string unit,
                                   const Stopwatch& since_start)
    : control_(control),
      since_start_(since_start),
      phase_(std::move(phase)),
      unit_(std::move(unit)),
      total_(total) {}

Status TrainingProgress::CheckStop() const {
  if (control_.should_stop && control_.should_stop()) {
    return Status::Cancelled("training was cancelled");
  }
  return Status();
}

void TrainingProgress::Advance(std::uint64_t units, double loss) {
  loss_ = has_loss_ ? kLossMemory * loss_ + (1.0 - kLossMemory) * loss : loss;
  has_loss_ = true;
  Advance(units);
}

void TrainingProgress::Advance(std::uint64_t units) {
  done_ += units;
  if (since_phase_.Seconds() >= next_report_seconds_) {
    Report();
  }
}

void TrainingProgress::Skip(std::uint64_t units) {
  done_ += units;
  skipped_ += units;
}

void TrainingProgress::Finish() { Report(); }

void TrainingProgress::Report() {
  if (!control_.on_progress) {
    return;
  }
  const double seconds = since_phase_.Seconds();
  next_report_seconds_ = seconds + kReportSeconds;
  Progress progress;
  progress.phase = phase_;
  progress.unit = unit_;
  progress.done = done_;
  progress.total = total_;
  progress.seconds = since_start_.Seconds();
  if (seconds > 0 && done_ > skipped_) {
    progress.units_per_second = static_cast<double>(done_ - skipped_) / seconds;
    progress.eta_seconds =
        static_cast<double>(total_ - std::min(total_, done_)) / progress.units_per_second;
  }
  if (has_loss_) {
    progress.loss = loss_;
  }
  progress.memory_bytes = ResidentMemoryBytes();
  control_.on_progress(progress);
}

std::uint64_t ResidentMemoryBytes() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t total_pages = 0;
  std::uint64_t resident_pages = 0;
  if (!(statm >> total_pages >> resident_pages)) {
    return 0;
  }
  return resident_pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace dashi::trainer
