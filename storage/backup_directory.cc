#include "storage/backup_directory.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <limits>
#include <set>
#include <sys/file.h>
#include <system_error>
#include <unistd.h>

#include <fmt/format.h>

#include "base/failpoint.h"
#include "base/status.h"
#include "storage/database_directory.h"

namespace dashi::storage {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMarkerName = "DASHI_BACKUPS";
constexpr std::string_view kMarkerText = "dashi backups\nformat 1\n";
constexpr std::string_view kManifestEnding = ".manifest";

std::string MarkerPath(const std::string& path) { return fmt::format("{}/{}", path, kMarkerName); }
std::string FilesFolder(const std::string& path) { return path + "/files"; }
std::string BackupsFolder(const std::string& path) { return path + "/backups"; }
std::string TemporaryFolder(const std::string& path) { return path + "/tmp"; }
std::string LockPath(const std::string& path) { return path + "/LOCK"; }

std::string ManifestPath(const std::string& path, std::uint64_t number) {
  return fmt::format("{}/{:06}{}", BackupsFolder(path), number, kManifestEnding);
}

// Reads the number out of "000012.manifest"; 0 for every other name.
std::uint64_t ManifestNumber(const std::string& name) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  return error == std::errc() && std::string_view(end) == kManifestEnding ? number : 0;
}

Result<std::vector<std::string>> NamesIn(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> names;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    names.push_back(it->path().filename().string());
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return IoErrorOf("cannot list a directory", folder, error.value());
  }
  std::sort(names.begin(), names.end());
  return names;
}

Result<std::string> ReadSmallFile(const std::string& path) {
  DASHI_ASSIGN_OR_RETURN(const int opened, OpenForReading(path));
  const OpenFile file(opened);
  std::string bytes;
  DASHI_RETURN_IF_ERROR(ReadInPieces(file.get(), path, std::numeric_limits<std::uint64_t>::max(),
                                     [&](std::string_view piece) {
                                       bytes += piece;
                                       return Status::Ok();
                                     })
                            .status());
  return bytes;
}

Status WriteAndRename(std::string_view bytes, const std::string& temporary,
                      const std::string& path) {
  DASHI_RETURN_IF_ERROR(WriteNewFile(bytes, temporary).status());
  DASHI_FAILPOINT("backup.manifest");
  if (std::rename(temporary.c_str(), path.c_str()) != 0) {
    return IoErrorOf("cannot rename a file", temporary, errno);
  }
  return SyncFolder(fs::path(path).parent_path().string());
}

Status CheckMarker(const std::string& path) {
  DASHI_ASSIGN_OR_RETURN(const std::string text, ReadSmallFile(MarkerPath(path)));
  if (text == kMarkerText) {
    return Status::Ok();
  }
  if (text.starts_with("dashi backups\nformat ")) {
    return Status::Unimplemented(
               fmt::format("the backups have a newer format than this program reads: {}", path))
        .WithHint("Use the newer dashi that wrote them.");
  }
  return Status::Corruption(
      fmt::format("the marker file of the backups is damaged: {}", MarkerPath(path)));
}

// A creation that was cut off left some of our own names; anything else is somebody's.
Status CreateOrRefuse(const std::string& path) {
  DASHI_ASSIGN_OR_RETURN(const std::vector<std::string> names, NamesIn(path));
  static constexpr std::array<std::string_view, 4> kOwn = {"LOCK", "files", "backups", "tmp"};
  for (const std::string& name : names) {
    if (std::find(kOwn.begin(), kOwn.end(), name) == kOwn.end()) {
      return Status::InvalidArgument(
                 fmt::format("the directory is not empty and holds no backups: it has no file {}: "
                             "{}",
                             kMarkerName, path))
          .WithHint("Name a backup directory, or one that is empty or does not exist yet.");
    }
  }
  for (const std::string& folder :
       {path, FilesFolder(path), BackupsFolder(path), TemporaryFolder(path)}) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) {
      return IoErrorOf("cannot create a directory", folder, error.value());
    }
  }
  return Status::Ok();
}

}  // namespace

BackupDirectory::BackupDirectory(std::string path, OpenFile lock)
    : path_(std::move(path)), lock_(std::move(lock)) {}

