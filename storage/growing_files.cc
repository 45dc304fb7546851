#include "storage/growing_files.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

namespace dashi::storage {

namespace {

constexpr std::string_view kCurrentName = "CURRENT";

std::string_view NameOf(std::string_view path) { return path.substr(path.rfind('/') + 1); }

std::string_view WithoutSlashes(std::string_view path) {
  while (path.ends_with('/')) {
    path.remove_suffix(1);
  }
  return path;
}

bool IsNewCurrent(const FileChange& change) {
  return change.step == FileStep::kRename && NameOf(change.target) == kCurrentName;
}

}  // namespace

int GrowingFiles::Pass(const FileChange& change, const std::function<int(std::size_t size)>& make) {
  const std::string_view name = NameOf(change.path);
  const bool is_log = ParseLogName(name).has_value();
  if (change.step == FileStep::kSyncFolder
          ? WithoutSlashes(change.path) != folder_
          : !IsInside(change.path) ||
                !(is_log || ParseManifestName(name) || IsNewCurrent(change))) {
    return gate_.Pass(change, make);
  }
  Before before;
  std::optional<LogBirth> birth;
  {
    MutexLock lock(mutex_);
    before.num_changes = num_changes_;
    if (const GrowingFile* file = Find(change.path)) {
      before.written = file->written;
    }
    if (is_log && change.step == FileStep::kCreate && born_) {
      birth = born_();  // before anything can be written to the log
    }
  }
  const int error = gate_.Pass(change, make);
  if (error == 0) {
    MutexLock lock(mutex_);
    Note(change, before);
    if (birth) {
      logs_[*ParseLogName(name)].birth = *birth;
    }
  } else if (change.step == FileStep::kWrite) {
    MutexLock lock(mutex_);
    if (GrowingFile* file = Find(change.path)) {
      file->has_failed = true;
    }
  }
  return error;
}

bool GrowingFiles::IsInside(std::string_view path) const {
  return WithoutSlashes(path.substr(0, path.size() - NameOf(path).size())) == folder_;
}

GrowingFiles::GrowingFile* GrowingFiles::Find(std::string_view path) {
  const std::string_view name = NameOf(path);
  const std::optional<std::uint64_t> log = ParseLogName(name);
  std::map<std::uint64_t, GrowingFile>& files = log ? logs_ : manifests_;
  const std::optional<std::uint64_t> number = log ? log : ParseManifestName(name);
  const auto found = number ? files.find(*number) : files.end();
  return found == files.end() ? nullptr : &found->second;
}

void GrowingFiles::Note(const FileChange& change, const Before& before) {
  ++num_changes_;
  const std::string_view name = NameOf(change.path);
  if (change.step == FileStep::kSyncFolder) {
    NoteFolderSync(before);
    return;
  }
  if (IsNewCurrent(change)) {
    next_current_ = manifests_.empty() ? 0 : manifests_.rbegin()->first;
    renamed_at_ = num_changes_;
    return;
  }
  const std::optional<std::uint64_t> log = ParseLogName(name);
  if (change.step == FileStep::kCreate) {
    GrowingFile& made = log ? logs_[*log] : manifests_[*ParseManifestName(name)];
    made = {};
    made.made_at = num_changes_;
    return;
  }
  GrowingFile* file = Find(change.path);
  if (file == nullptr) {
    return;
  }
  switch (change.step) {
    case FileStep::kWrite:
      file->written = std::max(file->written, change.offset + change.bytes.size());
      break;
    case FileStep::kTruncate:
      file->written = std::min(file->written, change.offset);
      file->synced = std::min(file->synced, change.offset);
      break;
    case FileStep::kSync:
      if (!file->has_failed) {
        file->synced = std::max(file->synced, std::min(before.written, file->written));
      }
      break;
    case FileStep::kRename:
    case FileStep::kRemove:
      if (log) {
        logs_.erase(*log);
      } else {
        manifests_.erase(*ParseManifestName(name));
      }
      break;
    default:
      break;
  }
}

// Names that were there before the sync began are durable.
void GrowingFiles::NoteFolderSync(const Before& before) {
  for (std::map<std::uint64_t, GrowingFile>* files : {&logs_, &manifests_}) {
    for (auto& [number, file] : *files) {
      file.is_named = file.is_named || file.made_at <= before.num_changes;
    }
  }
  if (next_current_ && renamed_at_ <= before.num_changes) {
    current_ = *next_current_;
    next_current_.reset();
  }
}

void GrowingFiles::AddLog(std::uint64_t number, std::uint64_t bytes) {
  MutexLock lock(mutex_);
  GrowingFile& file = logs_[number];
  file.made_at = num_changes_;
  file.written = bytes;
  file.synced = bytes;
  file.is_added = true;
}

void GrowingFiles::DateLogs(std::span<const SyncedLog> known, const LogBirth& earlier,
                            std::function<LogBirth()> born) {
  const LogBirth now = born();
  MutexLock lock(mutex_);
  born_ = std::move(born);
  for (auto& [number, file] : logs_) {
    file.birth = file.is_added ? earlier : now;
  }
  for (const SyncedLog& log : known) {
    if (const auto found = logs_.find(log.number); found != logs_.end()) {
      found->second.birth = log.birth;
    }
  }
}

void GrowingFiles::StopDating() {
  MutexLock lock(mutex_);
  born_ = nullptr;
}

SyncedFiles GrowingFiles::List() const {
  MutexLock lock(mutex_);
  SyncedFiles files;
  if (const auto manifest = manifests_.find(current_); manifest != manifests_.end()) {
    files.manifest_number = current_;
    files.manifest_bytes = manifest->second.synced;
  }
  for (const auto& [number, file] : logs_) {
    if (file.is_named && file.synced > 0) {
      files.logs.push_back({number, file.synced, file.birth});
    }
  }
  return files;
}

}  // namespace dashi::storage
