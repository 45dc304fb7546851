#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "base/mutex.h"
#include "dashi/session_options.h"
#include "server/operations/prometheus_text.h"

namespace dashi {

/// Counts statements by their kind: how many, how long they took, how many rows they returned and
/// which errors they ended with; and texts of which no statement could be made, by their errors.
/// What is kept does not grow with the number of statements.
///
/// Threads: all methods may be called at once.
class StatementMetrics {
 public:
  /// The upper ends of the buckets of durations, in microseconds.
  static constexpr std::array<std::int64_t, 16> kBuckets = {
      100,     250,     500,       1'000,     2'500,     5'000,      10'000,     25'000,
      100'000, 250'000, 1'000'000, 2'500'000, 5'000'000, 10'000'000, 60'000'000, 600'000'000};

  void Note(const StatementReport& report) DASHI_EXCLUDES(mutex_);
  void Append(PrometheusText* out) const DASHI_EXCLUDES(mutex_);

 private:
  struct Series {
    std::array<std::uint64_t, kBuckets.size()> counts = {};  // of each bucket alone
    std::uint64_t count = 0;
    std::uint64_t num_rows = 0;
    std::int64_t micros = 0;
    std::uint64_t num_slow = 0;
  };

  mutable Mutex mutex_;
  std::map<std::string, Series, std::less<>> series_ DASHI_GUARDED_BY(mutex_);
  // By kind and SQLSTATE.
  std::map<std::pair<std::string, std::string>, std::uint64_t> errors_ DASHI_GUARDED_BY(mutex_);
  std::map<std::string, std::uint64_t, std::less<>> unparsed_ DASHI_GUARDED_BY(mutex_);
};

}  // namespace dashi
