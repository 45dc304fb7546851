#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/thread_pool.h"
#include "dashi/status.h"
#include "trainer/bag_module.h"
#include "trainer/training_task.h"
#include "trainer/validation.h"

namespace dashi::trainer {

/// Finds the labels that a model under training ranks high for documents.
///
/// Threads: one thread at a time; the work is spread over a pool.
class LabelShortlists {
 public:
  virtual ~LabelShortlists() = default;
  /// Appends a row for each document of `chunk`: its best `size` labels that are not ignored,
  /// ascending by label. `chunk.truth` is not looked at.
  ///
  /// Errors: kCancelled; those of the tensor backend.
  virtual Status Append(const RankingTask& chunk, std::size_t size, SparseRows* shortlists) = 0;
};

/// Makes it over label vectors. `kind` is index::ChooseIndexKind's: "exact" multiplies matrices;
/// "hnsw" builds a graph first and may miss some labels.
///
/// Shape: vectors [num_labels, dim].
/// Errors: kCancelled, kResourceExhausted.
Result<std::unique_ptr<LabelShortlists>> MakeLabelShortlists(
    std::vector<float> vectors, std::uint32_t dim, std::string_view kind, std::uint64_t seed,
    ThreadPool& pool, TensorBackend& backend, const TrainingControl& control);

}  // namespace dashi::trainer
