#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace dashi {

/// One report of a long statement's progress (COPY, TRAIN, EVALUATE, building an index).
struct Progress {
  std::string operation;        ///< "COPY documents", "TRAIN MODEL ads"
  std::string phase;            ///< "encoder", "classifier", "rows"
  std::uint64_t done = 0;       ///< in units
  std::uint64_t total = 0;      ///< in units; 0 when unknown
  std::string unit;             ///< "bytes", "rows", "steps"
  double seconds = 0;           ///< since the operation began
  double units_per_second = 0;  ///< recent rate
  std::optional<double> eta_seconds;
  std::optional<double> loss;
  std::uint64_t memory_bytes = 0;  ///< resident memory of the process; 0 when not sampled
  /// How long the whole operation was thought to take when it began; training only.
  std::optional<double> estimated_seconds;
};

/// Called from the thread that runs the statement, at most about ten times a second and once at
/// the end of each phase. It must not call back into the session. Returning does not cancel:
/// use Session::Cancel.
using ProgressCallback = std::function<void(const Progress&)>;

}  // namespace dashi
