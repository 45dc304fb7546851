#pragma once

#include <cstdint>
#include <string>

#include "dashi/status.h"
#include "storage/catalog_records.h"
#include "trainer/evaluation/metrics.h"

namespace dashi::query {

/// The options of EVALUATE MODEL and COMPARE, resolved.
struct EvaluationSettings {
  trainer::EvaluationOptions metrics;
  trainer::PropensityModel propensity;
  bool filter_reciprocal = false;
  bool slice_new = false;  ///< measure labels that the release has not learned by themselves too
  std::string scores = "fused";
};

/// Sets one option.
///
/// Errors: kInvalidArgument for an unknown name, with the nearest known one, or another value.
Status SetEvaluationOption(const std::string& name, const std::string& text,
                           EvaluationSettings* settings);

/// Errors: as SetEvaluationOption.
Result<EvaluationSettings> ParseEvaluationSettings(const storage::OptionMap& options);

}  // namespace dashi::query
