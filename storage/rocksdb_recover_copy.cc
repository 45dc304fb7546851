#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>
#include <rocksdb/db.h>

#include "base/logging.h"
#include "base/status.h"
#include "storage/change_codec.h"
#include "storage/database_directory.h"
#include "storage/directory_copy.h"
#include "storage/recover_copy.h"
#include "storage/rocksdb_engine.h"
#include "storage/rocksdb_log_gaps.h"
#include "storage/rocksdb_status.h"
#include "storage/rocksdb_store_state.h"
#include "storage/store.h"

namespace dashi::storage {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kRestore = "Restore a backup.";
constexpr std::uint64_t kMemoryBytes = std::uint64_t{256} << 20;

// The process that has the database open, if any, holds RocksDB's lock; it is looked at, not taken.
Status CheckNotOpen(const DirectoryPaths& paths) {
  const std::string path = paths.data + "/LOCK";
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    return Status::Ok();  // There is none, so nobody holds it.
  }
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  const bool held = ::fcntl(file, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
  ::close(file);
  return held ? Status::Unavailable(
                    fmt::format("the database is open in another process: {}", paths.root))
                    .WithHint("Close it there first.")
              : Status::Ok();
}

Status CheckRequest(const RecoverRequest& request, const DirectoryPaths& paths) {
  const Result<DirectoryState> state = InspectDirectory(paths);
  // A damaged marker or a lost CURRENT is what this is for.
  if (!state.ok() && state.status().code() != StatusCode::kCorruption) {
    return state.status();
  }
  if (state.ok() && state.value() != DirectoryState::kDatabase) {
    return Status::NotFound(fmt::format("no such database: {}", request.from))
        .WithSqlState("3D000");
  }
  std::error_code error;
  const fs::path target = fs::weakly_canonical(DirectoryPaths(request.to).root, error);
  const fs::path source = fs::weakly_canonical(paths.root, error);
  if (fs::exists(target, error)) {
    return Status::AlreadyExists(fmt::format("the target exists: {}", request.to))
        .WithHint("Name a folder that does not exist yet.");
  }
  const auto [source_end, target_at] =
      std::mismatch(source.begin(), source.end(), target.begin(), target.end());
  if (source_end == source.end()) {
    return Status::InvalidArgument(
        fmt::format("the target lies inside the database: {}", request.to));
  }
  return CheckNotOpen(paths);
}

// When CURRENT is lost or names nothing, the newest manifest is the one that it named: RocksDB
// writes a manifest whole before it makes CURRENT name it, and then removes the one before.
Result<std::string> RebuildCurrent(const DirectoryPaths& paths) {
  const std::string current = paths.data + "/CURRENT";
  std::ifstream file(current, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  std::error_code error;
  if (text.starts_with("MANIFEST-") && text.ends_with('\n') &&
      fs::exists(paths.data + "/" + text.substr(0, text.size() - 1), error)) {
    return std::string();
  }
  std::string newest;
  for (fs::directory_iterator it(paths.data, error), end; !error && it != end;
       it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name.starts_with("MANIFEST-") &&
        std::pair(name.size(), name) > std::pair(newest.size(), newest)) {
      newest = name;
    }
  }
  if (newest.empty()) {
    return Status::Corruption(fmt::format("the database has no manifest: {}", paths.data))
        .WithHint(std::string(kRestore));
  }
  std::ofstream rebuilt(current, std::ios::binary | std::ios::trunc);
  rebuilt << newest << "\n";
  rebuilt.close();
  if (!rebuilt) {
    return IoErrorOf("cannot write a file", current, errno);
  }
  return newest;
}

Result<std::unique_ptr<RocksdbEngine>> OpenCopy(const DirectoryPaths& paths, bool read_only,
                                                DamagedLogs damaged_logs) {
  EngineOptions options;
  options.read_only = read_only;
  options.memory_bytes_max = kMemoryBytes;
  options.damaged_logs = damaged_logs;
  return CatchAsStatus("opening the copy", [&]() -> Result<std::unique_ptr<RocksdbEngine>> {
    return RocksdbEngine::Open(paths.data, options);
  });
}

std::string DescribeChanges(std::string_view entry) {
  std::vector<ChangeRun> runs;
  if (!DecodeChanges(entry, &runs)) {
    return "not readable";
  }
  std::string described;
  ChangedTable table{};
  for (std::size_t i = 0; i < runs.size();) {
    const ChangeRun& first = runs[i];
    std::uint64_t count = 0;
    for (; i < runs.size() && runs[i].table == first.table && runs[i].operation == first.operation;
         ++i) {
      count += runs[i].count;
    }
    if (table != first.table || described.empty()) {
      table = first.table;
      described += described.empty() ? "" : "; ";
      described += first.table == ChangedTable::kRelevance
                       ? "labels of documents:"
                       : fmt::format("{}:", EntityTableName(static_cast<EntityKind>(first.table)));
    } else {
      described += ",";
    }
    described += fmt::format(" {} {}", count,
                             first.operation == ChangeOperation::kInsert   ? "inserted"
                             : first.operation == ChangeOperation::kUpdate ? "changed"
                                                                           : "deleted");
  }
  return described.empty() ? "nothing but the catalog" : described;
}

std::unique_ptr<rocksdb::Iterator> Changes(const RocksdbEngine& engine) {
  std::unique_ptr<rocksdb::Iterator> changes(
      engine.db()->NewIterator(rocksdb::ReadOptions(), engine.family(Family::kChanges)));
  changes->SeekToFirst();
  return changes;
}

// Lists the commits that stand in `all`, where damaged records are passed over, and not in `kept`.
// A log whose rest cannot be read at all leaves the list empty.
void ListDropped(const RocksdbEngine& all, const RocksdbEngine& kept, RecoverReport* report) {
  const std::unique_ptr<rocksdb::Iterator> kept_changes = Changes(kept);
  for (const std::unique_ptr<rocksdb::Iterator> changes = Changes(all); changes->Valid();
       changes->Next()) {
    while (kept_changes->Valid() && kept_changes->key().compare(changes->key()) < 0) {
      kept_changes->Next();
    }
    DroppedCommit dropped;
    if ((kept_changes->Valid() && kept_changes->key() == changes->key()) ||
        !ParseChangeKey(ToView(changes->key()), &dropped.sequence)) {
      continue;
    }
    ++report->num_dropped;
    if (report->dropped.size() < RecoverReport::kNumDroppedMax) {
      dropped.changes = DescribeChanges(ToView(changes->value()));
      report->dropped.push_back(std::move(dropped));
    }
  }
}

// RocksDB's checksum of each table and blob file as a whole.
Status VerifyTables(const RocksdbEngine& engine) {
  const rocksdb::Status verified = engine.db()->VerifyFileChecksums(rocksdb::ReadOptions());
  if (verified.ok()) {
    return Status::Ok();
  }
  Status damage = FromRocksdb(verified, "verifying the tables");
  std::vector<rocksdb::LiveFileMetaData> files;
  engine.db()->GetLiveFilesMetaData(&files);
  for (const rocksdb::LiveFileMetaData& file : files) {
    const std::string name = fs::path(file.name).filename().string();
    if (damage.message().find(name) != std::string_view::npos) {
      damage = std::move(damage).WithContext(
          fmt::format("the table file {} of {} is damaged", name, file.column_family_name));
      break;
    }
  }
  return damage;
}

// Reads the copy without changing it: what is kept, what is dropped, and whether that was promised.
Status Survey(const DirectoryPaths& copy, RecoverReport* report) {
  DASHI_ASSIGN_OR_RETURN(const std::unique_ptr<RocksdbEngine> kept,
                         OpenCopy(copy, /*read_only=*/true, DamagedLogs::kReadUpToDamage));
  DASHI_RETURN_IF_ERROR(VerifyTables(*kept));
  DASHI_ASSIGN_OR_RETURN(report->last_commit, ReadCounter(*kept, CommitSequenceKey()));
  report->damaged_log = kept->unreadable_log();
  const Result<std::unique_ptr<RocksdbEngine>> all =
      OpenCopy(copy, /*read_only=*/true, DamagedLogs::kPassOver);
  if (all.ok()) {
    ListDropped(**all, *kept, report);
  } else {
    LogInfo("what is dropped cannot be listed: {}", all.status().ToString());
  }
  if (!report->watermark) {
    return Status::Ok();
  }
  const std::uint64_t engine_sequence = kept->db()->GetLatestSequenceNumber();
  if (report->last_commit < report->watermark->commit_sequence) {
    report->num_acknowledged_lost_max = report->watermark->commit_sequence - report->last_commit;
  } else if (engine_sequence < report->watermark->engine_sequence) {
    report->num_acknowledged_changes_lost = report->watermark->engine_sequence - engine_sequence;
  }
  return Status::Ok();
}

// Puts what is kept into tables, so that the damaged log is gone, and makes a database of the copy.
Status Finish(const DirectoryPaths& copy) {
  {
    DASHI_ASSIGN_OR_RETURN(const std::unique_ptr<RocksdbEngine> engine,
                           OpenCopy(copy, /*read_only=*/false, DamagedLogs::kReadUpToDamage));
  }
  DASHI_RETURN_IF_ERROR(SyncFolder(copy.data));
  DASHI_RETURN_IF_ERROR(WriteMarker(copy));
  // The open is the proof. It finishes a load, and begins a watermark of the copy's own.
  return Store::Open(copy.root, {}).status();
}

Result<RecoverReport> RecoverInto(const RecoverRequest& request, const DirectoryPaths& source,
                                  const CopyProgress& on_progress) {
  const DirectoryPaths copy(request.to);
  RecoverReport report;
  DASHI_ASSIGN_OR_RETURN(const WatermarkHistory history, ReadWatermarkFile(source.watermark));
  report.watermark = history.newest;
  DASHI_ASSIGN_OR_RETURN(const std::vector<CopiedFile> files, ListDatabaseFiles(source.root));
  DASHI_RETURN_IF_ERROR(CopyFiles(source.root, copy.root, files, on_progress));
  report.num_files = files.size();
  for (const CopiedFile& file : files) {
    report.num_bytes += file.num_bytes;
  }
  DASHI_ASSIGN_OR_RETURN(report.rebuilt_current, RebuildCurrent(copy));
  DASHI_ASSIGN_OR_RETURN(report.lost_logs, MarkLogGaps(copy, history));
  DASHI_RETURN_IF_ERROR(Survey(copy, &report));
  if (!report.lost_acknowledged() || request.accept_loss) {
    DASHI_RETURN_IF_ERROR(Finish(copy));
    report.kept = true;
  }
  return report;
}

}  // namespace

Result<RecoverReport> RecoverCopy(const RecoverRequest& request, const CopyProgress& on_progress) {
  const DirectoryPaths source(request.from);
  DASHI_RETURN_IF_ERROR(CheckRequest(request, source));
  Result<RecoverReport> report = RecoverInto(request, source, on_progress);
  if (!report.ok() || !report.value().kept) {
    std::error_code error;
    fs::remove_all(DirectoryPaths(request.to).root, error);
    if (error) {
      LogWarning("cannot remove what was copied: {}: {}", error.message(), request.to);
    }
  }
  if (!report.ok() && report.status().code() == StatusCode::kCorruption) {
    return report.status()
        .WithContext("no whole state can be had of the database")
        .WithHint(std::string(kRestore));
  }
  return report;
}

}  // namespace dashi::storage
