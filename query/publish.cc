#include "query/publish.h"

#include <memory>
#include <vector>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/status.h"
#include "storage/release_removal.h"
#include "storage/release_retention.h"

namespace dashi::query {
namespace {

using storage::ModelRecord;

Result<ModelRecord> GetModel(const storage::View& view, std::string_view name) {
  DASHI_ASSIGN_OR_RETURN(const auto model, view.GetModel(name));
  if (!model) {
    return Status::NotFound(fmt::format("unknown model: {}", name));
  }
  return *model;
}

// Puts the model and notes in it whether releases are garbage now, for an open to go on with if
// nobody drops them before.
Status PutWithGarbage(storage::Transaction& transaction, ModelRecord* record) {
  DASHI_ASSIGN_OR_RETURN(const auto releases, transaction.ListReleases());
  record->has_garbage = !storage::GarbageReleases(*record, releases).empty();
  return transaction.PutModel(*record);
}

// The release that serves; 0: none.
std::uint32_t Served(const ModelRecord& record) {
  return record.published.empty() ? 0 : record.published.back();
}

Status CheckCompared(const ModelRecord& record, const PublishBasis& basis) {
  if (!basis.compared_with || *basis.compared_with == Served(record)) {
    return Status::Ok();
  }
  const auto name = [&](std::uint32_t number) {
    return number == 0 ? "no release" : storage::ReleaseName(record.name, number);
  };
  return Status::Aborted(fmt::format("another release was published meanwhile: {} serves, and the "
                                     "conditions were measured beside {}",
                                     name(Served(record)), name(*basis.compared_with)))
      .WithHint("Run the PUBLISH again: it measures beside the release that serves now.");
}

// Notes in a release that it is published.
Status PutPublication(storage::Transaction& transaction, const ModelRecord& record,
                      std::uint32_t number, const PublishBasis& basis) {
  DASHI_ASSIGN_OR_RETURN(auto release, transaction.GetRelease(record.name, number));
  if (!release) {
    return storage::UnknownRelease(transaction, record.name, number);
  }
  std::vector<storage::Publication>& publications = release->publications;
  if (publications.size() >= storage::kPublicationsMax) {
    publications.erase(publications.begin(), publications.end() - (storage::kPublicationsMax - 1));
  }
  publications.push_back({Clock::System().NowMicros(), Served(record), basis.split, basis.figures});
  return transaction.PutRelease(*release);
}

}  // namespace

Result<std::uint32_t> NewestRelease(const storage::View& view, std::string_view model) {
  DASHI_RETURN_IF_ERROR(GetModel(view, model).status());
  DASHI_ASSIGN_OR_RETURN(const auto releases, view.ListReleases());
  std::uint32_t newest = 0;
  for (const auto& release : releases) {
    if (release.model == model && release.number > newest) {
      newest = release.number;
    }
  }
  if (newest == 0) {
    return Status::FailedPrecondition(fmt::format("model {} has no release", model))
        .WithHint(fmt::format("TRAIN MODEL {} makes one.", model));
  }
  return newest;
}

Result<std::uint32_t> Publish(storage::Store& store, ReleaseCache& releases, std::string_view model,
                              std::optional<std::uint32_t> release, const PublishBasis& basis,
                              ReleaseEvents* events) {
  DASHI_ASSIGN_OR_RETURN(const auto transaction, store.Begin());
  DASHI_ASSIGN_OR_RETURN(ModelRecord record, GetModel(*transaction, model));
  if (!release) {
    DASHI_ASSIGN_OR_RETURN(release, NewestRelease(*transaction, model));
  }
  DASHI_RETURN_IF_ERROR(releases.Resolve(*transaction, model, release).status());
  DASHI_RETURN_IF_ERROR(CheckCompared(record, basis));
  const std::uint32_t replaced = Served(record);
  if (replaced == *release) {
    return *release;
  }
  DASHI_RETURN_IF_ERROR(PutPublication(*transaction, record, *release, basis));
  std::erase(record.published, *release);
  record.published.push_back(*release);
  record.published = storage::RetainedReleases(record);
  record.reverted.clear();
  DASHI_RETURN_IF_ERROR(PutWithGarbage(*transaction, &record));
  DASHI_FAILPOINT("publish.commit");
  DASHI_RETURN_IF_ERROR(CommitAndTell(
      *transaction, events, {{ReleaseChange::kPublished, record.name, *release, replaced}}));
  DASHI_FAILPOINT("publish.committed");
  return *release;
}

Result<std::uint32_t> Revert(storage::Store& store, std::string_view model, ReleaseEvents* events) {
  DASHI_ASSIGN_OR_RETURN(const auto transaction, store.Begin());
  DASHI_ASSIGN_OR_RETURN(ModelRecord record, GetModel(*transaction, model));
  record.published = storage::RetainedReleases(record);
  if (record.published.size() < 2) {
    return Status::FailedPrecondition(
               fmt::format("model {} has no release published before this one", model))
        .WithHint(fmt::format("PUBLISH {}@<n> publishes any that is there; retain_releases, which "
                              "says how far REVERT goes back, is {}.",
                              model, record.retain_releases));
  }
  record.reverted.push_back(record.published.back());
  record.published.pop_back();
  DASHI_RETURN_IF_ERROR(PutWithGarbage(*transaction, &record));
  DASHI_RETURN_IF_ERROR(CommitAndTell(
      *transaction, events,
      {{ReleaseChange::kReverted, record.name, Served(record), record.reverted.back()}}));
  return record.published.back();
}

}  // namespace dashi::query