Result<std::unique_ptr<BackupDirectory>> BackupDirectory::Lock(const std::string& path,
                                                               bool alone) {
  const std::string lock_path = LockPath(path);
  // Reading needs no right to write: the backups may stand on a disk that is read-only.
  OpenFile file(alone ? -1 : ::open(lock_path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0 && (alone || errno == ENOENT)) {
    file = OpenFile(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  }
  if (file.get() < 0 && !alone && (errno == EROFS || errno == EACCES || errno == EPERM)) {
    // A copy that left the lock out, where nothing can be made: nobody adds a backup there either.
    return std::unique_ptr<BackupDirectory>(new BackupDirectory(path, std::move(file)));
  }
  if (file.get() < 0) {
    return IoErrorOf("cannot open the lock of the backups", lock_path, errno);
  }
  if (::flock(file.get(), (alone ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0) {
    return errno == EWOULDBLOCK
               ? Status::Unavailable(fmt::format("the backups are in use: {}", path))
                     .WithSqlState("55006")
                     .WithHint("Wait for the backup or the restore that is going on there.")
               : IoErrorOf("cannot lock the backups", lock_path, errno);
  }
  return std::unique_ptr<BackupDirectory>(new BackupDirectory(path, std::move(file)));
}

Result<std::unique_ptr<BackupDirectory>> BackupDirectory::OpenToChange(const std::string& path) {
  std::error_code error;
  const bool exists = fs::exists(MarkerPath(path), error);
  if (exists) {
    DASHI_RETURN_IF_ERROR(CheckMarker(path));
  } else {
    DASHI_RETURN_IF_ERROR(CreateOrRefuse(path));
  }
  DASHI_ASSIGN_OR_RETURN(std::unique_ptr<BackupDirectory> directory, Lock(path, /*alone=*/true));
  if (!exists) {
    DASHI_RETURN_IF_ERROR(
        WriteAndRename(kMarkerText, TemporaryFolder(path) + "/marker", MarkerPath(path)));
  }
  DASHI_RETURN_IF_ERROR(directory->ReadManifests());
  DASHI_RETURN_IF_ERROR(directory->RemoveUnneeded());
  return directory;
}

Result<std::unique_ptr<BackupDirectory>> BackupDirectory::OpenToRead(const std::string& path) {
  const Status marked = CheckMarker(path);
  if (marked.code() == StatusCode::kNotFound) {
    return Status::NotFound(fmt::format("no backups there: {}", path)).WithSqlState("58P01");
  }
  DASHI_RETURN_IF_ERROR(marked);
  DASHI_ASSIGN_OR_RETURN(std::unique_ptr<BackupDirectory> directory, Lock(path, /*alone=*/false));
  DASHI_RETURN_IF_ERROR(directory->ReadManifests());
  return directory;
}

Status BackupDirectory::ReadManifests() {
  DASHI_ASSIGN_OR_RETURN(const std::vector<std::string> names, NamesIn(BackupsFolder(path_)));
  for (const std::string& name : names) {
    const std::uint64_t number = ManifestNumber(name);
    if (number == 0) {
      continue;  // A manifest that was being written.
    }
    DASHI_ASSIGN_OR_RETURN(const std::string bytes, ReadSmallFile(ManifestPath(path_, number)));
    BackupManifest manifest;
    if (DecodeBackupManifest(bytes, &manifest) && manifest.number == number) {
      manifests_[number] = std::move(manifest);
    } else {
      damaged_[number] = fmt::format("the manifest is damaged: {}", ManifestPath(path_, number));
    }
  }
  return Status::Ok();
}

std::uint64_t BackupDirectory::next_number() const {
  const std::uint64_t good = manifests_.empty() ? 0 : manifests_.rbegin()->first;
  const std::uint64_t bad = damaged_.empty() ? 0 : damaged_.rbegin()->first;
  return std::max(good, bad) + 1;
}

std::string BackupDirectory::PathOf(std::uint64_t size, const FileChecksum& checksum) const {
  return fmt::format("{}/{}-{}", FilesFolder(path_), ToHex(checksum), size);
}

std::string BackupDirectory::TemporaryPath() const { return TemporaryFolder(path_) + "/file"; }

Status BackupDirectory::Adopt(std::uint64_t size, const FileChecksum& checksum) const {
  if (std::rename(TemporaryPath().c_str(), PathOf(size, checksum).c_str()) != 0) {
    return IoErrorOf("cannot rename a file", TemporaryPath(), errno);
  }
  return Status::Ok();
}

Status BackupDirectory::Add(const BackupManifest& manifest) {
  DASHI_RETURN_IF_ERROR(SyncFolder(FilesFolder(path_)));
  DASHI_RETURN_IF_ERROR(WriteAndRename(EncodeBackupManifest(manifest),
                                       TemporaryFolder(path_) + "/manifest",
                                       ManifestPath(path_, manifest.number)));
  manifests_[manifest.number] = manifest;
  return Status::Ok();
}

Result<std::uint64_t> BackupDirectory::DeleteAllBut(std::uint32_t keep) {
  std::uint64_t num_deleted = 0;
  while (manifests_.size() > keep) {
    const std::string oldest = ManifestPath(path_, manifests_.begin()->first);
    if (::unlink(oldest.c_str()) != 0) {
      return IoErrorOf("cannot delete a backup", oldest, errno);
    }
    manifests_.erase(manifests_.begin());
    ++num_deleted;
  }
  if (num_deleted > 0) {
    DASHI_RETURN_IF_ERROR(SyncFolder(BackupsFolder(path_)));
    DASHI_FAILPOINT("backup.deleted");
    DASHI_RETURN_IF_ERROR(RemoveUnneeded());
  }
  return num_deleted;
}

Status BackupDirectory::RemoveUnneeded() const {
  std::error_code error;
  DASHI_ASSIGN_OR_RETURN(const std::vector<std::string> unfinished,
                         NamesIn(TemporaryFolder(path_)));
  for (const std::string& name : unfinished) {
    fs::remove_all(TemporaryFolder(path_) + "/" + name, error);
  }
  if (!damaged_.empty()) {
    return Status::Ok();
  }
  std::set<std::string> needed;
  for (const auto& [number, manifest] : manifests_) {
    for (const BackupFile& file : manifest.files) {
      needed.insert(fs::path(PathOf(file.size, file.checksum)).filename().string());
    }
  }
  DASHI_ASSIGN_OR_RETURN(const std::vector<std::string> names, NamesIn(FilesFolder(path_)));
  for (const std::string& name : names) {
    if (!needed.contains(name)) {
      fs::remove(FilesFolder(path_) + "/" + name, error);
    }
  }
  return error ? IoErrorOf("cannot remove files that no backup needs", path_, error.value())
               : Status::Ok();
}

}  // namespace dashi::storage
