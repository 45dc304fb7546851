#include "query/delta_sealer.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/failpoint.h"
#include "base/file.h"
#include "base/logging.h"
#include "base/status.h"
#include "index/segment/segment_header.h"
#include "index/segment/segment_index.h"
#include "index/segment/segment_relink.h"
#include "query/release_cache.h"
#include "trainer/release_segment.h"
#include "trainer/release_steps.h"

namespace dashi::query {
namespace {

using storage::EntityKind;
using storage::ReleaseRecord;
using storage::SealedRows;

/// Beside many sealed rows, one in so many of them may stand in blocks before they are sealed anew.
constexpr std::size_t kSealedPerBlockRow = 10;
/// One in so many of the sealed rows may be dead.
constexpr std::size_t kSealedPerDeadRow = 5;
constexpr const char* kLater = "removed at the next open";

/// The record of a release as the owner of its sealed rows.
ReleaseRecord OwnerOf(const ReleaseRecord& record, const SealedRows& sealed) {
  ReleaseRecord owner = record;
  owner.embedding_version = sealed.embedding_version;
  return owner;
}

Status WriteEmbeddings(storage::Store& store, const DeltaRows& rows, std::uint32_t dim,
                       std::uint64_t version, const std::function<bool()>& should_stop) {
  constexpr std::size_t kRowsPerPoll = 1024;
  DASHI_ASSIGN_OR_RETURN(const auto writer, store.NewEmbeddingVersion(version, dim));
  for (std::size_t i = 0; i < rows.ordinals.size(); ++i) {
    if (i % kRowsPerPoll == 0 && should_stop()) {
      return Status::Cancelled("sealing of labels cancelled");
    }
    DASHI_RETURN_IF_ERROR(writer->Add(EntityKind::kLabel, rows.ordinals[i], rows.text_hashes[i],
                                      std::span(rows.vectors).subspan(i * dim, dim)));
  }
  return writer->Finish();
}

}  // namespace

DeltaSealer::DeltaSealer(storage::Store* store, ReleaseCache* releases)
    : store_(store), releases_(releases) {}

bool DeltaSealer::IsWanted(const DeltaPicture& picture, std::size_t seal_rows) {
  const std::size_t num_sealed = picture.num_sealed();
  const std::size_t num_dead = num_sealed - picture.num_live_sealed();
  return picture.entries.size() >= std::max(seal_rows, num_sealed / kSealedPerBlockRow) ||
         (num_sealed >= seal_rows && num_dead > num_sealed / kSealedPerDeadRow);
}

Status DeltaSealer::Seal(const ServingRelease& release, const std::function<bool()>& should_stop) {
  const MutexLock lock(mutex_);
  DASHI_ASSIGN_OR_RETURN(const auto view, store_->NewSnapshot());
  DASHI_ASSIGN_OR_RETURN(const std::uint64_t sequence, view->CommitSequence());
  DASHI_ASSIGN_OR_RETURN(const storage::RowChanges later,
                         view->ChangesSince(EntityKind::kLabel, sequence));
  if (!later.entries.empty()) {
    return Status::Aborted("labels are being committed out of order");
  }
  const ReleaseRecord& loaded = release.record;
  DASHI_ASSIGN_OR_RETURN(const std::optional<ReleaseRecord> record,
                         view->GetRelease(loaded.model, loaded.number));
  DASHI_ASSIGN_OR_RETURN(const auto model, view->GetModel(loaded.model));
  if (!model || !record || record->job != loaded.job) {
    return Status::NotFound(release.Name() + " is gone");
  }
  const auto check_stop = [&] {
    return should_stop() ? Status::Cancelled("sealing of labels cancelled") : Status::Ok();
  };
  DASHI_ASSIGN_OR_RETURN(const auto picture, releases_->NewLabels(*view, release, check_stop));
  if (!IsWanted(*picture, model->seal_rows) || picture->num_rows() == 0) {
    return Status::Ok();
  }
  const std::uint64_t row_bytes =
      index::SegmentRowBytes(record->dim, index::HnswOptions().num_links);
  DASHI_ASSIGN_OR_RETURN(const auto memory, releases_->Reserve(picture->num_rows() * row_bytes));
  DASHI_ASSIGN_OR_RETURN(const DeltaRows rows, ReadDeltaRows(*picture, record->dim));
  SealedRows sealed;
  sealed.sequence = sequence;
  sealed.num_rows = rows.ordinals.size();
  if (Status written = Write(*record, rows, should_stop, &sealed); !written.ok()) {
    Remove(sealed);
    return written;
  }
  if (Status named = Name(*record, sealed); !named.ok()) {
    // After another error it may have been named all the same.
    if (named.code() == StatusCode::kNotFound || named.code() == StatusCode::kAborted) {
      Remove(sealed);
    }
    return named;
  }
  DASHI_FAILPOINT("seal.named");
  const auto adopt = [&]() -> Status {
    DASHI_ASSIGN_OR_RETURN(const auto now, store_->NewSnapshot());
    DASHI_ASSIGN_OR_RETURN(auto index, releases_->OpenSealed(*now, *record, sealed));
    return releases_->AdoptSealed(release, std::move(index), sealed.sequence, check_stop);
  };
  Status adopted = adopt();
  Remove(record->sealed_labels);
  LogInfo("{}: {} labels that came after it have a graph of their own", release.Name(),
          sealed.num_rows);
  return adopted;
}

Status DeltaSealer::Write(const ReleaseRecord& record, const DeltaRows& rows,
                          const std::function<bool()>& should_stop, SealedRows* sealed) const {
  DASHI_ASSIGN_OR_RETURN(sealed->embedding_version,
                         trainer::NextNumber(*store_, "embedding_version"));
  sealed->index_file = fmt::format("sealed-{}.segment", sealed->embedding_version);
  DASHI_RETURN_IF_ERROR(
      WriteEmbeddings(*store_, rows, record.dim, sealed->embedding_version, should_stop));
  DASHI_FAILPOINT("seal.embeddings");
  DASHI_RETURN_IF_ERROR(WriteGraph(OwnerOf(record, *sealed), rows, record.sealed_labels,
                                   store_->index_directory() + "/" + sealed->index_file,
                                   should_stop));
  DASHI_FAILPOINT("seal.graph");
  return Status::Ok();
}

Status DeltaSealer::WriteGraph(const ReleaseRecord& owner, const DeltaRows& rows,
                               const SealedRows& before, const std::string& path,
                               const std::function<bool()>& should_stop) const {
  const index::HalfMatrixView vectors{rows.vectors.data(), rows.ordinals.size(), owner.dim};
  index::SegmentRows ids = trainer::SegmentRowsOf(owner, rows.ordinals, rows.text_hashes);
  index::HnswOptions options;
  options.seed = owner.seed;
  const auto goes_on = [&](std::size_t, std::size_t) { return !should_stop(); };
  if (!before.index_file.empty()) {
    const auto old =
        index::MappedSegment::Open(store_->index_directory() + "/" + before.index_file);
    if (old.ok() && (*old)->text_hashes().size() == (*old)->header().num_rows &&
        index::IsWorthRelinking(**old, ids.ids, options)) {
      const Result<index::StoredGraph> extended =
          index::ExtendSegment(**old, vectors, ids.ids, ids.text_hashes, options, goes_on);
      if (extended.ok()) {
        ids.generation = (*old)->header().generation + 1;
        return index::WriteSegment(path, PartsOf(*extended, vectors), ids, store_->file_gate());
      }
      if (extended.status().code() != StatusCode::kCorruption) {
        return extended.status();
      }
    }
  }
  return index::BuildSegment(path, vectors, ids, options, goes_on, store_->file_gate());
}

Status DeltaSealer::Name(const ReleaseRecord& record, const SealedRows& sealed) const {
  constexpr int kAttemptsMax = 20;
  for (int attempt = 1;; ++attempt) {
    DASHI_ASSIGN_OR_RETURN(const auto transaction, store_->Begin());
    DASHI_ASSIGN_OR_RETURN(std::optional<ReleaseRecord> now,
                           transaction->GetRelease(record.model, record.number));
    if (!now || now->job != record.job) {
      return Status::NotFound(fmt::format("{}@{} is gone", record.model, record.number));
    }
    now->sealed_labels = sealed;
    DASHI_RETURN_IF_ERROR(transaction->PutRelease(*now));
    Status committed = transaction->Commit();
    if (committed.code() != StatusCode::kAborted || attempt == kAttemptsMax) {
      return committed;
    }
  }
}

void DeltaSealer::Remove(const SealedRows& sealed) const {
  if (sealed.embedding_version != 0) {
    store_->DropEmbeddingVersion(sealed.embedding_version).IgnoreError(kLater);
    RemoveFile(store_->index_directory() + "/" + sealed.index_file, store_->file_gate())
        .IgnoreError(kLater);
  }
}

}  // namespace dashi::query
