#include "storage/release_retention.h"

#include <algorithm>

#include <fmt/format.h>

namespace dashi::storage {

namespace {

constexpr const char* kStartOption = "warm_start";

bool MayStillRun(const JobRecord& job) {
  switch (job.state) {
    case JobState::kSucceeded:
    case JobState::kCancelled:
      return false;
    case JobState::kFailed:
      return !job.checkpoint.empty();
    default:
      return true;
  }
}

// The release that options start a training from, by its name; empty when there is none.
std::string StartOf(const OptionMap& options) {
  const auto start = options.find(kStartOption);
  return start == options.end() || start->second.find('@') == std::string::npos ? ""
                                                                                : start->second;
}

bool Contains(const std::vector<std::uint32_t>& numbers, std::uint32_t number) {
  return std::find(numbers.begin(), numbers.end(), number) != numbers.end();
}

}  // namespace

std::string ReleaseName(std::string_view model, std::uint32_t number) {
  return fmt::format("{}@{}", model, number);
}

std::vector<std::uint32_t> RetainedReleases(const ModelRecord& model) {
  const std::size_t num_releases_max = std::size_t{model.retain_releases} + 1;
  std::vector<std::uint32_t> retained;
  retained.reserve(std::min(num_releases_max, model.published.size()));
  for (auto number = model.published.rbegin();
       number != model.published.rend() && retained.size() < num_releases_max; ++number) {
    if (!Contains(retained, *number)) {
      retained.push_back(*number);
    }
  }
  std::reverse(retained.begin(), retained.end());
  return retained;
}

std::vector<std::uint32_t> GarbageReleases(const ModelRecord& model,
                                           std::span<const ReleaseRecord> releases) {
  const std::vector<std::uint32_t> retained = RetainedReleases(model);
  std::vector<std::uint32_t> garbage;
  garbage.reserve(releases.size());
  for (const ReleaseRecord& release : releases) {
    const bool older =
        release.model == model.name && !retained.empty() && release.number < retained.back();
    if (older && !release.pinned && !Contains(retained, release.number) &&
        !Contains(model.reverted, release.number)) {
      garbage.push_back(release.number);
    }
  }
  std::sort(garbage.begin(), garbage.end());
  return garbage;
}

std::optional<std::uint64_t> JobStartingFrom(std::span<const JobRecord> jobs,
                                             std::string_view release) {
  const auto found = std::find_if(jobs.begin(), jobs.end(), [&](const JobRecord& job) {
    return MayStillRun(job) && StartOf(job.options) == release;
  });
  return found == jobs.end() ? std::nullopt : std::optional(found->id);
}

std::set<std::string> StartReleases(std::span<const JobRecord> jobs,
                                    std::span<const ModelRecord> models) {
  std::set<std::string> names;
  for (const JobRecord& job : jobs) {
    if (MayStillRun(job)) {
      names.insert(StartOf(job.options));
    }
  }
  for (const ModelRecord& model : models) {
    names.insert(StartOf(model.options));
  }
  names.erase("");
  return names;
}

}  // namespace dashi::storage
