#include "tests/fault/point_processes.h"

#include <cstdio>
#include <set>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace dashi::testing {

Outcome RunPoints(const std::function<Report(std::uint64_t n)>& point) {
  constexpr std::size_t kProcesses = 12;
  Outcome outcome;
  std::set<::pid_t> running;
  bool over = false;
  for (std::uint64_t n = 1; !over || !running.empty();) {
    if (!over && running.size() < kProcesses) {
      std::fflush(nullptr);
      const ::pid_t child = ::fork();
      if (child == 0) {
        const Report report = point(n);
        std::fflush(nullptr);
        ::_exit(static_cast<int>(::testing::Test::HasFailure() ? Report::kFailed : report));
      }
      EXPECT_GT(child, 0);
      running.insert(child);
      n += kPointStride;
      continue;
    }
    int status = 0;
    running.erase(::wait(&status));
    if (!WIFEXITED(status)) {
      ++outcome.num_points;
      ++outcome.num_aborted;
      continue;
    }
    const auto report = static_cast<Report>(WEXITSTATUS(status));
    EXPECT_NE(report, Report::kFailed);
    over = over || report == Report::kNotReached || report == Report::kFailed;
    outcome.num_points += report == Report::kNotReached ? 0 : 1;
    outcome.num_remarkable += report == Report::kRemarkable ? 1 : 0;
  }
  return outcome;
}

}  // namespace dashi::testing
