#include "sql/shell/progress_bar.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "sql/shell/display_width.h"

namespace dashi {

namespace {

constexpr std::size_t kBarWidth = 20;
constexpr double kPhaseLeftBehindSeconds = 1.0;
constexpr std::string_view kClearLine = "\r\x1b[K";

// 1234567 -> "1.2M"; bytes count in powers of 1024.
std::string ShortCount(double count, double base) {
  constexpr std::array<std::string_view, 5> kSuffixes = {"", "k", "M", "G", "T"};
  std::size_t suffix = 0;
  while (count >= base && suffix + 1 < kSuffixes.size()) {
    count /= base;
    ++suffix;
  }
  return suffix == 0 || count >= 99.5 ? fmt::format("{:.0f}{}", count, kSuffixes[suffix])
                                      : fmt::format("{:.1f}{}", count, kSuffixes[suffix]);
}

std::string Amount(double count, std::string_view unit) {
  if (unit == "bytes") {
    return ShortCount(count, 1024) + "B";
  }
  return ShortCount(count, 1000) + (unit.empty() ? "" : " ") + std::string(unit);
}

std::string Fraction(const Progress& progress) {
  if (progress.total == 0 && progress.done == 0 && progress.unit.empty()) {
    return std::string();  // Only the time is known.
  }
  if (progress.total == 0) {
    return "  " + Amount(static_cast<double>(progress.done), progress.unit);
  }
  const double fraction =
      std::min(1.0, static_cast<double>(progress.done) / static_cast<double>(progress.total));
  const auto filled = static_cast<std::size_t>(fraction * static_cast<double>(kBarWidth));
  return fmt::format(" [{}{}] {:3}%", std::string(filled, '#'),
                     std::string(kBarWidth - filled, '.'), static_cast<int>(fraction * 100));
}

}  // namespace

std::string FormatDuration(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0 || seconds > 360'000'000) {
    return "?";
  }
  const auto whole = static_cast<std::int64_t>(std::llround(seconds));
  const std::int64_t hours = whole / 3600;
  const std::int64_t minutes = whole / 60 % 60;
  return hours > 0 ? fmt::format("{}:{:02}:{:02}", hours, minutes, whole % 60)
                   : fmt::format("{}:{:02}", minutes, whole % 60);
}

std::string FormatProgress(const Progress& progress, std::size_t width) {
  std::string line = progress.operation;
  if (!progress.phase.empty()) {
    line += (line.empty() ? "" : ": ") + progress.phase;
  }
  line = PrintableText(line);
  std::replace(line.begin(), line.end(), '\n', ' ');
  line += Fraction(progress);
  const bool has_eta = progress.eta_seconds && progress.done < progress.total;
  std::vector<std::string> parts = {has_eta ? "ETA " + FormatDuration(*progress.eta_seconds)
                                            : FormatDuration(progress.seconds)};
  if (progress.estimated_seconds) {
    parts.push_back(fmt::format("{} of about {} in all", FormatDuration(progress.seconds),
                                FormatDuration(*progress.estimated_seconds)));
  }
  if (progress.loss) {
    parts.push_back(fmt::format("loss {:.4g}", *progress.loss));
  }
  if (progress.units_per_second > 0) {
    parts.push_back(Amount(progress.units_per_second, progress.unit) + "/s");
  }
  if (progress.memory_bytes > 0) {
    parts.push_back(Amount(static_cast<double>(progress.memory_bytes), "bytes") + " memory");
  }
  // What matters least goes first where there is no room.
  for (const std::string& part : parts) {
    if (DisplayWidth(line) + 2 + DisplayWidth(part) > width) {
      break;
    }
    line += "  " + part;
  }
  return CutToWidth(line, width);
}

void ProgressBar::Draw(const Progress& progress, std::size_t width) {
  const std::string phase = progress.operation + "\n" + progress.phase;
  if (phase != phase_) {
    const bool leave = drawn_ && last_seconds_ - phase_began_seconds_ > kPhaseLeftBehindSeconds;
    if (leave) {
      Put("\n");
    }
    phase_ = phase;
    phase_began_seconds_ = progress.seconds;
  }
  last_seconds_ = progress.seconds;
  drawn_ = true;
  // The last column stays free: some terminals wrap as soon as it is written.
  Put(std::string(kClearLine) + FormatProgress(progress, width > 1 ? width - 1 : 0));
}

void ProgressBar::Clear() {
  if (drawn_) {
    Put(std::string(kClearLine));
  }
  drawn_ = false;
  phase_.clear();
}

void ProgressBar::Put(const std::string& text) {
  sink_.Write(text).IgnoreError("a bar that cannot be drawn changes no result");
  sink_.Flush().IgnoreError("a bar that cannot be drawn changes no result");
}

}  // namespace dashi
