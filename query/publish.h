#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/status.h"
#include "query/release_cache.h"
#include "query/release_events.h"
#include "storage/store.h"

namespace dashi::query {

/// The highest release number of a model.
///
/// Errors: kNotFound for an unknown model; kFailedPrecondition (55000) when it has no release.
Result<std::uint32_t> NewestRelease(const storage::View& view, std::string_view model);

/// What was found out about a release before it is published.
struct PublishBasis {
  /// The release that it was compared with, 0 for none: it must serve still. nullopt: whatever
  /// serves.
  std::optional<std::uint32_t> compared_with = std::nullopt;
  std::string split = {};  ///< as Publication::split
  std::vector<storage::PublishedFigure> figures = {};
};

/// Makes a release the one that topk answers from. One synced commit, which also notes in the
/// release what it was published on; running statements keep theirs. The release is loaded first,
/// so that a release that cannot serve is refused. What the commit makes garbage is left to
/// CollectReleases. A release that serves already stays as it is. `events`, where given, tells of
/// it.
///
/// Errors: kNotFound for model or release; kCorruption when its files are damaged; kAborted (40001)
///         when another release serves by now than the one that it was compared with.
Result<std::uint32_t> Publish(storage::Store& store, ReleaseCache& releases, std::string_view model,
                              std::optional<std::uint32_t> release, const PublishBasis& basis = {},
                              ReleaseEvents* events = nullptr);

/// Goes back to the release published before, and returns it. One key in one synced commit. The
/// release that is left stays until the next Publish. `events`, where given, tells of it.
///
/// Errors: kFailedPrecondition (55000) when nothing was published before, or nothing that
///         `retain_releases` keeps.
Result<std::uint32_t> Revert(storage::Store& store, std::string_view model,
                             ReleaseEvents* events = nullptr);

}  // namespace dashi::query
