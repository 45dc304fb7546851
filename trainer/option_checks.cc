#include "trainer/option_checks.h"

#include <cmath>

#include <fmt/format.h>

#include "base/status.h"

namespace dashi::trainer {

Status CheckPositive(const char* name, double value) {
  if (value > 0 && std::isfinite(value)) {
    return Status();
  }
  return Status::InvalidArgument(fmt::format("{} must be positive: got {}", name, value));
}

Status CheckShare(const char* name, double value, double limit) {
  if (value >= 0 && value <= limit) {
    return Status();
  }
  return Status::InvalidArgument(
      fmt::format("{} must be from 0 to {}: got {}", name, limit, value));
}

Status CheckLoss(const char* name, const LossOptions& loss) {
  DASHI_RETURN_IF_ERROR(
      CheckPositive(fmt::format("{} temperature", name).c_str(), loss.temperature));
  DASHI_RETURN_IF_ERROR(CheckShare(fmt::format("{} margin", name).c_str(), loss.margin, 2.0));
  if (loss.num_negatives == 0 || loss.num_positives == 0) {
    return Status::InvalidArgument(
        fmt::format("{} needs at least one negative and one positive", name));
  }
  return Status();
}

}  // namespace dashi::trainer
