#pragma once

#include <cstdint>
#include <functional>

namespace dashi::testing {

/// What a child process reports with its exit status.
enum class Report {
  kPassed = 0,
  kFailed = 1,      ///< an expectation failed; its output says which
  kNotReached = 2,  ///< there is no n-th point
  kRemarkable = 3,  ///< passed, and what the test counts beside happened
};

struct Outcome {
  std::uint64_t num_points = 0;
  std::uint64_t num_remarkable = 0;
  std::uint64_t num_aborted = 0;  ///< ended by an assertion inside RocksDB
};

/// Runs `point` for n = 1, 2, ... until one does not reach its fault, each in a process of its own,
/// since RocksDB's assertions are on and some do not hold after an error; several at once, since it
/// sleeps for a second after others. RocksDB must not run in this process, so that it may fork.
Outcome RunPoints(const std::function<Report(std::uint64_t n)>& point);

}  // namespace dashi::testing
