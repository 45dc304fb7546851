#pragma once

#include <string_view>

#include "dashi/status.h"
#include "trainer/ngame.h"

namespace dashi::trainer {

/// Sets an option of TrainNgame by name, "epochs=5", for experiments.
///
/// Errors: kInvalidArgument for a name that is none.
Status SetOption(std::string_view argument, NgameOptions* options);

}  // namespace dashi::trainer
