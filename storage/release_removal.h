#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/status.h"
#include "storage/catalog_records.h"
#include "storage/store.h"
#include "storage/view.h"

namespace dashi::storage {

/// How many releases one transaction of a collection drops.
inline constexpr std::size_t kReleasesPerCollection = 16;

/// Takes a release out of the catalog and of its model's lists, and puts the model. Conflicts with
/// whatever else changes the model or the release.
Status DeleteReleaseRow(Transaction& transaction, std::uint32_t number, ModelRecord* model);

/// What one transaction of a collection dropped.
struct CollectionStep {
  std::vector<ReleaseRecord> dropped;
  std::string start_weights;  ///< of their model: a blob that stays
  bool more = false;          ///< another step finds something
};

/// Drops up to `num_releases_max` releases of a model that are garbage and that no training starts
/// from, oldest first. Nothing is done without the commit; with it RemoveReleaseData removes what
/// the releases left outside the catalog, or the next open does.
///
/// Cost: reads all releases, models and jobs.
Result<CollectionStep> StageCollection(Transaction& transaction, std::string_view model,
                                       std::size_t num_releases_max = kReleasesPerCollection);

/// Removes what a release that the catalog no longer names left outside it: weights, but for those
/// that its model starts from, embeddings and index files. Whoever reads the release in an earlier
/// picture goes on, but for index files that are not open yet. What cannot be removed is removed by
/// the next open.
///
/// Threads: may be called at once with everything else.
void RemoveReleaseData(Store& store, const ReleaseRecord& release, std::string_view start_weights);

/// An error for a release that is not there (42704), whose hint lists those that are.
Status UnknownRelease(const View& view, std::string_view model, std::uint32_t number);

}  // namespace dashi::storage
