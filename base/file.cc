#include "base/file.h"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "base/status.h"

namespace dashi {

namespace {

constexpr int kReadWrite = O_RDWR | O_CLOEXEC;

// 0, or the errno of a system call that returned `result`.
int ErrorOf(int result) { return result == 0 ? 0 : errno; }

int WriteAll(int descriptor, std::uint64_t offset, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put =
        ::pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) {
      continue;
    }
    if (put < 0) {
      return errno;
    }
    bytes.remove_prefix(static_cast<std::size_t>(put));
    offset += static_cast<std::size_t>(put);
  }
  return 0;
}

Status StatusOf(int error, std::string_view doing, const std::string& path) {
  return error == 0 ? Status::Ok() : IoErrorOf(doing, path, error);
}

// For a file that must be there.
Status StatusOfExisting(int error, std::string_view doing, const std::string& path) {
  return error == ENOENT ? Status::NotFound("file missing: " + path) : StatusOf(error, doing, path);
}

std::string FolderOf(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

}  // namespace

Status IoErrorOf(std::string_view doing, const std::string& path, int error) {
  if (error == ENOSPC || error == EDQUOT) {
    return Status::ResourceExhausted(fmt::format("disk full: {}: {}", doing, path))
        .WithSqlState("53100")
        .WithHint("Free space on the disk of the database directory.");
  }
  return Status::IoError(fmt::format(
      "{}: {}: {}", doing, std::error_code(error, std::generic_category()).message(), path));
}

File::File(std::string path, int descriptor, FileGate& gate)
    : path_(std::move(path)), descriptor_(descriptor), gate_(gate) {}

File::~File() { ::close(descriptor_); }

Result<std::unique_ptr<File>> File::Create(const std::string& path, FileGate& gate) {
  int descriptor = -1;
  const int error = gate.Pass({.step = FileStep::kCreate, .path = path}, [&](std::size_t /*size*/) {
    descriptor = ::open(path.c_str(), kReadWrite | O_CREAT | O_TRUNC, 0644);
    return descriptor < 0 ? errno : 0;
  });
  if (error != 0) {
    if (descriptor >= 0) {
      ::close(descriptor);
    }
    return IoErrorOf("cannot create", path, error);
  }
  return std::unique_ptr<File>(new File(path, descriptor, gate));
}

Result<std::unique_ptr<File>> File::OpenForWriting(const std::string& path, FileGate& gate) {
  const int descriptor = ::open(path.c_str(), kReadWrite);
  if (descriptor < 0) {
    return StatusOfExisting(errno, "cannot open", path);
  }
  return std::unique_ptr<File>(new File(path, descriptor, gate));
}

Result<std::unique_ptr<File>> File::OpenForReading(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    return StatusOfExisting(errno, "cannot open", path);
  }
  return std::unique_ptr<File>(new File(path, descriptor, FileGate::System()));
}

Status File::WriteAt(std::uint64_t offset, std::string_view bytes) {
  if (bytes.empty()) {
    return Status::Ok();
  }
  const int error = gate_.Pass(
      {.step = FileStep::kWrite, .path = path_, .offset = offset, .bytes = bytes},
      [&](std::size_t size) { return WriteAll(descriptor_, offset, bytes.substr(0, size)); });
  return StatusOf(error, "cannot write", path_);
}

Status File::ReadAt(std::uint64_t offset, std::string* bytes) const {
  std::size_t done = 0;
  while (done < bytes->size()) {
    const ssize_t got = ::pread(descriptor_, bytes->data() + done, bytes->size() - done,
                                static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return IoErrorOf("cannot read", path_, errno);
    }
    if (got == 0) {
      break;
    }
    done += static_cast<std::size_t>(got);
  }
  bytes->resize(done);
  return Status::Ok();
}

Status File::Truncate(std::uint64_t size) {
  const int error = gate_.Pass({.step = FileStep::kTruncate, .path = path_, .offset = size},
                               [&](std::size_t /*size*/) {
                                 return ErrorOf(::ftruncate(descriptor_, static_cast<off_t>(size)));
                               });
  return StatusOf(error, "cannot truncate", path_);
}

Status File::Sync() {
  const int error = gate_.Pass({.step = FileStep::kSync, .path = path_}, [&](std::size_t /*size*/) {
    return ErrorOf(::fdatasync(descriptor_));
  });
  return StatusOf(error, "cannot sync", path_);
}

void File::WriteBack(std::uint64_t offset, std::uint64_t size) {
  ::sync_file_range(descriptor_, static_cast<off_t>(offset), static_cast<off_t>(size),
                    SYNC_FILE_RANGE_WRITE);
}

void File::Reserve(std::uint64_t offset, std::uint64_t size) {
  ::fallocate(descriptor_, FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
              static_cast<off_t>(size));
}

Result<std::uint64_t> File::Size() const {
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0) {
    return IoErrorOf("cannot examine", path_, errno);
  }
  return static_cast<std::uint64_t>(status.st_size);
}

Status SyncFolder(const std::string& folder, FileGate& gate) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) {
    return IoErrorOf("cannot open a directory", folder, errno);
  }
  const int error = gate.Pass({.step = FileStep::kSyncFolder, .path = folder},
                              [&](std::size_t /*size*/) { return ErrorOf(::fsync(descriptor)); });
  ::close(descriptor);
  return StatusOf(error, "cannot sync a directory", folder);
}

Result<bool> CreateFolder(const std::string& folder, FileGate& gate) {
  std::error_code ignored;
  if (std::filesystem::is_directory(folder, ignored)) {
    return false;
  }
  const int error =
      gate.Pass({.step = FileStep::kCreateFolder, .path = folder},
                [&](std::size_t /*size*/) { return ErrorOf(::mkdir(folder.c_str(), 0777)); });
  if (error != 0) {
    return IoErrorOf("cannot create a directory", folder, error);
  }
  return true;
}

Status RenameFile(const std::string& from, const std::string& to, FileGate& gate) {
  const int error = gate.Pass(
      {.step = FileStep::kRename, .path = from, .target = to},
      [&](std::size_t /*size*/) { return ErrorOf(std::rename(from.c_str(), to.c_str())); });
  return StatusOfExisting(error, "cannot rename", from);
}

Status RemoveFile(const std::string& path, FileGate& gate) {
  const int error = gate.Pass({.step = FileStep::kRemove, .path = path}, [&](std::size_t /*size*/) {
    return ErrorOf(std::remove(path.c_str()));
  });
  return StatusOfExisting(error, "cannot remove", path);
}

Status LinkFile(const std::string& path, const std::string& link, FileGate& gate) {
  const int error =
      gate.Pass({.step = FileStep::kLink, .path = path, .target = link},
                [&](std::size_t /*size*/) { return ErrorOf(::link(path.c_str(), link.c_str())); });
  if (error == EXDEV || error == ENOTSUP || error == EPERM) {
    return Status::Unimplemented("the file system has no links: " + path);
  }
  return StatusOf(error, "cannot link", path);
}

Status ReplaceFile(const std::string& path, std::string_view bytes, FileGate& gate) {
  const std::string temporary = path + ".tmp";
  {
    DASHI_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, File::Create(temporary, gate));
    DASHI_RETURN_IF_ERROR(file->WriteAt(0, bytes));
    DASHI_RETURN_IF_ERROR(file->Sync());
  }
  DASHI_RETURN_IF_ERROR(RenameFile(temporary, path, gate));
  return SyncFolder(FolderOf(path), gate);
}

}  // namespace dashi
