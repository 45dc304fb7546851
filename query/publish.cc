#include "query/publish.h"

#include <memory>

#include <fmt/format.h>

#include "base/failpoint.h"
#include "base/status.h"

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
                              std::optional<std::uint32_t> release) {
  DASHI_ASSIGN_OR_RETURN(const auto transaction, store.Begin());
  DASHI_ASSIGN_OR_RETURN(ModelRecord record, GetModel(*transaction, model));
  if (!release) {
    DASHI_ASSIGN_OR_RETURN(release, NewestRelease(*transaction, model));
  }
  DASHI_RETURN_IF_ERROR(releases.Resolve(*transaction, model, release).status());
  if (!record.published.empty() && record.published.back() == *release) {
    return *release;
  }
  record.published.push_back(*release);
  DASHI_RETURN_IF_ERROR(transaction->PutModel(record));
  DASHI_FAILPOINT("publish.commit");
  DASHI_RETURN_IF_ERROR(transaction->Commit());
  return *release;
}

Result<std::uint32_t> Revert(storage::Store& store, std::string_view model) {
  DASHI_ASSIGN_OR_RETURN(const auto transaction, store.Begin());
  DASHI_ASSIGN_OR_RETURN(ModelRecord record, GetModel(*transaction, model));
  if (record.published.size() < 2) {
    return Status::FailedPrecondition(
        fmt::format("model {} has no release published before this one", model));
  }
  record.published.pop_back();
  DASHI_RETURN_IF_ERROR(transaction->PutModel(record));
  DASHI_RETURN_IF_ERROR(transaction->Commit());
  return record.published.back();
}

}  // namespace dashi::query
