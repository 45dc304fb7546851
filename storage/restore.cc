#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/failpoint.h"
#include "base/status.h"
#include "storage/backup.h"
#include "storage/backup_directory.h"
#include "storage/commit_watermark.h"
#include "storage/database_directory.h"
#include "storage/log_reach.h"
#include "storage/synced_files.h"

namespace dashi::storage {

namespace {

namespace fs = std::filesystem;

// What a file of the backup is to the backups before it.
using FileContent = std::pair<std::uint64_t, std::string>;
FileContent ContentOf(const BackupFile& file) { return {file.size, ToHex(file.checksum)}; }

Result<const BackupManifest*> FindBackup(const BackupDirectory& backups, std::uint64_t number,
                                         const std::string& path) {
  const auto found = backups.manifests().find(number);
  if (found != backups.manifests().end()) {
    return &found->second;
  }
  const auto damaged = backups.damaged().find(number);
  if (damaged != backups.damaged().end()) {
    return Status::Corruption(damaged->second).WithHint("Choose another backup.");
  }
  std::vector<std::uint64_t> numbers;
  for (const auto& [known, manifest] : backups.manifests()) {
    numbers.push_back(known);
  }
  return Status::NotFound(fmt::format("no backup with the number {}: {}", number, path))
      .WithHint(numbers.empty() ? std::string("There are none.")
                                : fmt::format("There are: {}.", fmt::join(numbers, ", ")));
}

Status CheckTargetEmpty(const std::string& directory) {
  if (directory.empty()) {
    return Status::InvalidArgument("the name of the directory to restore to is empty");
  }
  std::error_code error;
  const fs::file_status status = fs::status(directory, error);
  if (status.type() == fs::file_type::not_found) {
    return Status::Ok();
  }
  if (error) {
    return IoErrorOf("cannot open the directory", directory, error.value());
  }
  if (status.type() != fs::file_type::directory || !fs::is_empty(directory, error)) {
    return Status::InvalidArgument(
               fmt::format("the directory to restore to is not empty: {}", directory))
        .WithHint("Name a directory that is empty or does not exist yet.");
  }
  return error ? IoErrorOf("cannot list a directory", directory, error.value()) : Status::Ok();
}

class Restore {
 public:
  Restore(const BackupDirectory& backups, const BackupManifest& manifest,
          const std::string& directory, TaskMonitor* monitor)
      : backups_(backups), manifest_(manifest), paths_(directory), monitor_(monitor) {}

  Result<RestoreSummary> Run() {
    std::error_code error;
    const bool existed = fs::exists(paths_.root, error);
    Status done = Copy();
    if (!done.ok()) {
      Remove(existed);
      return done;
    }
    RestoreSummary summary;
    summary.number = manifest_.number;
    summary.commit_sequence = manifest_.commit_sequence;
    summary.num_files = manifest_.files.size();
    for (const BackupFile& file : manifest_.files) {
      summary.num_bytes += file.size;
    }
    return summary;
  }

 private:
  // The marker stands there under another name from the beginning, which says what the folder is
  // while it is none yet, and gets its own name at the very end.
  Status Copy() {
    const BackupFile* marker = nullptr;
    std::uint64_t total = 0;
    for (const BackupFile& file : manifest_.files) {
      marker = file.path == "DASHI" ? &file : marker;
      total += file.size;
    }
    if (marker == nullptr) {
      return Status::Corruption(
          fmt::format("the backup has no marker file: number {}", manifest_.number));
    }
    DASHI_RETURN_IF_ERROR(MakeFolder(paths_.root));
    DASHI_RETURN_IF_ERROR(CopyFile(*marker, paths_.unfinished_restore));
    DASHI_RETURN_IF_ERROR(SyncFolder(paths_.root));
    DASHI_RETURN_IF_ERROR(CreateFolders(paths_));
    DASHI_FAILPOINT("restore.begun");
    monitor_->BeginPhase("restoring", "bytes", total);
    for (const BackupFile& file : manifest_.files) {
      if (&file != marker) {
        const std::string path = paths_.root + "/" + file.path;
        DASHI_RETURN_IF_ERROR(MakeFolder(fs::path(path).parent_path().string()));
        DASHI_RETURN_IF_ERROR(CopyFile(file, path));
        DASHI_FAILPOINT("restore.file");
      }
    }
    monitor_->EndPhase(done_);
    return Finish();
  }

  Status Finish() {
    DASHI_RETURN_IF_ERROR(WriteWatermark());
    for (const std::string& folder : folders_) {
      DASHI_RETURN_IF_ERROR(SyncFolder(folder));
    }
    DASHI_FAILPOINT("restore.copied");
    if (std::rename(paths_.unfinished_restore.c_str(), paths_.marker.c_str()) != 0) {
      return IoErrorOf("cannot rename the marker file", paths_.unfinished_restore, errno);
    }
    return SyncFolder(paths_.root);
  }

  Status MakeFolder(const std::string& folder) {
    std::error_code error;
    fs::create_directories(folder, error);
    folders_.insert(folder);
    return error ? IoErrorOf("cannot create a directory", folder, error.value()) : Status::Ok();
  }

