#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "dashi/status.h"
#include "index/vector_index.h"
#include "trainer/bag_module.h"
#include "trainer/training_task.h"

namespace dashi::trainer {

/// Finds the kVotingDocuments of `documents` (ascending rows of `texts`) that are nearest to each
/// query, by exact search. They are encoded block by block and none of them is kept, so that memory
/// does not grow with their number.
///
/// Shape:  queries [n, dim] unit rows; result [n], positions are rows of `texts`.
/// Errors: kCancelled; those of module and backend.
/// Cost:   one encoding a document, 2 * n * documents * dim operations.
Result<std::vector<index::Shortlist>> FindNearestDocuments(const SparseRows& texts,
                                                           std::span<const std::uint32_t> documents,
                                                           index::FloatMatrixView queries,
                                                           EncoderModule& module,
                                                           TensorBackend& backend, ThreadPool& pool,
                                                           const TrainingControl& control);

}  // namespace dashi::trainer
