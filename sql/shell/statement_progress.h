#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "base/clock.h"
#include "base/mutex.h"
#include "dashi/progress.h"
#include "sql/shell/byte_sink.h"
#include "sql/shell/progress_bar.h"

namespace dashi {

/// Shows on a terminal that a statement runs: what it reports of its progress, and for how long it
/// has run where it reports nothing.
///
/// Threads: one thread at a time. A thread of its own draws as well, between Begin and End.
class StatementProgress {
 public:
  /// When the time is shown first, and how often.
  struct Times {
    std::chrono::milliseconds first{2000};
    std::chrono::milliseconds every{1000};
  };

  /// `terminal` must outlive it, and is not written to by anyone else between Begin and End.
  StatementProgress(ByteSink& terminal, Times times) : bar_(terminal), times_(times) {}
  ~StatementProgress();
  StatementProgress(const StatementProgress&) = delete;
  StatementProgress& operator=(const StatementProgress&) = delete;

  void Begin(std::string_view statement) DASHI_EXCLUDES(mutex_);
  /// Draws what the statement reports. Nothing is drawn where no statement runs.
  void Report(const Progress& progress) DASHI_EXCLUDES(mutex_);
  /// Takes the line away.
  void End() DASHI_EXCLUDES(mutex_);
  /// Whether anything was drawn since Begin.
  bool drew() DASHI_EXCLUDES(mutex_);

 private:
  void StartThread();
  void Watch() DASHI_EXCLUDES(mutex_);
  double Seconds() const DASHI_REQUIRES(mutex_);
  void DrawTime() DASHI_REQUIRES(mutex_);

  Mutex mutex_;
  CondVar changed_;
  ProgressBar bar_ DASHI_GUARDED_BY(mutex_);
  const Times times_;
  std::string operation_ DASHI_GUARDED_BY(mutex_);
  std::optional<Stopwatch> stopwatch_ DASHI_GUARDED_BY(mutex_);  // since Begin
  bool running_ DASHI_GUARDED_BY(mutex_) = false;
  bool reports_ DASHI_GUARDED_BY(mutex_) = false;  // it tells of its progress itself
  bool drew_ DASHI_GUARDED_BY(mutex_) = false;
  bool stopped_ DASHI_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // begins with the first statement
};

}  // namespace dashi
