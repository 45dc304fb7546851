#include "tests/fault/point_processes.h"

#include <array>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace dashi::testing {

namespace {

constexpr std::size_t kProcesses = 12;
// Of the end of what a failed point printed: RocksDB tells a lot there.
constexpr std::size_t kPrintedMax = 8000;

// What a process prints, in memory that the parent reads once it has ended.
class Output {
 public:
  Output() : file_(::memfd_create("point", 0)) { EXPECT_GE(file_, 0); }
  ~Output() { ::close(file_); }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  // In the child: takes what is printed from now on.
  void Take() const {
    ::dup2(file_, STDOUT_FILENO);
    ::dup2(file_, STDERR_FILENO);
  }

  std::string Read() const {
    std::string text;
    std::array<char, 4096> bytes{};
    ::lseek(file_, 0, SEEK_SET);
    for (::ssize_t got = 0; (got = ::read(file_, bytes.data(), bytes.size())) > 0;) {
      text.append(bytes.data(), static_cast<std::size_t>(got));
    }
    return text;
  }

 private:
  const int file_;
};

struct Point {
  std::uint64_t n = 0;
  std::unique_ptr<Output> output;
};

// Once more, below all else: the expectations that failed in this process.
void PrintFailures(std::uint64_t n) {
  const ::testing::TestResult& result =
      *::testing::UnitTest::GetInstance()->current_test_info()->result();
  for (int i = 0; i < result.total_part_count(); ++i) {
    const ::testing::TestPartResult& part = result.GetTestPartResult(i);
    if (part.failed()) {
      std::printf("point %llu failed: %s:%d: %s\n", static_cast<unsigned long long>(n),
                  part.file_name(), part.line_number(), part.message());
    }
  }
}

Point Start(std::uint64_t n, const std::function<Report(std::uint64_t n)>& point, ::pid_t* child) {
  Point started{n, std::make_unique<Output>()};
  std::fflush(nullptr);
  *child = ::fork();
  if (*child == 0) {
    started.output->Take();
    const Report report = point(n);
    const bool failed = ::testing::Test::HasFailure();
    if (failed) {
      PrintFailures(n);
    }
    std::fflush(nullptr);
    ::_exit(static_cast<int>(failed ? Report::kFailed : report));
  }
  EXPECT_GT(*child, 0);
  return started;
}

std::string TellEnd(const Point& point, std::string_view how) {
  const std::string text = point.output->Read();
  const std::size_t skipped = text.size() > kPrintedMax ? text.size() - kPrintedMax : 0;
  return fmt::format("=== point {} {}. The end of what it printed:\n{}", point.n, how,
                     text.substr(skipped));
}

}  // namespace

Outcome RunPoints(const std::function<Report(std::uint64_t n)>& point) {
  Outcome outcome;
  std::map<::pid_t, Point> running;
  bool over = false;
  for (std::uint64_t n = 1; !over || !running.empty();) {
    if (!over && running.size() < kProcesses) {
      ::pid_t child = 0;
      Point started = Start(n, point, &child);
      running[child] = std::move(started);
      n += kPointStride;
      continue;
    }
    int status = 0;
    const Point ended = std::move(running.extract(::wait(&status)).mapped());
    if (!WIFEXITED(status)) {
      ++outcome.num_points;
      ++outcome.num_aborted;
      outcome.told_of_aborted +=
          TellEnd(ended, fmt::format("was ended by signal {}", WTERMSIG(status)));
      continue;
    }
    const auto report = static_cast<Report>(WEXITSTATUS(status));
    EXPECT_NE(report, Report::kFailed) << TellEnd(ended, "failed");
    if (report == Report::kRemarkable) {
      ++outcome.num_remarkable;
      outcome.told_of_remarkable += TellEnd(ended, "is remarkable");
    }
    over = over || report == Report::kNotReached || report == Report::kFailed;
    outcome.num_points += report == Report::kNotReached ? 0 : 1;
  }
  return outcome;
}

}  // namespace dashi::testing
