#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dashi/progress.h"
#include "dashi/status.h"
#include "index/position_set.h"
#include "query/evaluation_data.h"
#include "query/evaluation_settings.h"
#include "query/release_cache.h"
#include "storage/view.h"

namespace dashi::query {

/// A release as an evaluation ranks with it.
struct RankedRelease {
  std::shared_ptr<const ServingRelease> release;
  LabelVectors labels;  ///< those of the release, then those that came after it
  /// The release's labels but for those that stand among the later ones, with another text, and
  /// some that are deleted; null: all.
  std::shared_ptr<const index::PositionSet> live;
};

/// `number` nullopt: the newest.
///
/// Errors: kNotFound for model or release; kCancelled.
Result<RankedRelease> OpenForRanking(const storage::View& view, ReleaseCache& releases,
                                     const std::string& model, std::optional<std::uint32_t> number,
                                     const std::function<bool()>& cancelled);

/// Which labels are new to a release: those that had no training document when it was trained.
/// Where the release does not tell, those that it lacks or that have none now.
///
/// Shape:  label_counts, result [labels].
std::vector<bool> LabelsNewTo(const RankedRelease& ranked,
                              std::span<const std::uint64_t> label_counts, LabelNumbers* numbers);

/// Ranks all labels that topk would find for every document of a split by exact search, as topk
/// would, without what may not be an answer. Ties go by ascending label ordinal.
///
/// Shape:  result [documents], at most the largest k of label numbers each, best first.
/// Errors: kCancelled; those of the encoder.
Result<std::vector<std::vector<std::uint32_t>>> RankSplit(
    const RankedRelease& ranked, const Split& split, const EvaluationSettings& settings,
    LabelNumbers* numbers, ThreadPool& pool, const std::string& operation,
    const ProgressCallback& on_progress, const std::function<bool()>& cancelled);

}  // namespace dashi::query
