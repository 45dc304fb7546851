#include "query/release_collection.h"

#include <utility>

#include "base/failpoint.h"
#include "base/logging.h"
#include "base/status.h"
#include "storage/release_removal.h"
#include "storage/release_retention.h"

namespace dashi::query {
namespace {

using storage::CollectionStep;

// Others may publish, pin or start trainings meanwhile.
constexpr int kAttemptsMax = 10;

std::vector<ReleaseEvent> DropsOf(const CollectionStep& step) {
  std::vector<ReleaseEvent> drops;
  drops.reserve(step.dropped.size());
  for (const storage::ReleaseRecord& release : step.dropped) {
    drops.push_back({ReleaseChange::kDropped, release.model, release.number});
  }
  return drops;
}

Result<CollectionStep> CommitStep(storage::Store& store, std::string_view model,
                                  ReleaseEvents* events) {
  for (int attempt = 1;; ++attempt) {
    DASHI_ASSIGN_OR_RETURN(const auto transaction, store.Begin());
    DASHI_ASSIGN_OR_RETURN(CollectionStep step, storage::StageCollection(*transaction, model));
    if (!transaction->has_writes()) {
      return step;
    }
    DASHI_FAILPOINT("publish.collect");
    Status committed = CommitAndTell(*transaction, events, DropsOf(step));
    if (committed.ok()) {
      return step;
    }
    if (committed.code() != StatusCode::kAborted || attempt == kAttemptsMax) {
      return committed;
    }
  }
}

}  // namespace

CollectedReleases CollectReleases(storage::Store& store, ReleaseCache& releases,
                                  std::string_view model, ReleaseEvents* events) {
  CollectedReleases collected;
  for (bool more = true; more;) {
    Result<CollectionStep> step = CommitStep(store, model, events);
    if (!step.ok()) {
      collected.status = std::move(step).status();
      LogWarning("releases of {} that nobody keeps stay for now: {}", model,
                 collected.status.ToString());
      return collected;
    }
    collected.names.reserve(collected.names.size() + step->dropped.size());
    for (const storage::ReleaseRecord& release : step->dropped) {
      DASHI_FAILPOINT("publish.collected");
      collected.names.push_back(storage::ReleaseName(release.model, release.number));
      LogInfo("dropped a release that nobody keeps: {}", collected.names.back());
      ForgetRelease(store, releases, release, step->start_weights);
    }
    more = step->more;
  }
  return collected;
}

void ForgetRelease(storage::Store& store, ReleaseCache& releases,
                   const storage::ReleaseRecord& release, std::string_view start_weights) {
  releases.Forget(release);
  storage::RemoveReleaseData(store, release, start_weights);
}

}  // namespace dashi::query
