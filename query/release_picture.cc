#include "query/release_picture.h"

#include "base/status.h"

namespace dashi::query {
namespace {

void AppendDrops(const std::string& name, const ReleasePicture::Model& before,
                 const ReleasePicture::Model& after, std::vector<ReleaseEvent>* events) {
  for (const std::uint32_t release : before.releases) {
    if (!after.releases.contains(release)) {
      const std::uint32_t previous =
          after.releases.empty() && after.served == 0 && before.served == release ? release : 0;
      events->push_back({ReleaseChange::kDropped, name, release, previous});
    }
  }
}

void AppendChanges(const std::string& name, const ReleasePicture::Model& before,
                   const ReleasePicture::Model& after, std::vector<ReleaseEvent>* events) {
  std::uint32_t served = before.served;
  for (const ReleasePicture::Published& published : after.published) {
    if (!before.published.contains(published)) {
      events->push_back({ReleaseChange::kPublished, name, published.release, published.replaced});
      served = published.release;
    }
  }
  if (after.served != 0 && after.served != served) {
    events->push_back({ReleaseChange::kReverted, name, after.served, served});
  }
  AppendDrops(name, before, after, events);
}

}  // namespace

Result<ReleasePicture> TakeReleasePicture(const storage::View& view) {
  ReleasePicture picture;
  DASHI_ASSIGN_OR_RETURN(const std::vector<storage::ModelRecord> models, view.ListModels());
  for (const storage::ModelRecord& record : models) {
    ReleasePicture::Model& model = picture.models[record.name];
    model.created_at_micros = record.created_at_micros;
    model.served = record.published.empty() ? 0 : record.published.back();
  }
  DASHI_ASSIGN_OR_RETURN(const std::vector<storage::ReleaseRecord> releases, view.ListReleases());
  for (const storage::ReleaseRecord& release : releases) {
    ReleasePicture::Model& model = picture.models[release.model];
    model.releases.insert(release.number);
    for (const storage::Publication& publication : release.publications) {
      model.published.insert({publication.at_micros, release.number, publication.replaced});
    }
  }
  return picture;
}

std::vector<ReleaseEvent> EventsBetween(const ReleasePicture& before, const ReleasePicture& after) {
  std::vector<ReleaseEvent> events;
  for (const auto& [name, model] : before.models) {
    const auto found = after.models.find(name);
    if (found == after.models.end() || found->second.created_at_micros != model.created_at_micros) {
      AppendDrops(name, model, {}, &events);
    }
  }
  for (const auto& [name, model] : after.models) {
    const auto found = before.models.find(name);
    const bool is_new =
        found == before.models.end() || found->second.created_at_micros != model.created_at_micros;
    AppendChanges(name, is_new ? ReleasePicture::Model() : found->second, model, &events);
  }
  return events;
}

}  // namespace dashi::query
