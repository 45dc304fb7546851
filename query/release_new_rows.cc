// What a release lacks of a view: the methods of ReleaseCache
// for rows that came after it.
#include <utility>

#include "base/logging.h"
#include "base/status.h"
#include "query/release_cache.h"
#include "query/serving_index.h"
#include "storage/release_retention.h"
#include "trainer/release_embeddings.h"

namespace dashi::query {

using storage::EntityKind;
using storage::ReleaseName;
using storage::ReleaseRecord;
using storage::View;
using trainer::EmbeddingRows;
using trainer::ReadEmbeddings;

Result<std::vector<std::pair<EntityKind, std::shared_ptr<const DeltaPicture>>>>
ReleaseCache::Pictures(const View& view, const ServingRelease& release,
                       const std::function<Status()>& check_stop, const RowsDone& rows_done) {
  std::shared_ptr<const EmbeddedRows> documents;  // Sharers: the cache.
  {
    MutexLock lock(mutex_);
    const auto found = embeddings_.find({release.record.embedding_version, EntityKind::kDocument});
    documents = found == embeddings_.end() ? nullptr : found->second;
  }
  ThreadPool alone(1);
  DeltaResources resources = ResourcesOf(release, check_stop, &alone);
  resources.rows_done = rows_done;
  std::vector<std::pair<EntityKind, std::shared_ptr<const DeltaPicture>>> pictures(1);
  pictures[0].first = EntityKind::kLabel;
  DASHI_ASSIGN_OR_RETURN(pictures[0].second, release.new_labels->At(view, resources));
  if (documents != nullptr) {
    DASHI_ASSIGN_OR_RETURN(auto picture, documents->new_rows->At(view, resources));
    pictures.emplace_back(EntityKind::kDocument, std::move(picture));
  }
  return pictures;
}

DeltaResources ReleaseCache::ResourcesOf(const ServingRelease& release,
                                         const std::function<Status()>& check_stop,
                                         ThreadPool* pool) {
  return {*release.encoder,
          *pool,
          store_->memory(),
          Grow,
          check_stop,
          /*known=*/{},
          /*needed_sequence=*/std::nullopt,
          /*num_left_out=*/nullptr,
          /*embedded=*/{},
          /*rows_done=*/{}};
}

Result<std::shared_ptr<const DeltaPicture>> ReleaseCache::NewLabels(
    const View& view, const ServingRelease& release, const std::function<Status()>& check_stop) {
  return NewLabels(view, release, ResourcesOf(release, check_stop, pool_));
}

Result<std::shared_ptr<const DeltaPicture>> ReleaseCache::NewLabels(
    const View& view, const ServingRelease& release, const DeltaResources& resources) {
  auto picture = release.new_labels->At(view, resources);
  if (!picture.ok()) {
    return std::move(picture).status().WithContext("labels that came after " + release.Name());
  }
  return picture;
}

DeltaResources ReleaseCache::ResourcesOf(const ServingRelease& release,
                                         const Freshness& freshness) {
  DeltaResources resources = ResourcesOf(release, freshness.check_stop, pool_);
  if (refresher_.StateOf(release.record.job)) {  // It embeds what is left out.
    resources.needed_sequence = freshness.needed_sequence;
  }
  return resources;
}

Result<SearchedRows> ReleaseCache::LabelsIn(const View& view, const ServingRelease& release,
                                            const Freshness& freshness) {
  DeltaResources resources = ResourcesOf(release, freshness);
  std::size_t num_left_out = 0;
  resources.num_left_out = &num_left_out;
  DASHI_ASSIGN_OR_RETURN(auto picture, NewLabels(view, release, resources));
  return SearchedRows(
      *release.labels, release.labels->ordinals(), std::move(picture),
      static_cast<float>(release.record.fusion_encoder + release.record.fusion_classifier),
      num_left_out);
}

Result<SearchedRows> ReleaseCache::EmbeddingsIn(const View& view, const ServingRelease& release,
                                                const EmbeddedRows& embedded,
                                                const Freshness& freshness) {
  DeltaResources resources = ResourcesOf(release, freshness);
  std::size_t num_left_out = 0;
  resources.num_left_out = &num_left_out;
  std::shared_ptr<const DeltaPicture> picture;
  if (embedded.new_rows == nullptr) {
    DASHI_ASSIGN_OR_RETURN(picture, NewLabels(view, release, resources));
  } else {
    DASHI_ASSIGN_OR_RETURN(picture, embedded.new_rows->At(view, resources));
  }
  return SearchedRows(*embedded.vectors, embedded.ordinals, std::move(picture), 1.0F, num_left_out);
}

void ReleaseCache::SeedDelta(const View& view, const ReleaseRecord& record, EntityKind kind,
                             RowDelta* delta) {
  KnownEmbeddings known;
  known.memory =
      std::make_unique<storage::MemoryLease>(store_->memory(), storage::MemoryUse::kReleases);
  const auto read = [&]() -> Status {
    DASHI_ASSIGN_OR_RETURN(const auto kept,
                           view.ScanDeltaEmbeddings(record.embedding_version, kind));
    for (;;) {
      DASHI_ASSIGN_OR_RETURN(const bool more, kept->Next());
      if (!more) {
        return Status::Ok();
      }
      DASHI_RETURN_IF_ERROR(
          known.memory->Resize((known.ordinals.size() + 1) * EmbeddedRowBytes(record)));
      known.ordinals.push_back(kept->ordinal());
      known.text_hashes.push_back(kept->text_hash());
      known.vectors.insert(known.vectors.end(), kept->values().begin(), kept->values().end());
    }
  };
  const Status status = read();
  if (!status.ok()) {
    LogWarning("{}: some rows that came after it are embedded anew: {}",
               ReleaseName(record.model, record.number), status.message());
  }
  delta->Seed(std::move(known));
}

void ReleaseCache::DoLater(Upkeep what, const ServingRelease& release, UpkeepTask task) {
  const std::pair<Upkeep, std::uint64_t> key{what, release.record.job};
  {
    MutexLock lock(mutex_);
    if (!upkeep_.insert(key).second) {
      return;
    }
  }
  std::string name = release.Name();
  caretaker_.Do([this, key, name = std::move(name),
                 task = std::move(task)](const std::function<bool()>& should_stop) {
    Status done = task(should_stop);
    {
      MutexLock lock(mutex_);
      upkeep_.erase(key);
    }
    // What was in the way goes by, and the refresher asks again.
    const bool is_fault = done.code() != StatusCode::kAborted &&
                          done.code() != StatusCode::kNotFound &&
                          done.code() != StatusCode::kCancelled;
    return is_fault ? std::move(done).WithContext(name) : Status::Ok();
  });
}

void ReleaseCache::SealLater(std::shared_ptr<const ServingRelease> release) {
  const ServingRelease& sealed = *release;
  DoLater(Upkeep::kSeal, sealed,
          [this, release = std::move(release)](const std::function<bool()>& should_stop) {
            Status done = sealer_.Seal(*release, should_stop);
            return done.ok() ? done : std::move(done).WithContext("sealing of new labels");
          });
}

void ReleaseCache::RelinkLater(std::shared_ptr<const ServingRelease> release,
                               std::shared_ptr<const DeltaPicture> picture) {
  const ServingRelease& relinked = *release;
  DoLater(Upkeep::kRelink, relinked,
          [release = std::move(release),
           picture = std::move(picture)](const std::function<bool()>& should_stop) {
            const std::size_t num_rows = release->labels->num_vectors();
            Status done = release->labels->Relink(picture->live_base == nullptr
                                                      ? index::PositionSet::AllBut({}, num_rows)
                                                      : *picture->live_base,
                                                  should_stop);
            return done.ok() ? done : std::move(done).WithContext("relinking of its graph");
          });
}

Result<std::shared_ptr<ServingIndex>> ReleaseCache::OpenSealed(const View& view,
                                                               const ReleaseRecord& record,
                                                               const storage::SealedRows& sealed) {
  ReleaseRecord owner = record;
  owner.embedding_version = sealed.embedding_version;
  ServingIndexSource source = SourceOf(owner, "labels that came after it", sealed.index_file);
  source.num_rows = sealed.num_rows;
  source.read_rows = [owner](const View& now) -> Result<IndexedRows> {
    DASHI_ASSIGN_OR_RETURN(EmbeddingRows rows, ReadEmbeddings(now, owner, EntityKind::kLabel));
    return IndexedRows{std::move(rows.ordinals), std::move(rows.text_hashes),
                       std::move(rows.vectors)};
  };
  return ServingIndex::Open(std::move(source), view);
}

Status ReleaseCache::AdoptSealed(const ServingRelease& release,
                                 std::shared_ptr<const ServingIndex> index, std::uint64_t sequence,
                                 const std::function<Status()>& check_stop) {
  ThreadPool alone(1);
  return release.new_labels->Adopt(
      std::move(index), sequence,
      [this]() -> Result<std::shared_ptr<const View>> { return store_->NewSnapshot(); },
      ResourcesOf(release, check_stop, &alone));
}

void ReleaseCache::StartFromSealed(const View& view, const ReleaseRecord& record, RowDelta* delta) {
  const storage::SealedRows& sealed = record.sealed_labels;
  if (sealed.embedding_version == 0) {
    return;
  }
  Result<std::shared_ptr<ServingIndex>> index = OpenSealed(view, record, sealed);
  if (!index.ok()) {
    LogWarning("{}: labels that came after it are embedded anew: {}",
               ReleaseName(record.model, record.number), index.status().message());
    return;
  }
  delta->StartFrom(std::move(index).value(), sealed.sequence);
}

}  // namespace dashi::query
