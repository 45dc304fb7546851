#pragma once

#include <vector>

#include "trainer/model_option_spec.h"

namespace dashi::trainer {

/// The options that a model USING ramen has beside those of ngame: which graphs it reads and how,
/// and what they do to the training.
std::vector<OptionSpec> GraphOptionSpecs();

}  // namespace dashi::trainer
