#include "storage/rocksdb_held_files.h"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "base/status.h"
#include "storage/database_directory.h"

namespace dashi::storage {

namespace {

// Blob files are named by column family metadata as "<folder>" and "/<name>" or "<name>".
std::string WithoutDoubleSlashes(const std::string& path) {
  std::string plain;
  for (const char c : path) {
    if (c != '/' || plain.empty() || plain.back() != '/') {
      plain.push_back(c);
    }
  }
  return plain;
}

}  // namespace

HeldFiles::HeldFiles(const std::shared_ptr<rocksdb::FileSystem>& target)
    : FileSystemWrapper(target) {}

HeldFiles::~HeldFiles() {
  MutexLock lock(mutex_);
  for (const auto& [path, file] : files_) {
    ::close(file);
  }
}

Status HeldFiles::Hold(const std::vector<std::string>& paths) {
  std::map<std::string, int> held;
  MutexLock lock(mutex_);
  Status status;
  for (const std::string& given : paths) {
    const std::string path = WithoutDoubleSlashes(given);
    if (held.contains(path)) {
      continue;
    }
    if (const auto found = files_.find(path); found != files_.end()) {
      held.insert(files_.extract(found));
      continue;
    }
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) {
      status = errno == ENOENT ? Status::NotFound(fmt::format("the file is gone: {}", path))
                               : IoErrorOf("cannot open a file", path, errno);
      break;
    }
    held.emplace(path, file);
  }
  if (!status.ok()) {
    held.merge(files_);  // What was held stays so.
  } else {
    for (const auto& [path, file] : files_) {
      ::close(file);
    }
  }
  files_ = std::move(held);
  return status;
}

std::string HeldFiles::PlaceOf(const std::string& path) const {
  MutexLock lock(mutex_);
  const auto found = files_.find(WithoutDoubleSlashes(path));
  return found == files_.end() ? path : fmt::format("/proc/self/fd/{}", found->second);
}

rocksdb::IOStatus HeldFiles::NewRandomAccessFile(const std::string& path,
                                                 const rocksdb::FileOptions& options,
                                                 std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                                                 rocksdb::IODebugContext* context) {
  return target()->NewRandomAccessFile(PlaceOf(path), options, file, context);
}

rocksdb::IOStatus HeldFiles::GetFileSize(const std::string& path, const rocksdb::IOOptions& options,
                                         std::uint64_t* size, rocksdb::IODebugContext* context) {
  return target()->GetFileSize(PlaceOf(path), options, size, context);
}

}  // namespace dashi::storage
