#pragma once

#include <cstdint>
#include <functional>
#include <string>

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
  // The end of what such points printed.
  std::string told_of_remarkable;
  std::string told_of_aborted;
};

/// How many points lie from one that is tried to the next. Sanitizers make a point take ten times
/// as long, so that they try a few.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr std::uint64_t kPointStride = 16;
#else
inline constexpr std::uint64_t kPointStride = 1;
#endif

/// Runs `point` for n = 1, 1 + kPointStride, ... until one does not reach its fault, each in a
/// process of its own, since RocksDB's assertions are on and some do not hold after an error;
/// several at once, since it sleeps for a second after others. RocksDB must not run in this
/// process, so that it may fork.
Outcome RunPoints(const std::function<Report(std::uint64_t n)>& point);

}  // namespace dashi::testing
