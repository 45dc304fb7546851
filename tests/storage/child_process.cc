#include "tests/storage/child_process.h"

#include <array>
#include <cstdlib>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace dashi::storage {

namespace {

[[noreturn]] void RunChild(const std::string& test,
                           const std::map<std::string, std::string>& environment, int output) {
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  for (const auto& [name, value] : environment) {
    ::setenv(name.c_str(), value.c_str(), 1);
  }
  std::string filter = "--gtest_filter=" + test;
  std::string disabled = "--gtest_also_run_disabled_tests";
  std::string program = "/proc/self/exe";
  std::array<char*, 4> arguments = {program.data(), filter.data(), disabled.data(), nullptr};
  ::execv(program.c_str(), arguments.data());
  ::_exit(127);
}

}  // namespace

ChildOutcome RunTestInChild(const std::string& test,
                            const std::map<std::string, std::string>& environment) {
  ChildOutcome outcome;
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) {
    return outcome;
  }
  const ::pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    RunChild(test, environment, ends[1]);
  }
  ::close(ends[1]);
  std::array<char, 4096> buffer{};
  ssize_t got = 0;
  while ((got = ::read(ends[0], buffer.data(), buffer.size())) > 0) {
    outcome.output.append(buffer.data(), static_cast<std::size_t>(got));
  }
  ::close(ends[0]);
  int status = 0;
  if (child > 0 && ::waitpid(child, &status, 0) == child) {
    if (WIFEXITED(status)) {
      outcome.exit_status = WEXITSTATUS(status);
    } else if (WIFSIGNALED(status)) {
      outcome.signal = WTERMSIG(status);
    }
  }
  return outcome;
}

}  // namespace dashi::storage
