#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/status.h"
#include "trainer/evaluation/metrics.h"

namespace dashi::query {

/// A figure that a condition of PUBLISH ... WHEN asks for.
struct GateMetric {
  enum class Kind : std::uint8_t { kRanking, kRecall, kLatency, kSize };

  Kind kind = Kind::kRanking;
  std::string name;  ///< "p@1", "tail.psp@5", "ann_recall@10", "latency_p99", "size"
  // Of kRanking.
  trainer::Metric ranking = trainer::Metric::kPrecision;
  std::uint32_t k = 0;
  std::string slice = "all";
  double share = 0;  ///< of kLatency: .99 of the queries take no longer
};

/// Reads a name, in lower case.
///
/// Errors: kInvalidArgument for an unknown one, with the nearest that there is.
Result<GateMetric> ParseGateMetric(std::string_view name);

/// Reads a number, or what stood in quotes: '5 ms' for a latency, '1.3 GB' for a size.
///
/// Returns: milliseconds, bytes, or the number.
/// Errors:  kInvalidArgument for what is no value of the metric, or a value without its unit.
Result<double> ParseGateNumber(const GateMetric& metric, std::string_view text, bool quoted);

/// For people: "0.6120", "4.210 ms", "1.300 GB".
std::string FormatFigure(const GateMetric& metric, double value);

enum class GateComparison : std::uint8_t { kAtLeast, kAtMost, kMore, kLess, kEqual };

/// ">=" and the like.
std::string_view ComparisonName(GateComparison comparison);
bool Holds(double value, GateComparison comparison, double limit);

/// factor * current + offset, or the offset alone.
struct GateLimit {
  bool uses_current = false;  ///< the figure of the release that serves
  double factor = 1;
  double offset = 0;

  double At(double current) const { return uses_current ? factor * current + offset : offset; }
};

/// `p@1 >= current - 0.002`.
struct PublishCondition {
  GateMetric metric;
  GateComparison comparison = GateComparison::kAtLeast;
  GateLimit limit;
  std::string limit_text;  ///< "current - 0.002"

  std::string Text() const;  ///< "p@1 >= current - 0.002"
};

/// Errors: kInvalidArgument for a limit that no share can reach.
Status CheckLimit(const PublishCondition& condition);

}  // namespace dashi::query
