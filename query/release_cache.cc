#include "query/release_cache.h"

#include <algorithm>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/logging.h"
#include "base/status.h"
#include "index/label_fusion.h"
#include "query/serving_index.h"
#include "storage/release_removal.h"
#include "trainer/release_artifacts.h"
#include "trainer/release_embeddings.h"
#include "trainer/release_encoder.h"
#include "trainer/retrieval/voting_documents.h"

namespace dashi::query {
namespace {

using storage::EntityKind;
using storage::ModelRecord;
using storage::Ordinal;
using storage::ReleaseRecord;
using storage::View;
using trainer::EmbeddingRows;
using trainer::ReadEmbeddings;

std::string ReleaseName(const ReleaseRecord& record) {
  return fmt::format("{}@{}", record.model, record.number);
}

/// The only model with a published release.
Result<ModelRecord> OnlyPublishedModel(const View& view) {
  DASHI_ASSIGN_OR_RETURN(const std::vector<ModelRecord> models, view.ListModels());
  std::vector<const ModelRecord*> published;
  for (const ModelRecord& model : models) {
    if (!model.published.empty()) {
      published.push_back(&model);
    }
  }
  if (published.size() == 1) {
    return *published.front();
  }
  if (published.empty()) {
    return Status::FailedPrecondition("no release is published")
        .WithHint(
            "TRAIN MODEL <name>; then PUBLISH <name>@<n>; SHOW RELEASES lists what there is.");
  }
  std::string names;
  for (const ModelRecord* model : published) {
    names += (names.empty() ? "" : ", ") + model->name;
  }
  return Status::FailedPrecondition("several models are published and none was named")
      .WithHint(fmt::format("Name one with the option {{\"model\":\"{}\"}}; published: {}.",
                            published.front()->name, names));
}

Result<ReleaseRecord> FindRelease(const View& view, std::string_view model_name,
                                  std::optional<std::uint32_t> number) {
  ModelRecord model;
  if (model_name.empty()) {
    DASHI_ASSIGN_OR_RETURN(model, OnlyPublishedModel(view));
  } else {
    DASHI_ASSIGN_OR_RETURN(const auto found, view.GetModel(model_name));
    if (!found) {
      return Status::NotFound(fmt::format("unknown model: {}", model_name));
    }
    model = *found;
  }
  if (!number) {
    if (model.published.empty()) {
      return Status::FailedPrecondition(
                 fmt::format("no release of model {} is published", model.name))
          .WithHint(fmt::format("PUBLISH {}@<n>; SHOW RELEASES lists what there is.", model.name));
    }
    number = model.published.back();
  }
  DASHI_ASSIGN_OR_RETURN(const auto release, view.GetRelease(model.name, *number));
  if (!release) {
    return storage::UnknownRelease(view, model.name, *number);
  }
  return *release;
}

/// Reads the ranker of a release that has one.
Result<std::unique_ptr<trainer::SparseRanker>> ReadRanker(const ReleaseRecord& record,
                                                          std::string_view bytes) {
  DASHI_ASSIGN_OR_RETURN(auto ranker, trainer::ParseRanker(bytes));
  if (ranker->weights().num_labels() != record.num_labels) {
    return Status::Corruption(fmt::format("ranker size mismatch in {}: got {} labels, want {}",
                                          ReleaseName(record), ranker->weights().num_labels(),
                                          record.num_labels));
  }
  return ranker;
}

}  // namespace

std::uint64_t EmbeddedRowBytes(const ReleaseRecord& record) {
  return record.dim * sizeof(std::uint16_t) + sizeof(Ordinal) + sizeof(std::uint64_t);
}

std::string ServingRelease::Name() const { return ReleaseName(record); }

Result<LabelVectors> ReadLabelVectors(const View& view, const ReleaseRecord& release) {
  LabelVectors labels;
  DASHI_ASSIGN_OR_RETURN(EmbeddingRows rows, ReadEmbeddings(view, release, EntityKind::kLabel));
  DASHI_ASSIGN_OR_RETURN(const std::string bytes,
                         view.GetWeights(trainer::ClassifierWeightsName(release.job)));
  DASHI_ASSIGN_OR_RETURN(trainer::ClassifierWeights classifier, trainer::ParseClassifier(bytes));
  if (classifier.ordinals != rows.ordinals || classifier.dim != release.dim) {
    return Status::Corruption(fmt::format(
        "label embeddings and classifiers of {} do not belong together", ReleaseName(release)));
  }
  labels.ordinals = std::move(rows.ordinals);
  labels.text_hashes = std::move(rows.text_hashes);
  labels.embeddings = std::move(rows.vectors);
  labels.classifiers = std::move(classifier.vectors);
  labels.num_documents = std::move(classifier.num_documents);
  return labels;
}

Result<IndexedRows> ReadFoldedLabels(const View& view, const ReleaseRecord& release) {
  DASHI_ASSIGN_OR_RETURN(LabelVectors labels, ReadLabelVectors(view, release));
  IndexedRows rows;
  rows.vectors = index::FoldVectors(labels.embeddings, labels.classifiers, release.dim,
                                    static_cast<float>(release.fusion_encoder),
                                    static_cast<float>(release.fusion_classifier));
  rows.ordinals = std::move(labels.ordinals);
  rows.text_hashes = std::move(labels.text_hashes);
  return rows;
}

ReleaseCache::ReleaseCache(storage::Store* store, ThreadPool* pool, std::string torch_module_path)
    : store_(store),
      pool_(pool),
      torch_module_path_(std::move(torch_module_path)),
      sealer_(store, this),
      refresher_(store, this),
      reclaimer_(store->memory(), [this] { return UnloadIdle(); }) {}

std::shared_ptr<const ServingRelease> ReleaseCache::FindLoaded(const ReleaseRecord& record) {
  MutexLock lock(mutex_);
  // A job makes one release, and its number is never given again.
  const auto found = std::find_if(releases_.begin(), releases_.end(), [&](const auto& release) {
    return release->record.job == record.job;
  });
  if (found == releases_.end()) {
    return nullptr;
  }
  std::rotate(found, found + 1, releases_.end());
  return releases_.back();
}

Result<std::shared_ptr<const ServingRelease>> ReleaseCache::Resolve(
    const View& view, std::string_view model, std::optional<std::uint32_t> release) {
  DASHI_ASSIGN_OR_RETURN(const ReleaseRecord record, FindRelease(view, model, release));
  if (auto loaded = FindLoaded(record)) {
    return loaded;
  }
  MutexLock load_lock(load_mutex_);
  if (auto loaded = FindLoaded(record)) {
    return loaded;
  }
  DASHI_ASSIGN_OR_RETURN(std::shared_ptr<const ServingRelease> loaded, Load(view, record));
  {
    MutexLock lock(mutex_);
    if (releases_.size() == kReleasesMax) {
      UnloadOldest();
    }
    releases_.push_back(loaded);
  }
  refresher_.Wake();
  return loaded;
}

void ReleaseCache::Forget(const ReleaseRecord& record) {
  // They go after the lock.
  std::vector<std::shared_ptr<const ServingRelease>> releases;
  std::vector<std::shared_ptr<const EmbeddedRows>> embeddings;
  embeddings.reserve(2);
  MutexLock lock(mutex_);
  const auto of_job =
      std::stable_partition(releases_.begin(), releases_.end(),
                            [&](const auto& release) { return release->record.job != record.job; });
  releases.assign(of_job, releases_.end());
  releases_.erase(of_job, releases_.end());
  for (const EntityKind kind : {EntityKind::kDocument, EntityKind::kLabel}) {
    if (const auto found = embeddings_.find({record.embedding_version, kind});
        found != embeddings_.end()) {
      embeddings.push_back(std::move(found->second));
      embeddings_.erase(found);
    }
  }
}

void ReleaseCache::UnloadOldest() {
  const std::uint64_t version = releases_.front()->record.embedding_version;
  embeddings_.erase({version, EntityKind::kDocument});
  embeddings_.erase({version, EntityKind::kLabel});
  releases_.erase(releases_.begin());
}

Result<std::unique_ptr<storage::MemoryLease>> ReleaseCache::Reserve(std::uint64_t bytes) {
  auto lease =
      std::make_unique<storage::MemoryLease>(store_->memory(), storage::MemoryUse::kReleases);
  DASHI_RETURN_IF_ERROR(Grow(lease.get(), bytes));
  return lease;
}

// The budget has idle releases unloaded where it must.
Status ReleaseCache::Grow(storage::MemoryLease* lease, std::uint64_t bytes) {
  return lease->Resize(bytes);
}

bool ReleaseCache::UnloadIdle() {
  // They go after the lock. Whoever uses one has a pointer of its own, which comes from here.
  std::shared_ptr<const ServingRelease> release;
  std::vector<std::shared_ptr<const EmbeddedRows>> embeddings;
  embeddings.reserve(2);
  MutexLock lock(mutex_);
  for (auto oldest = releases_.begin(); oldest != releases_.end(); ++oldest) {
    const bool is_idle = oldest->use_count() == 1;
    for (const EntityKind kind : {EntityKind::kDocument, EntityKind::kLabel}) {
      const auto found = embeddings_.find({(*oldest)->record.embedding_version, kind});
      if (found != embeddings_.end() && (is_idle || found->second.use_count() == 1)) {
        embeddings.push_back(std::move(found->second));
        embeddings_.erase(found);
      }
    }
    if (is_idle) {
      release = std::move(*oldest);
      releases_.erase(oldest);
    }
    if (release != nullptr || !embeddings.empty()) {
      return true;
    }
  }
  return false;
}

ServingIndexSource ReleaseCache::SourceOf(const ReleaseRecord& record, std::string rows,
                                          const std::string& file) {
  ServingIndexSource source;
  source.store = store_;
  source.record = record;
  source.rows = std::move(rows);
  source.file = file;
  source.grow = Grow;
  source.wake = [this](std::weak_ptr<const ServingIndex> index) {
    caretaker_.Tend(std::move(index));
  };
  return source;
}

Result<std::shared_ptr<const ServingRelease>> ReleaseCache::Load(const View& view,
                                                                 const ReleaseRecord& record) {
  auto release = std::make_shared<ServingRelease>();
  release->record = record;
  DASHI_ASSIGN_OR_RETURN(std::string bytes,
                         view.GetWeights(trainer::EncoderWeightsName(record.job)));
  DASHI_ASSIGN_OR_RETURN(release->memory, Reserve(trainer::EncoderMemoryBytes(bytes)));
  const trainer::EncoderRuntime runtime{torch_module_path_, pool_->num_threads(), "cpu"};
  DASHI_ASSIGN_OR_RETURN(release->encoder, trainer::ParseEncoder(std::move(bytes), runtime));
  if (release->encoder->dim() != record.dim) {
    return Status::Corruption(fmt::format("encoder dim mismatch in {}: got {}, want {}",
                                          ReleaseName(record), release->encoder->dim(),
                                          record.dim));
  }
  ServingIndexSource source = SourceOf(record, "labels", record.index_file);
  source.num_rows = record.num_labels;
  source.read_rows = [record](const View& now) { return ReadFoldedLabels(now, record); };
  DASHI_ASSIGN_OR_RETURN(release->labels, ServingIndex::Open(std::move(source), view));
  release->new_labels = std::make_unique<RowDelta>(
      EntityKind::kLabel, record.snapshot_sequence,
      BaseRows{release->labels->ordinals(), release->labels->text_hashes()}, store_->memory());
  SeedDelta(view, record, EntityKind::kLabel, release->new_labels.get());
  StartFromSealed(view, record, release->new_labels.get());
  DASHI_RETURN_IF_ERROR(LoadRanker(view, release.get()));
  DASHI_RETURN_IF_ERROR(LoadVotes(view, release.get()));
  return std::shared_ptr<const ServingRelease>(std::move(release));
}

Status ReleaseCache::LoadRanker(const View& view, ServingRelease* release) {
  const ReleaseRecord& record = release->record;
  if (record.fusion_ranker <= 0) {
    return Status::Ok();
  }
  DASHI_ASSIGN_OR_RETURN(const std::string bytes,
                         view.GetWeights(trainer::RankerWeightsName(record.job)));
  DASHI_ASSIGN_OR_RETURN(release->ranker_memory, Reserve(bytes.size()));
  DASHI_ASSIGN_OR_RETURN(release->ranker, ReadRanker(record, bytes));
  if (release->ranker->weights().word_candidates > 0) {
    release->ranker_postings =
        std::make_unique<trainer::RankerPostings>(release->ranker->weights());
    DASHI_ASSIGN_OR_RETURN(release->postings_memory,
                           Reserve(release->ranker_postings->memory_bytes()));
  }
  return Status::Ok();
}

Status ReleaseCache::LoadVotes(const View& view, ServingRelease* release) {
  const ReleaseRecord& record = release->record;
  if (record.fusion_votes <= 0) {
    return Status::Ok();
  }
  DASHI_ASSIGN_OR_RETURN(const std::string bytes,
                         view.GetWeights(trainer::VotesWeightsName(record.job)));
  DASHI_ASSIGN_OR_RETURN(trainer::VotingDocuments documents,
                         trainer::ParseVotingDocuments(bytes, record.num_labels));
  DASHI_ASSIGN_OR_RETURN(release->votes_memory, Reserve(bytes.size()));
  ServingIndexSource source = SourceOf(record, "documents that vote", record.votes_index_file);
  source.num_rows = documents.ordinals.size();
  source.read_rows = [record,
                      ordinals = documents.ordinals](const View& now) -> Result<IndexedRows> {
    IndexedRows rows;
    DASHI_ASSIGN_OR_RETURN(rows.vectors,
                           trainer::ReadEmbeddingsOf(now, record, EntityKind::kDocument, ordinals));
    rows.ordinals = ordinals;
    return rows;
  };
  DASHI_ASSIGN_OR_RETURN(const auto index, ServingIndex::Open(std::move(source), view));
  const std::span<const Ordinal> indexed = index->ordinals();
  if (!std::equal(indexed.begin(), indexed.end(), documents.ordinals.begin(),
                  documents.ordinals.end())) {
    return Status::Corruption(fmt::format("the documents that vote in {} are not those of {}",
                                          ReleaseName(record), record.votes_index_file));
  }
  release->votes = std::make_unique<VotingIndex>(index, std::move(documents.labels));
  return Status::Ok();
}

std::optional<std::string> ReleaseCache::IndexState(const ReleaseRecord& record) {
  const auto loaded = FindLoaded(record);
  if (loaded == nullptr) {
    return std::nullopt;
  }
  std::string state = loaded->labels->State();
  if (const auto sealed = loaded->new_labels->sealed(); sealed != nullptr) {
    if (const std::string of_sealed = sealed->State(); of_sealed != "ready") {
      state += ", sealed labels " + of_sealed;
    }
  }
  return state;
}

std::optional<std::string> ReleaseCache::IndexGraph(const ReleaseRecord& record) {
  const auto loaded = FindLoaded(record);
  std::string graph = loaded == nullptr ? std::string() : loaded->labels->Graph();
  return graph.empty() ? std::nullopt : std::optional(std::move(graph));
}

Result<std::shared_ptr<const EmbeddedRows>> ReleaseCache::Embeddings(const View& view,
                                                                     const ServingRelease& release,
                                                                     EntityKind kind) {
  const std::pair key(release.record.embedding_version, kind);
  MutexLock load_lock(load_mutex_);
  {
    MutexLock lock(mutex_);
    const auto found = embeddings_.find(key);
    if (found != embeddings_.end()) {
      return found->second;
    }
  }
  DASHI_ASSIGN_OR_RETURN(const std::uint64_t num_rows, view.EstimateRows(kind));
  auto embedded = std::make_shared<EmbeddedRows>();
  DASHI_ASSIGN_OR_RETURN(embedded->memory, Reserve(num_rows * EmbeddedRowBytes(release.record)));
  DASHI_ASSIGN_OR_RETURN(EmbeddingRows rows, ReadEmbeddings(view, release.record, kind));
  embedded->vectors = index::MakeExactIndex(std::move(rows.vectors), release.record.dim);
  embedded->ordinals = std::move(rows.ordinals);
  embedded->text_hashes = std::move(rows.text_hashes);
  if (kind != EntityKind::kLabel) {
    embedded->new_rows = std::make_unique<RowDelta>(
        kind, release.record.snapshot_sequence, BaseRows{embedded->ordinals, embedded->text_hashes},
        store_->memory());
    SeedDelta(view, release.record, kind, embedded->new_rows.get());
  }
  MutexLock lock(mutex_);
  embeddings_[key] = embedded;
  return std::shared_ptr<const EmbeddedRows>(std::move(embedded));
}

std::vector<std::shared_ptr<const ServingRelease>> ReleaseCache::Loaded() const {
  MutexLock lock(mutex_);
  return releases_;
}

}  // namespace dashi::query
