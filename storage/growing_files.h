#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/file_gate.h"
#include "base/mutex.h"
#include "storage/synced_files.h"

namespace dashi::storage {

/// Knows how much of RocksDB's logs and of its manifest is on the disk, from the changes of files
/// that pass: a byte counts once a sync that began after it was written has succeeded, and the
/// file's folder was synced after the file was made. Once a write has failed, what else is written
/// to the file may be a part of a record, and does not count.
///
/// Threads: all methods may be called at once.
class GrowingFiles : public FileGate {
 public:
  /// `gate` is where changes go on to; `folder` is RocksDB's.
  GrowingFiles(FileGate& gate, std::string folder) : gate_(gate), folder_(std::move(folder)) {}

  int Pass(const FileChange& change, const std::function<int(std::size_t size)>& make) override
      DASHI_EXCLUDES(mutex_);
  Result<std::uint64_t> FreeBytes(const std::string& path) override {
    return gate_.FreeBytes(path);
  }

  /// Takes up a log from before, of which so many bytes were synced.
  void AddLog(std::uint64_t number, std::uint64_t bytes) DASHI_EXCLUDES(mutex_);

  /// Sets what is known of the commits when the logs of now were begun: what `known` says; else
  /// `earlier` for those that were added, and what `born` returns for all others. Called once;
  /// `born`, which must not come back here, is called for each log that is begun later.
  void DateLogs(std::span<const SyncedLog> known, const LogBirth& earlier,
                std::function<LogBirth()> born) DASHI_EXCLUDES(mutex_);

  /// From now on `born` is not called any more.
  void StopDating() DASHI_EXCLUDES(mutex_);

  /// Lists what is on the disk; `commits_ended` is for the caller to fill in.
  SyncedFiles List() const DASHI_EXCLUDES(mutex_);

 private:
  struct GrowingFile {
    std::uint64_t made_at = 0;  // as num_changes_ then
    std::uint64_t written = 0;
    std::uint64_t synced = 0;
    bool is_named = false;  // the folder was synced since
    bool is_added = false;
    bool has_failed = false;
    LogBirth birth;
  };
  // What a change may have made durable, as it was before the change.
  struct Before {
    std::uint64_t num_changes = 0;
    std::uint64_t written = 0;
  };
  bool IsInside(std::string_view path) const;
  GrowingFile* Find(std::string_view path) DASHI_REQUIRES(mutex_);
  void Note(const FileChange& change, const Before& before) DASHI_REQUIRES(mutex_);
  void NoteFolderSync(const Before& before) DASHI_REQUIRES(mutex_);

  FileGate& gate_;
  const std::string folder_;
  mutable Mutex mutex_;
  std::uint64_t num_changes_ DASHI_GUARDED_BY(mutex_) = 0;
  std::map<std::uint64_t, GrowingFile> logs_ DASHI_GUARDED_BY(mutex_);
  std::map<std::uint64_t, GrowingFile> manifests_ DASHI_GUARDED_BY(mutex_);
  // The manifest that CURRENT names, and the one that it was made to name before that is durable.
  std::uint64_t current_ DASHI_GUARDED_BY(mutex_) = 0;
  std::optional<std::uint64_t> next_current_ DASHI_GUARDED_BY(mutex_);
  std::uint64_t renamed_at_ DASHI_GUARDED_BY(mutex_) = 0;
  std::function<LogBirth()> born_ DASHI_GUARDED_BY(mutex_);
};

}  // namespace dashi::storage