  Status CopyFile(const BackupFile& file, const std::string& target) {
    const std::string source = backups_.PathOf(file.size, file.checksum);
    Result<int> opened = OpenForReading(source);
    if (!opened.ok()) {
      return Damaged(file, opened.status());
    }
    const OpenFile from(*opened);
    Status stopped;
    Result<FileChecksum> copied =
        CopyToNewFile(from, source, file.size, target, [&](std::string_view piece) {
          done_ += piece.size();
          return monitor_->Advance(done_);
        });
    if (!copied.ok()) {
      return copied.status().code() == StatusCode::kCorruption ? Damaged(file, copied.status())
                                                               : copied.status();
    }
    return *copied == file.checksum
               ? Status::Ok()
               : Damaged(file, Status::Corruption(fmt::format(
                                   "the checksum of the file does not match: {}", source)));
  }

  Status Damaged(const BackupFile& file, const Status& why) const {
    return Status::Corruption(fmt::format("backup {} is damaged: {}: {}", manifest_.number,
                                          file.path, why.message()))
        .WithHint("Choose another backup; one that does not share the file is whole.");
  }

  // From now on the database must hold at least what the backup held.
  Status WriteWatermark() const {
    DASHI_ASSIGN_OR_RETURN(const std::unique_ptr<WatermarkFile> watermark,
                           WatermarkFile::Open(paths_.watermark));
    DASHI_ASSIGN_OR_RETURN(const SyncedFiles files, ListSyncedFiles());
    return watermark->Write({.commit_sequence = manifest_.commit_sequence,
                             .engine_sequence = manifest_.engine_sequence,
                             .at_micros = manifest_.created_at_micros},
                            files);
  }

  // A log may have been copied while a record that is no commit was being written to its end.
  Result<SyncedFiles> ListSyncedFiles() const {
    SyncedFiles files;
    DASHI_ASSIGN_OR_RETURN(const FoundLogs logs, FindLogs(paths_.data));
    for (const auto& [number, log] : logs) {
      if (log.reach > 0) {
        files.logs.push_back(
            {number, log.reach, {0, manifest_.commit_sequence, manifest_.created_at_micros}});
      }
    }
    for (const BackupFile& file : manifest_.files) {
      const fs::path path = file.path;
      if (const auto number = ParseManifestName(path.filename().string())) {
        files.manifest_number = *number;
        DASHI_ASSIGN_OR_RETURN(files.manifest_bytes,
                               ReachOfRecords((paths_.root / path).string(), RecordKind::kEdits));
      }
    }
    return files;
  }

  void Remove(bool keep_folder) const {
    std::error_code ignored;  // What stays is no database.
    if (!keep_folder) {
      fs::remove_all(paths_.root, ignored);
      return;
    }
    for (fs::directory_iterator it(paths_.root, ignored), end; !ignored && it != end;
         it.increment(ignored)) {
      std::error_code one;
      fs::remove_all(it->path(), one);
    }
  }

  const BackupDirectory& backups_;
  const BackupManifest& manifest_;
  const DirectoryPaths paths_;
  TaskMonitor* const monitor_;
  std::set<std::string> folders_;
  std::uint64_t done_ = 0;
};

}  // namespace

Result<std::vector<BackupInfo>> ListBackups(const std::string& backup_directory) {
  DASHI_ASSIGN_OR_RETURN(const std::unique_ptr<BackupDirectory> backups,
                         BackupDirectory::OpenToRead(backup_directory));
  std::vector<BackupInfo> infos;
  std::set<FileContent> earlier;
  for (const auto& [number, manifest] : backups->manifests()) {
    BackupInfo info;
    info.number = number;
    info.created_at_micros = manifest.created_at_micros;
    info.commit_sequence = manifest.commit_sequence;
    for (const BackupFile& file : manifest.files) {
      const bool shared = earlier.contains(ContentOf(file));
      ++info.num_files;
      info.num_bytes += file.size;
      info.num_files_shared += shared ? 1 : 0;
      info.num_bytes_shared += shared ? file.size : 0;
    }
    for (const BackupFile& file : manifest.files) {
      earlier.insert(ContentOf(file));
    }
    infos.push_back(std::move(info));
  }
  for (const auto& [number, why] : backups->damaged()) {
    BackupInfo info;
    info.number = number;
    info.damage = why;
    infos.push_back(std::move(info));
  }
  std::sort(infos.begin(), infos.end(),
            [](const BackupInfo& a, const BackupInfo& b) { return a.number < b.number; });
  return infos;
}

Result<RestoreSummary> RestoreBackup(const std::string& backup_directory, std::uint64_t number,
                                     const std::string& directory, TaskMonitor& monitor) {
  DASHI_ASSIGN_OR_RETURN(const std::unique_ptr<BackupDirectory> backups,
                         BackupDirectory::OpenToRead(backup_directory));
  DASHI_ASSIGN_OR_RETURN(const BackupManifest* manifest,
                         FindBackup(*backups, number, backup_directory));
  DASHI_RETURN_IF_ERROR(CheckTargetEmpty(directory));
  return Restore(*backups, *manifest, directory, &monitor).Run();
}

}  // namespace dashi::storage
