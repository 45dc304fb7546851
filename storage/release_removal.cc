#include "storage/release_removal.h"

#include <algorithm>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "base/file.h"
#include "base/status.h"
#include "storage/release_retention.h"

namespace dashi::storage {

namespace {

constexpr const char* kLater = "removed at the next open";
// A hint is one line.
constexpr std::size_t kReleasesListedMax = 20;

}  // namespace

Status DeleteReleaseRow(Transaction& transaction, std::uint32_t number, ModelRecord* model) {
  std::erase(model->published, number);
  std::erase(model->reverted, number);
  DASHI_RETURN_IF_ERROR(transaction.PutModel(*model));
  return transaction.DeleteRelease(model->name, number);
}

Result<CollectionStep> StageCollection(Transaction& transaction, std::string_view model,
                                       std::size_t num_releases_max) {
  CollectionStep step;
  DASHI_ASSIGN_OR_RETURN(std::optional<ModelRecord> record, transaction.GetModel(model));
  if (!record) {
    return step;  // Dropped meanwhile, with all its releases.
  }
  DASHI_ASSIGN_OR_RETURN(const std::vector<ReleaseRecord> releases, transaction.ListReleases());
  DASHI_ASSIGN_OR_RETURN(const std::vector<JobRecord> jobs, transaction.ListJobs());
  DASHI_ASSIGN_OR_RETURN(const std::vector<ModelRecord> models, transaction.ListModels());
  const std::set<std::string> held = StartReleases(jobs, models);
  std::vector<std::uint32_t> garbage = GarbageReleases(*record, releases);
  // What a training starts from stays garbage until a later collection.
  const bool all_free = std::erase_if(garbage, [&](std::uint32_t number) {
                          return held.contains(ReleaseName(model, number));
                        }) == 0;
  step.more = garbage.size() > num_releases_max;
  garbage.resize(std::min(garbage.size(), num_releases_max));
  step.start_weights = record->start_weights;
  const bool has_garbage = step.more || !all_free;
  step.dropped.reserve(garbage.size());
  const bool changed = record->has_garbage != has_garbage;
  record->has_garbage = has_garbage;
  for (const ReleaseRecord& release : releases) {
    if (release.model == model &&
        std::binary_search(garbage.begin(), garbage.end(), release.number)) {
      DASHI_RETURN_IF_ERROR(DeleteReleaseRow(transaction, release.number, &*record));
      step.dropped.push_back(release);
    }
  }
  if (step.dropped.empty() && changed) {
    DASHI_RETURN_IF_ERROR(transaction.PutModel(*record));
  }
  return step;
}

void RemoveReleaseData(Store& store, const ReleaseRecord& release, std::string_view start_weights) {
  for (const std::string& name : release.weights) {
    if (name != start_weights) {
      store.DeleteWeights(name).IgnoreError(kLater);
    }
  }
  for (const std::uint64_t version : release.EmbeddingVersions()) {
    store.DropEmbeddingVersion(version).IgnoreError(kLater);
  }
  for (const std::string& file : release.IndexFiles()) {
    RemoveFile(store.index_directory() + "/" + file, store.file_gate()).IgnoreError(kLater);
  }
}

Status UnknownRelease(const View& view, std::string_view model, std::uint32_t number) {
  DASHI_ASSIGN_OR_RETURN(const std::vector<ReleaseRecord> releases, view.ListReleases());
  std::vector<std::uint32_t> numbers;
  numbers.reserve(releases.size());
  for (const ReleaseRecord& release : releases) {
    if (release.model == model) {
      numbers.push_back(release.number);
    }
  }
  Status unknown = Status::NotFound("unknown release: " + ReleaseName(model, number));
  if (numbers.empty()) {
    return std::move(unknown).WithHint(fmt::format("Model {} has no release.", model));
  }
  std::sort(numbers.begin(), numbers.end());
  std::string names;
  // The newest, when there are too many.
  for (std::size_t i = numbers.size() - std::min(numbers.size(), kReleasesListedMax);
       i < numbers.size(); ++i) {
    names += (names.empty() ? "" : ", ") + ReleaseName(model, numbers[i]);
  }
  return std::move(unknown).WithHint(
      fmt::format("There {} {}.", numbers.size() == 1 ? "is" : "are",
                  numbers.size() > kReleasesListedMax ? names + ", and older ones" : names));
}

}  // namespace dashi::storage
