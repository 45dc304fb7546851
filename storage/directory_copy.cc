#include "storage/directory_copy.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <system_error>
#include <unistd.h>

#include <fmt/format.h>

#include "base/status.h"
#include "storage/database_directory.h"
#include "storage/file_copy.h"

namespace dashi::storage {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBufferBytes = std::size_t{1} << 20;
// What the copy needs beside its bytes: the log goes into tables before it is removed.
constexpr std::uint64_t kSpareBytes = std::uint64_t{64} << 20;

Status WriteAll(int file, const std::string& path, const char* bytes, std::size_t size) {
  while (size > 0) {
    const ssize_t written = ::write(file, bytes, size);
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written < 0) {
      return IoErrorOf("cannot write a file", path, errno);
    }
    bytes += written;
    size -= static_cast<std::size_t>(written);
  }
  return Status::Ok();
}

Status CopyFile(const std::string& from, const std::string& to, std::string* buffer,
                const std::function<Status(std::uint64_t bytes)>& on_bytes) {
  const OpenFile source(::open(from.c_str(), O_RDONLY | O_CLOEXEC));
  if (source.get() < 0) {
    return IoErrorOf("cannot open a file", from, errno);
  }
  const OpenFile target(::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (target.get() < 0) {
    return IoErrorOf("cannot create a file", to, errno);
  }
  while (true) {
    const ssize_t got = ::read(source.get(), buffer->data(), buffer->size());
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return IoErrorOf("cannot read a file", from, errno);
    }
    if (got == 0) {
      break;
    }
    const auto size = static_cast<std::size_t>(got);
    DASHI_RETURN_IF_ERROR(WriteAll(target.get(), to, buffer->data(), size));
    DASHI_RETURN_IF_ERROR(on_bytes(size));
  }
  return ::fsync(target.get()) == 0 ? Status::Ok() : IoErrorOf("cannot sync a file", to, errno);
}

}  // namespace

Result<std::vector<CopiedFile>> ListDatabaseFiles(const std::string& directory) {
  std::vector<CopiedFile> files;
  for (const char* folder : {"data", "index", "tmp"}) {
    std::error_code error;
    const fs::path path = fs::path(directory) / folder;
    if (!fs::exists(path, error)) {
      continue;
    }
    for (fs::directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
      if (it->is_regular_file(error) && it->path().filename() != "LOCK") {
        files.push_back(
            {fmt::format("{}/{}", folder, it->path().filename().string()), it->file_size(error)});
      }
    }
    if (error) {
      return IoErrorOf("cannot list a directory", path.string(), error.value());
    }
  }
  std::sort(files.begin(), files.end(),
            [](const CopiedFile& a, const CopiedFile& b) { return a.name < b.name; });
  return files;
}

Status CopyFiles(
    const std::string& from, const std::string& to, const std::vector<CopiedFile>& files,
    const std::function<Status(std::uint64_t done, std::uint64_t total)>& on_progress) {
  const DirectoryPaths paths(to);
  DASHI_RETURN_IF_ERROR(CreateFolders(paths));
  std::uint64_t total = 0;
  for (const CopiedFile& file : files) {
    total += file.num_bytes;
  }
  std::error_code error;
  const fs::space_info space = fs::space(to, error);
  if (!error && space.available < total + kSpareBytes) {
    return Status::ResourceExhausted(
               fmt::format("the copy does not fit: it needs {} MiB, free are {} MiB: {}",
                           ((total + kSpareBytes) >> 20U) + 1, space.available >> 20U, to))
        .WithSqlState("53100")
        .WithHint("Name a folder on a disk with more room.");
  }
  std::string buffer(kBufferBytes, '\0');
  std::uint64_t done = 0;
  for (const CopiedFile& file : files) {
    DASHI_RETURN_IF_ERROR(
        CopyFile(from + "/" + file.name, to + "/" + file.name, &buffer, [&](std::uint64_t bytes) {
          done += bytes;
          return on_progress ? on_progress(done, std::max(done, total)) : Status::Ok();
        }));
  }
  for (const std::string& folder : {paths.data, paths.index, paths.tmp, paths.root}) {
    DASHI_RETURN_IF_ERROR(SyncFolder(folder));
  }
  return Status::Ok();
}

}  // namespace dashi::storage
