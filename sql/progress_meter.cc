#include "sql/progress_meter.h"

#include <utility>

namespace dashi::sql {

namespace {
constexpr std::int64_t kReportMicros = 100'000;
}  // namespace

ProgressMeter::ProgressMeter(const ProgressCallback& callback, std::string operation,
                             const Clock& clock)
    : callback_(callback), clock_(clock), begin_micros_(clock.MonotonicMicros()) {
  progress_.operation = std::move(operation);
}

void ProgressMeter::BeginPhase(std::string phase, std::string unit, std::uint64_t total) {
  progress_.phase = std::move(phase);
  progress_.unit = std::move(unit);
  progress_.total = total;
  progress_.done = 0;
  phase_micros_ = clock_.MonotonicMicros();
  Report(phase_micros_);
}

void ProgressMeter::Update(std::uint64_t done) {
  const std::int64_t now = clock_.MonotonicMicros();
  progress_.done = done;
  if (now - reported_micros_ >= kReportMicros) {
    Report(now);
  }
}

void ProgressMeter::EndPhase(std::uint64_t done) {
  progress_.done = done;
  Report(clock_.MonotonicMicros());
}

void ProgressMeter::Report(std::int64_t now) {
  reported_micros_ = now;
  if (!callback_) {
    return;
  }
  progress_.seconds = static_cast<double>(now - begin_micros_) * 1e-6;
  const double phase_seconds = static_cast<double>(now - phase_micros_) * 1e-6;
  const auto done = static_cast<double>(progress_.done);
  progress_.units_per_second = phase_seconds > 0 ? done / phase_seconds : 0;
  progress_.eta_seconds.reset();
  if (progress_.total >= progress_.done && progress_.units_per_second > 0) {
    progress_.eta_seconds =
        static_cast<double>(progress_.total - progress_.done) / progress_.units_per_second;
  }
  callback_(progress_);
}

}  // namespace dashi::sql
