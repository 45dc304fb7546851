#pragma once

#include "dashi/status.h"
#include "trainer/loss_options.h"

namespace dashi::trainer {

// Checks of options. Their messages begin with the option's name.
//
// Errors: kInvalidArgument.

Status CheckPositive(const char* name, double value);
/// From 0 to `limit`.
Status CheckShare(const char* name, double value, double limit);
Status CheckLoss(const char* name, const LossOptions& loss);

}  // namespace dashi::trainer
