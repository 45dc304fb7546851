#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "dashi/status.h"
#include "trainer/encoder_module.h"

namespace dashi::trainer {

// What batches of all kinds of encoders have to be; their tokens are the encoder's own matter.
//
// Errors of all: kInvalidArgument naming what is out of range or does not fit together.

/// Every number is below `bound`.
Status CheckBelow(const char* what, std::span<const std::uint32_t> numbers, std::size_t bound);
Status CheckTerms(const EncoderBatch& batch);
Status CheckRows(const ClassifierBatch& batch, std::size_t dim, std::size_t num_labels,
                 bool trains_encoder);

}  // namespace dashi::trainer
