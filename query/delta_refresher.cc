#include "query/delta_refresher.h"

#include <algorithm>

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/logging.h"
#include "base/status.h"
#include "query/release_cache.h"

namespace dashi::query {
namespace {

using storage::DeltaEmbedding;
using storage::EntityKind;
using storage::View;

constexpr std::chrono::milliseconds kPause{100};
constexpr std::chrono::milliseconds kPauseAfterError{1000};
constexpr std::size_t kRowsPerWrite = 256;

}  // namespace

DeltaRefresher::DeltaRefresher(storage::Store* store, ReleaseCache* releases)
    : store_(store),
      releases_(releases),
      thread_([this] { return Step(); }, ThreadPriority::kBehind) {}

void DeltaRefresher::Wake() {
  if (!store_->read_only()) {
    thread_.Wake();
  }
}

std::optional<RefreshState> DeltaRefresher::StateOf(std::uint64_t job) const {
  const MutexLock lock(mutex_);
  const auto found = followed_.find(job);
  if (found == followed_.end()) {
    return std::nullopt;
  }
  RefreshState state = found->second.state;
  if (found->second.behind_since) {
    constexpr double kSecondsPerMicro = 1e-6;
    state.lag_seconds =
        static_cast<double>(Clock::System().MonotonicMicros() - *found->second.behind_since) *
        kSecondsPerMicro;
  }
  return state;
}

std::optional<std::chrono::milliseconds> DeltaRefresher::Step() {
  const Result<bool> looked =
      CatchAsStatus("refreshing embeddings", [&]() -> Result<bool> { return Look(); });
  if (!looked.ok()) {
    if (looked.status().message() != last_error_) {
      last_error_ = looked.status().message();
      LogWarning("refreshing embeddings: {}", last_error_);
    }
    return kPauseAfterError;
  }
  return *looked ? std::optional(kPause) : std::nullopt;
}

Result<bool> DeltaRefresher::Look() {
  const std::vector<LookedAt> all = LoadedReleases();
  if (all.empty()) {
    return false;
  }
  DASHI_ASSIGN_OR_RETURN(const auto view, store_->NewSnapshot());
  DASHI_ASSIGN_OR_RETURN(const std::uint64_t sequence, view->CommitSequence());
  Status first_error;
  for (const LookedAt& each : all) {
    DASHI_ASSIGN_OR_RETURN(const auto model, view->GetModel(each.model));
    if (!model || model->published.empty() || model->published.back() != each.number) {
      const MutexLock lock(mutex_);
      followed_.erase(each.job);
      continue;
    }
    const std::shared_ptr<const ServingRelease> release = each.release.lock();
    if (release == nullptr || !IsBehind(*release, sequence)) {
      continue;
    }
    const Result<std::uint64_t> refreshed = Refresh(*view, *release, [this] {
      return thread_.is_stopping() ? Status::Cancelled("the database is closed") : Status::Ok();
    });
    // A release may be dropped meanwhile.
    if (!refreshed.ok() && refreshed.status().code() != StatusCode::kNotFound && first_error.ok()) {
      first_error = refreshed.status();
    }
    if (refreshed.ok()) {
      DASHI_ASSIGN_OR_RETURN(const auto labels, releases_->NewLabels(*view, *release, {}));
      if (DeltaSealer::IsWanted(*labels, model->seal_rows)) {
        releases_->SealLater(release);
      }
      if (release->labels->ShouldRelink(labels->live_base.get())) {
        releases_->RelinkLater(release, labels);
      }
    }
  }
  DASHI_RETURN_IF_ERROR(first_error);
  return true;
}

std::vector<DeltaRefresher::LookedAt> DeltaRefresher::LoadedReleases() {
  const std::vector<std::shared_ptr<const ServingRelease>> loaded = releases_->Loaded();
  Forget(loaded);
  std::vector<LookedAt> all;
  all.reserve(loaded.size());
  for (const auto& release : loaded) {
    all.push_back({release->record.model, release->record.number, release->record.job, release});
  }
  return all;
}

void DeltaRefresher::Forget(const std::vector<std::shared_ptr<const ServingRelease>>& loaded) {
  const auto is_loaded = [&](std::uint64_t number, std::uint64_t storage::ReleaseRecord::*field) {
    return std::any_of(loaded.begin(), loaded.end(),
                       [&](const auto& release) { return release->record.*field == number; });
  };
  {
    const MutexLock lock(mutex_);
    std::erase_if(followed_, [&](const auto& each) {
      return !is_loaded(each.first, &storage::ReleaseRecord::job);
    });
  }
  const MutexLock lock(save_mutex_);
  std::erase_if(saved_, [&](const auto& each) {
    return !is_loaded(each.first.first, &storage::ReleaseRecord::embedding_version);
  });
}

bool DeltaRefresher::IsBehind(const ServingRelease& release, std::uint64_t sequence) {
  const std::uint64_t sealed_sequence = release.new_labels->sealed_sequence();
  const MutexLock lock(mutex_);
  const auto [followed, is_new] = followed_.try_emplace(release.record.job);
  if (is_new) {
    followed->second.state.sequence = release.record.snapshot_sequence;
  }
  const bool newly_sealed =
      std::exchange(followed->second.sealed_sequence, sealed_sequence) != sealed_sequence;
  if (sequence <= followed->second.state.sequence) {
    return newly_sealed;
  }
  if (!followed->second.behind_since) {
    followed->second.behind_since = Clock::System().MonotonicMicros();
  }
  return true;
}

Result<std::uint64_t> DeltaRefresher::Refresh(const View& view, const ServingRelease& release,
                                              const std::function<Status()>& check_stop,
                                              const RowsDone& rows_done) {
  DASHI_ASSIGN_OR_RETURN(const std::uint64_t sequence, view.CommitSequence());
  std::uint64_t num_rows = 0;
  DASHI_ASSIGN_OR_RETURN(const auto pictures,
                         releases_->Pictures(view, release, check_stop, rows_done));
  for (const auto& [kind, picture] : pictures) {
    num_rows += picture->num_rows();
    if (!store_->read_only()) {
      DASHI_RETURN_IF_ERROR(Save(view, release.record, kind, *picture));
    }
  }
  DASHI_ASSIGN_OR_RETURN(const auto model, view.GetModel(release.record.model));
  const bool is_published =
      model && !model->published.empty() && model->published.back() == release.record.number;
  const bool is_looked_after = is_published && thread_.is_running();
  {
    const MutexLock lock(mutex_);
    if (is_looked_after) {
      followed_.try_emplace(release.record.job);  // Before the thread's first look at it.
    }
    const auto found = followed_.find(release.record.job);
    if (found != followed_.end() && found->second.state.sequence <= sequence) {
      found->second.state.sequence = sequence;
      found->second.behind_since.reset();
    }
  }
  if (is_looked_after) {
    thread_.Wake();  // Should it be about to end, it forgets what it does not look after.
  }
  return num_rows;
}

Status DeltaRefresher::Save(const View& view, const storage::ReleaseRecord& record, EntityKind kind,
                            const DeltaPicture& picture) {
  const MutexLock lock(save_mutex_);
  const auto [place, is_new] = saved_.try_emplace({record.embedding_version, kind});
  std::unordered_map<std::uint32_t, std::uint64_t>& saved = place->second;
  if (is_new) {
    DASHI_ASSIGN_OR_RETURN(const auto kept,
                           view.ScanDeltaEmbeddings(record.embedding_version, kind));
    for (;;) {
      DASHI_ASSIGN_OR_RETURN(const bool more, kept->Next());
      if (!more) {
        break;
      }
      saved[ToInteger(kept->ordinal())] = kept->text_hash();
    }
  }
  std::vector<DeltaEmbedding> batch;
  const auto write = [&] {
    DASHI_RETURN_IF_ERROR(store_->PutDeltaEmbeddings(record.embedding_version, kind, batch));
    for (const DeltaEmbedding& embedding : batch) {
      saved[ToInteger(embedding.ordinal)] = embedding.text_hash;
    }
    batch.clear();
    DASHI_FAILPOINT("refresh.saved");
    return Status::Ok();
  };
  for (const DeltaPicture::Entry& entry : picture.entries) {
    const auto found = saved.find(ToInteger(entry.ordinal));
    if (found != saved.end() && found->second == entry.text_hash) {
      continue;
    }
    batch.push_back({entry.ordinal, entry.text_hash, picture.Vector(entry.position, record.dim)});
    if (batch.size() == kRowsPerWrite) {
      DASHI_RETURN_IF_ERROR(write());
    }
  }
  if (!batch.empty()) {
    DASHI_RETURN_IF_ERROR(write());
  }
  return RemoveOld(record, kind, picture, &saved);
}

// Rows that are gone, and those that were sealed.
Status DeltaRefresher::RemoveOld(const storage::ReleaseRecord& record, EntityKind kind,
                                 const DeltaPicture& picture, TextHashes* saved) {
  std::vector<storage::Ordinal> old;
  old.reserve(saved->size() - std::min(saved->size(), picture.entries.size()));
  for (const auto& [ordinal, text_hash] : *saved) {
    if (picture.Find(storage::Ordinal{ordinal}) == nullptr) {
      old.push_back(storage::Ordinal{ordinal});
    }
  }
  if (old.empty()) {
    return Status::Ok();
  }
  DASHI_RETURN_IF_ERROR(store_->RemoveDeltaEmbeddings(record.embedding_version, kind, old));
  for (const storage::Ordinal ordinal : old) {
    saved->erase(ToInteger(ordinal));
  }
  return Status::Ok();
}

}  // namespace dashi::query
