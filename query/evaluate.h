#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "dashi/progress.h"
#include "dashi/status.h"
#include "query/release_cache.h"
#include "storage/store.h"

namespace dashi::query {

/// EVALUATE MODEL m@n ON 'split' WITH (...), parsed.
struct EvaluateRequest {
  std::string model;
  std::optional<std::uint32_t> release;  ///< nullopt: the newest
  std::string split = "test";
  storage::OptionMap options;  ///< k, filter, slices, bootstrap, scores, a, b, seed
};

/// Ranks all labels for every document of a split and computes P@k, nDCG@k, PSP@k and R@k. Exact
/// search; ties by ascending label ordinal; a label with the document's own id is no answer unless
/// it is relevant; `filter = 'reciprocal'` drops label l for document d from ranking and truth when
/// the pair (l as document -> d as label) is relevant for a training document l. Documents without
/// relevant labels are left out.
///
/// Options: k = '1,3,5'; filter = 'none' | 'reciprocal'; slices = 'all' | 'head,torso,tail' |
///          'head,torso,tail,new', where a label is new that had no training document when the
///          release was trained (where the release does not tell: one that it lacks, or that has
///          none now);
///          scores = 'fused' | 'dense' | 'encoder' | 'classifier'; bootstrap = 1000; a = .55; b
///          = 1.5; seed = 1.
/// Errors:  kNotFound for model or release; kFailedPrecondition when the split has no document with
///          a relevant label; kInvalidArgument for an option; kCancelled.
Result<std::vector<storage::EvaluationRecord>> Evaluate(const storage::View& view,
                                                        ReleaseCache& releases,
                                                        const EvaluateRequest& request,
                                                        const ProgressCallback& on_progress,
                                                        const std::function<bool()>& cancelled);

}  // namespace dashi::query
