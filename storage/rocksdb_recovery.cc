#include "storage/rocksdb_recovery.h"

#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <system_error>
#include <vector>

#include <fmt/format.h>
#include <rocksdb/db.h>

#include "base/file.h"
#include "base/logging.h"
#include "base/status.h"
#include "storage/release_removal.h"
#include "storage/release_retention.h"
#include "storage/rocksdb_bulk_load.h"
#include "storage/rocksdb_change_trim.h"
#include "storage/rocksdb_delta_embeddings.h"
#include "storage/rocksdb_embeddings.h"
#include "storage/rocksdb_status.h"
#include "storage/rocksdb_transaction.h"
#include "storage/rocksdb_weights.h"
#include "storage/synced_files.h"

namespace dashi::storage {

namespace {

namespace fs = std::filesystem;

// A bound on the work at open; the rest is trimmed later.
constexpr std::uint64_t kEntriesTrimmedAtOpenMax = 100'000;

// How often a transaction is begun anew.
constexpr int kAttemptsMax = 10;

// Removes what lies in `folder` under names that are not in `kept`.
Status RemoveStrayFiles(const std::string& folder, const std::set<std::string>& kept) {
  std::error_code error;
  std::vector<fs::path> stray;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (!kept.contains(it->path().filename().string())) {
      stray.push_back(it->path());
    }
  }
  for (const fs::path& path : stray) {
    LogInfo("removing a file that nothing names: {}", path.string());
    fs::remove_all(path, error);
  }
  if (error) {
    return Status::IoError(
        fmt::format("cannot remove stray files: {}: {}", error.message(), folder));
  }
  return Status::Ok();
}

// Commits what `write` writes. Nobody else writes yet, but RocksDB tells of a conflict as well
// where a flush, such as that of the log that was read, takes away the memtable in which it looks
// for one.
Status CommitAtOpen(RocksdbStoreState* state,
                    const std::function<Status(RocksdbTransaction&)>& write) {
  for (int attempt = 1;; ++attempt) {
    const std::unique_ptr<RocksdbTransaction> transaction = RocksdbTransaction::Begin(state);
    DASHI_RETURN_IF_ERROR(write(*transaction));
    Status committed = transaction->has_writes() ? transaction->Commit() : Status();
    if (committed.code() != StatusCode::kAborted || attempt == kAttemptsMax) {
      return committed;
    }
  }
}

Status InterruptJobs(RocksdbStoreState* state) {
  return CommitAtOpen(state, [state](RocksdbTransaction& transaction) -> Status {
    DASHI_ASSIGN_OR_RETURN(const std::vector<JobRecord> jobs, transaction.ListJobs());
    for (JobRecord job : jobs) {
      if (job.state == JobState::kQueued || job.state == JobState::kRunning) {
        job.state = JobState::kInterrupted;
        job.finished_at_micros = state->options.clock->NowMicros();
        DASHI_RETURN_IF_ERROR(transaction.PutJob(job));
      }
    }
    return Status();
  });
}

// Goes on with the collections that a process did not come to the end of. What the releases leave
// outside the catalog is removed by RemoveUnnamed.
Status FinishCollections(RocksdbStoreState* state) {
  std::vector<ModelRecord> models;
  {
    const RocksdbSnapshotView view(*state, state->TakePicture());
    DASHI_ASSIGN_OR_RETURN(models, view.ListModels());
  }
  for (const ModelRecord& model : models) {
    for (bool more = model.has_garbage; more;) {
      CollectionStep step;
      const auto stage = [&](RocksdbTransaction& transaction) -> Status {
        DASHI_ASSIGN_OR_RETURN(step, StageCollection(transaction, model.name));
        return Status();
      };
      DASHI_RETURN_IF_ERROR(CommitAtOpen(state, stage));
      for (const ReleaseRecord& release : step.dropped) {
        LogInfo("dropped a release that nobody keeps: {}",
                ReleaseName(release.model, release.number));
      }
      more = step.more;
    }
  }
  return Status::Ok();
}

// Lists the names behind `prefix` in meta.
Result<std::vector<std::string>> MetaNames(const RocksdbEngine& engine, const std::string& prefix) {
  std::vector<std::string> names;
  const std::unique_ptr<rocksdb::Iterator> keys(
      engine.db()->NewIterator(rocksdb::ReadOptions(), engine.family(Family::kMeta)));
  for (keys->Seek(prefix); keys->Valid() && keys->key().starts_with(prefix); keys->Next()) {
    names.emplace_back(ToView(keys->key()).substr(prefix.size()));
  }
  DASHI_RETURN_IF_ERROR(FromRocksdb(keys->status(), "reading meta"));
  return names;
}

Status RemoveUnnamed(RocksdbStoreState* state) {
  const RocksdbSnapshotView view(*state, state->TakePicture());
  DASHI_ASSIGN_OR_RETURN(const std::vector<ReleaseRecord> releases, view.ListReleases());
  std::set<std::uint64_t> versions;
  std::set<std::string> weights;
  std::set<std::string> index_files;
  DASHI_ASSIGN_OR_RETURN(const std::vector<JobRecord> jobs, view.ListJobs());
  for (const JobRecord& job : jobs) {
    weights.insert(job.checkpoint.begin(), job.checkpoint.end());
  }
  for (const ReleaseRecord& release : releases) {
    const std::vector<std::uint64_t> of_release = release.EmbeddingVersions();
    versions.insert(of_release.begin(), of_release.end());
    weights.insert(release.weights.begin(), release.weights.end());
    for (const std::string& file : release.IndexFiles()) {
      index_files.insert(fs::path(file).filename().string());
    }
  }
  DASHI_ASSIGN_OR_RETURN(const std::vector<ModelRecord> models, view.ListModels());
  for (const ModelRecord& model : models) {
    weights.insert(model.start_weights);
    weights.insert(model.tokens.begin(), model.tokens.end());
  }
  for (const std::uint64_t version : state->engine->EmbeddingVersions()) {
    if (!versions.contains(version)) {
      DASHI_RETURN_IF_ERROR(DropRocksdbEmbeddings(state, version));
    }
  }
  DASHI_RETURN_IF_ERROR(RemoveStrayDeltaEmbeddings(state));
  DASHI_ASSIGN_OR_RETURN(const std::vector<std::string> stored_weights,
                         MetaNames(*state->engine, WeightsRecordPrefix()));
  for (const std::string& name : stored_weights) {
    if (!weights.contains(name)) {
      DASHI_RETURN_IF_ERROR(DeleteRocksdbWeights(state, name));
    }
  }
  return RemoveStrayFiles(state->paths.index, index_files);
}

}  // namespace

