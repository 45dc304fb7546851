#include "tests/crash/child_run.h"

#include <array>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/status.h"
#include "tests/testing/own_process.h"

namespace dashi::crash {

namespace {

constexpr std::int64_t kHungMicros = 180'000'000;

[[noreturn]] void ExecChild(const ChildPlan& plan, const std::string& log_path, int events) {
  const int log = ::open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  ::dup2(events, kEventDescriptor);
  ::setenv("DASHI_FAILPOINTS", plan.failpoint.c_str(), 1);
  const CrashChildOptions& child = plan.child;
  testing::ExecSelf({"crash", "--child", child.directory, child.load_directory,
                     std::to_string(child.seed), std::to_string(child.num_writers),
                     std::to_string(child.work_ms), std::to_string(child.memory_bytes_max),
                     child.failpoint});
}

// Watches one child until its pipe ends.
class ChildWatch {
 public:
  ChildWatch(const ChildPlan& plan, ::pid_t child, int events) : plan_(plan), child_(child) {
    ::fcntl(events, F_SETFL, O_NONBLOCK);
    events_ = {events, POLLIN, 0};
    if (plan.phase == KillPhase::kOpening) {
      kill_at_ = plan.delay_micros;
    }
  }

  ChildOutcome Run(const std::function<void(const CrashEvent&)>& on_event) {
    while (true) {
      const std::int64_t now = Micros();
      if (!killed_ && (now >= kill_at_ || now - last_event_at_ >= kHungMicros)) {
        outcome_.hung = now < kill_at_;
        killed_ = true;
        ::kill(child_, SIGKILL);
      }
      if (!Wait(now)) {
        return Finish();
      }
      while (const auto event = parser_.Next()) {
        Note(*event);
        on_event(*event);
      }
    }
  }

 private:
  std::int64_t Micros() const { return static_cast<std::int64_t>(stopwatch_.Seconds() * 1e6); }

  // Reads what there is, or waits for it until the next deadline. Returns false at the end.
  bool Wait(std::int64_t now) {
    const std::int64_t until =
        killed_ ? now + kHungMicros : std::min(kill_at_, last_event_at_ + kHungMicros);
    const std::int64_t left = std::max<std::int64_t>(until - now, 0);
    const ::timespec timeout = {left / 1'000'000, left % 1'000'000 * 1000};
    ::ppoll(&events_, 1, &timeout, nullptr);
    const ssize_t got = ::read(events_.fd, buffer_.data(), buffer_.size());
    if (got > 0) {
      parser_.Append({buffer_.data(), static_cast<std::size_t>(got)});
    }
    return got != 0;
  }

  void Note(const CrashEvent& event) {
    last_event_at_ = Micros();
    if (event.kind == CrashEventKind::kOpened) {
      outcome_.open_seconds = stopwatch_.Seconds();
    }
    if ((event.kind == CrashEventKind::kDumped && plan_.phase == KillPhase::kWorking) ||
        (event.kind == CrashEventKind::kClosing && plan_.phase == KillPhase::kClosing)) {
      kill_at_ = last_event_at_ + plan_.delay_micros;
    }
  }

  ChildOutcome Finish() {
    int status = 0;
    ::waitpid(child_, &status, 0);
    const bool by_kill = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    outcome_.killed = by_kill && killed_;
    outcome_.at_failpoint = by_kill && !killed_ && !plan_.failpoint.empty();
    if (by_kill && !outcome_.killed && !outcome_.at_failpoint) {
      outcome_.trouble = "the child was killed by someone else: out of memory?";
    } else if (WIFSIGNALED(status) && !by_kill) {
      outcome_.trouble = fmt::format("the child died of signal {}", WTERMSIG(status));
    } else if (WIFEXITED(status) && WEXITSTATUS(status) != 0) {
      outcome_.trouble = fmt::format("the child ended with status {}", WEXITSTATUS(status));
    }
    return outcome_;
  }

  const ChildPlan& plan_;
  const ::pid_t child_;
  const Stopwatch stopwatch_;
  ::pollfd events_{};
  std::array<char, 1U << 16U> buffer_{};
  CrashEventParser parser_;
  std::int64_t kill_at_ = INT64_MAX;
  std::int64_t last_event_at_ = 0;
  bool killed_ = false;
  ChildOutcome outcome_;
};

}  // namespace

ChildOutcome RunChild(const ChildPlan& plan, const std::string& log_path,
                      const std::function<void(const CrashEvent&)>& on_event) {
  std::array<int, 2> ends{};
  DASHI_CHECK(::pipe2(ends.data(), O_CLOEXEC) == 0);
  const ::pid_t child = ::fork();
  DASHI_CHECK(child >= 0);
  if (child == 0) {
    ExecChild(plan, log_path, ends[1]);
  }
  ::close(ends[1]);
  ChildOutcome outcome = ChildWatch(plan, child, ends[0]).Run(on_event);
  ::close(ends[0]);
  return outcome;
}

CrashChildOptions ParseChildArguments(int argc, char** argv) {
  DASHI_CHECK(argc == 9);
  CrashChildOptions options;
  options.directory = argv[2];
  options.load_directory = argv[3];
  options.seed = std::strtoull(argv[4], nullptr, 10);
  options.num_writers = static_cast<int>(std::strtol(argv[5], nullptr, 10));
  options.work_ms = std::strtoll(argv[6], nullptr, 10);
  options.memory_bytes_max = std::strtoull(argv[7], nullptr, 10);
  options.failpoint = argv[8];
  return options;
}

}  // namespace dashi::crash
