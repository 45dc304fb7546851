#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/catalog_records.h"

namespace dashi::storage {

// Which releases of a model stay. A release is garbage when it is older than the published one and
// nobody keeps it: the published list does not, nor a pin, nor REVERT, which keeps what it left
// until the next PUBLISH. Newer ones are candidates for PUBLISH and never garbage.

/// "ads@3".
std::string ReleaseName(std::string_view model, std::uint32_t number);

/// The published list as far as REVERT may go back in it: each release where it was published last,
/// at most `retain_releases` before the current one, which is the last.
std::vector<std::uint32_t> RetainedReleases(const ModelRecord& model);

/// The numbers of a model's releases that are garbage, ascending. `releases` may hold others'.
std::vector<std::uint32_t> GarbageReleases(const ModelRecord& model,
                                           std::span<const ReleaseRecord> releases);

/// The job that starts from a release and may still run: it waits, runs, was stopped, or failed
/// and has a checkpoint to go on from.
std::optional<std::uint64_t> JobStartingFrom(std::span<const JobRecord> jobs,
                                             std::string_view release);

/// The names of all releases that such jobs start from, and those that models' options name for
/// every training. Collection leaves them alone.
std::set<std::string> StartReleases(std::span<const JobRecord> jobs,
                                    std::span<const ModelRecord> models);

}  // namespace dashi::storage
