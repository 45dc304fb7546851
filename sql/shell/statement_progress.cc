#include "sql/shell/statement_progress.h"

#include <algorithm>
#include <csignal>
#include <cstdint>

#include "base/status.h"
#include "sql/shell/console.h"
#include "sql/shell/display_width.h"

namespace dashi {

namespace {

constexpr std::size_t kOperationWidth = 40;

// The beginning of the statement, in a line.
std::string OperationOf(std::string_view statement) {
  std::string line = PrintableText(PrefixOfWidth(statement, 2 * kOperationWidth));
  std::replace(line.begin(), line.end(), '\n', ' ');
  return CutToWidth(line, kOperationWidth);
}

}  // namespace

StatementProgress::~StatementProgress() {
  {
    const MutexLock lock(mutex_);
    stopped_ = true;
    changed_.NotifyAll();
  }
  if (thread_.joinable()) {
    thread_.join();
  }
}

void StatementProgress::Begin(std::string_view statement) {
  const MutexLock lock(mutex_);
  operation_ = OperationOf(statement);
  stopwatch_.emplace();
  running_ = true;
  reports_ = false;
  drew_ = false;
  changed_.NotifyAll();
  if (!thread_.joinable()) {
    CatchAsStatus("start of a thread", [this] {
      thread_ = std::thread([this] { Watch(); });
    }).IgnoreError("the time is not shown then");
  }
}

void StatementProgress::Report(const Progress& progress) {
  const MutexLock lock(mutex_);
  if (running_) {
    reports_ = true;
    drew_ = true;
    bar_.Draw(progress, TerminalWidth());
  }
}

void StatementProgress::End() {
  const MutexLock lock(mutex_);
  running_ = false;
  bar_.Clear();
}

bool StatementProgress::drew() {
  const MutexLock lock(mutex_);
  return drew_;
}

double StatementProgress::Seconds() const { return stopwatch_ ? stopwatch_->Seconds() : 0; }

void StatementProgress::DrawTime() {
  Progress progress;
  drew_ = true;
  progress.operation = operation_;
  progress.seconds = Seconds();
  bar_.Draw(progress, TerminalWidth());
}

void StatementProgress::Watch() {
  const MutexLock lock(mutex_);
  while (!stopped_) {
    if (!running_ || reports_) {
      changed_.Wait(mutex_);
      continue;
    }
    const auto passed = std::chrono::milliseconds(static_cast<std::int64_t>(Seconds() * 1e3));
    if (passed < times_.first) {
      changed_.WaitFor(mutex_, times_.first - passed);
      continue;
    }
    DrawTime();
    changed_.WaitFor(mutex_, times_.every);
  }
}

}  // namespace dashi
