#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "dashi/progress.h"
#include "dashi/status.h"
#include "query/release_cache.h"
#include "storage/view.h"
#include "trainer/evaluation/metrics.h"

namespace dashi::query {

/// COMPARE m@1 WITH m@2 ON 'split' WITH (...), parsed. Releases may be of different models.
struct CompareRequest {
  std::string model;
  std::optional<std::uint32_t> release;  ///< nullopt: the newest
  std::string other_model;
  std::optional<std::uint32_t> other_release;
  std::string split = "test";
  storage::OptionMap options;  ///< those of EVALUATE, and rows and documents
};

/// A document whose ranking became better or worse.
struct ChangedDocument {
  std::string id;
  double first = 0;  ///< nDCG at the largest k
  double second = 0;
};

struct Comparison {
  std::vector<trainer::MetricDifference> metrics;
  /// Those that changed most, first; ties by id.
  std::vector<ChangedDocument> documents;
  std::uint32_t k = 0;  ///< of their nDCG
  bool shows_documents = false;
};

/// Ranks a split with two releases and compares every metric on the same documents.
///
/// Options: those of Evaluate, new labels being those new to the first release; rows = 'metrics' |
/// 'documents': what the statement shows; documents
///          = 20: how many.
/// Errors:  as Evaluate.
Result<Comparison> Compare(const storage::View& view, ReleaseCache& releases,
                           const CompareRequest& request, const ProgressCallback& on_progress,
                           const std::function<bool()>& cancelled);

}  // namespace dashi::query
