#pragma once

#include <cstdint>
#include <memory>

#include "dashi/status.h"
#include "trainer/bag_module.h"
#include "trainer/ngame.h"

namespace dashi::trainer {

/// Makes the encoder that the options ask for, at its start.
///
/// Errors: kInvalidArgument when the transformer's dim is not that of the training or it has fewer
///         token vectors; those of the backend.
Result<std::unique_ptr<EncoderModule>> NewNgameEncoder(std::uint32_t vocabulary_size,
                                                       const NgameOptions& options,
                                                       std::uint64_t seed, TensorBackend& backend);

}  // namespace dashi::trainer