Status SyncLogs(RocksdbStoreState* state, const FoundLogs& logs) {
  for (const auto& [number, log] : logs) {
    const Result<std::unique_ptr<File>> file =
        File::OpenForWriting(fmt::format("{}/{}", state->paths.data, LogName(number)), state->disk);
    if (file.status().code() == StatusCode::kNotFound) {
      continue;  // Another process has the database open, which the open will find.
    }
    DASHI_RETURN_IF_ERROR(file.status());
    DASHI_RETURN_IF_ERROR(file.value()->Sync());
    // What a power loss left behind the last record belongs to nothing.
    state->growing.AddLog(number, log.reach);
  }
  return Status::Ok();
}

Status RecoverStore(RocksdbStoreState* state) {
  // Folders that a copy of the database left out hold nothing when they are missing.
  DASHI_RETURN_IF_ERROR(CreateFolders(state->paths, state->disk));
  DASHI_RETURN_IF_ERROR(state->LoadSchemas());
  DASHI_RETURN_IF_ERROR(FinishPendingLoad(state));
  DASHI_RETURN_IF_ERROR(state->ReadCounters());
  DASHI_ASSIGN_OR_RETURN(
      state->watermark,
      WatermarkKeeper::Start(state->engine.get(), state->sequencer.get(), state->options.clock,
                             state->paths, state->disk, &state->growing));
  DASHI_RETURN_IF_ERROR(RemoveStrayFiles(state->paths.tmp, {}));
  DASHI_RETURN_IF_ERROR(InterruptJobs(state));
  DASHI_RETURN_IF_ERROR(RemoveUnfinishedWeights(state));
  DASHI_RETURN_IF_ERROR(FinishCollections(state));
  DASHI_RETURN_IF_ERROR(RemoveUnnamed(state));
  return TrimChanges(state, kEntriesTrimmedAtOpenMax);
}

Result<bool> HasPendingLoad(const RocksdbStoreState& state) {
  std::string value;
  return state.engine->Get(Family::kMeta, PendingLoadKey(), &value);
}

Status CheckNoPendingLoad(const RocksdbStoreState& state) {
  DASHI_ASSIGN_OR_RETURN(const bool pending, HasPendingLoad(state));
  if (pending) {
    return Status::Unavailable(
               fmt::format("a load is being applied to the database: {}", state.paths.root))
        .WithHint(
            "Try again when it has ended; if its process died, open the database for "
            "writing once.");
  }
  return Status::Ok();
}

}  // namespace dashi::storage
