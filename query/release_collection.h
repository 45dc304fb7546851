#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dashi/status.h"
#include "query/release_cache.h"
#include "query/release_events.h"
#include "storage/store.h"

namespace dashi::query {

/// What a collection dropped.
struct CollectedReleases {
  std::vector<std::string> names;  ///< "ads@1", oldest first
  /// What ended it early; the rest goes with the next collection, or with the next open.
  Status status;
};

/// Drops the releases of a model that nobody keeps (storage/release_retention.h), some at a time,
/// each time in one synced commit that has the releases gone, of which `events`, where given,
/// tells. Statements that use one go on.
///
/// Threads: may be called at once with everything else; two collections share the work.
/// Cost:    reads the catalog once for every kReleasesPerCollection releases, and once more.
CollectedReleases CollectReleases(storage::Store& store, ReleaseCache& releases,
                                  std::string_view model, ReleaseEvents* events = nullptr);

/// Unloads a release that the catalog no longer names, and removes what it left outside it.
void ForgetRelease(storage::Store& store, ReleaseCache& releases,
                   const storage::ReleaseRecord& release, std::string_view start_weights);

}  // namespace dashi::query
