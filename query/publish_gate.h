#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dashi/status.h"
#include "query/publish.h"
#include "query/publish_condition.h"
#include "query/release_cache.h"
#include "query/release_measurement.h"
#include "storage/store.h"

namespace dashi::query {

/// PUBLISH m@n ON 'split' WHEN ..., parsed.
struct GateRequest {
  std::string model;
  std::uint32_t release = 0;
  /// Whose documents rankings are measured on; nullopt: 'valid' where a document of it has a
  /// relevant label, or else 'test'.
  std::optional<std::string> split;
  std::vector<PublishCondition> conditions;
};

/// What one condition came to.
struct ConditionOutcome {
  double value = 0;
  std::optional<double> current;  ///< where the condition names it and a release serves
  double limit = 0;
  bool passed = false;
  bool unopposed = false;  ///< it names `current` and nothing serves: it passes
};

/// What a release was found to be, beside the one that serves.
struct GateReport {
  std::uint32_t release = 0;
  std::uint32_t compared_with = 0;         ///< the release that serves; 0: none
  std::string split;                       ///< empty: no ranking was measured
  std::uint64_t num_documents = 0;         ///< of the split
  std::uint64_t num_queries = 0;           ///< stored ones; 0: none were asked
  std::vector<ConditionOutcome> outcomes;  ///< [conditions]

  bool passed() const;
};

/// Measures a release for the conditions that it must meet to be published, and the release that
/// serves where a condition names its figure: both with one view, on the same documents. All
/// conditions are measured.
///
/// Errors: kNotFound for model or release; kFailedPrecondition (55000) where a metric has nothing
///         to be measured on; kCancelled.
/// Cost:   rankings: as EVALUATE, for each release. A recall, a latency: a thousand queries.
Result<GateReport> MeasureGate(const std::shared_ptr<const storage::View>& view,
                               const storage::Store& store, ReleaseCache& releases,
                               const GateRequest& request, const MeasuringControl& control);

/// The error of a release that does not pass: which condition failed, both numbers and by how much.
Status RefusedByGate(const GateRequest& request, const GateReport& report);
/// What was found out, a line each, for a release that passes.
std::vector<std::string> DescribeGate(const GateRequest& request, const GateReport& report);
/// What Publish keeps of it.
PublishBasis BasisOf(const GateRequest& request, const GateReport& report);

}  // namespace dashi::query
