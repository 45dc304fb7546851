#include "storage/rocksdb_file_system.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/file.h"
#include "storage/rocksdb_status.h"

namespace dashi::storage {

namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

IOStatus ToRocksdb(const Status& status) {
  const std::string message(status.message());
  switch (status.code()) {
    case StatusCode::kOk:
      return IOStatus::OK();
    case StatusCode::kNotFound:
      return IOStatus::PathNotFound(message);
    case StatusCode::kResourceExhausted:
      return IOStatus::NoSpace(message);
    case StatusCode::kUnimplemented:
      return IOStatus::NotSupported(message);
    default:
      return IOStatus::IOError(message);
  }
}

// What RocksDB may not take for a disk that is merely full, and sync again.
IOStatus SyncToRocksdb(const Status& status) {
  return status.ok() ? IOStatus::OK() : IOStatus::IOError(std::string(status.message()));
}

// A file that grows at its end. A failed append leaves the length as it was: what it put down is
// written over by the next one, so that the file never has a hole of torn bytes inside.
class GatedWritableFile : public rocksdb::FSWritableFile {
 public:
  GatedWritableFile(std::unique_ptr<File> file, std::uint64_t size, const FileOptions& options)
      : FSWritableFile(options), file_(std::move(file)), size_(size), reserved_(size) {}
  ~GatedWritableFile() override { GiveBackReserve(); }

  using FSWritableFile::Append;
  IOStatus Append(const rocksdb::Slice& data, const IOOptions& /*options*/,
                  IODebugContext* /*context*/) override {
    const Status written = file_->WriteAt(size_, ToView(data));
    if (written.ok()) {
      size_ += data.size();
      torn_ = false;
    } else {
      torn_ = true;
    }
    return ToRocksdb(written);
  }
  IOStatus Truncate(std::uint64_t size, const IOOptions& /*options*/,
                    IODebugContext* /*context*/) override {
    const Status truncated = file_->Truncate(size);
    if (truncated.ok()) {
      size_ = size;
      reserved_ = size;
      torn_ = false;
    }
    return ToRocksdb(truncated);
  }
  IOStatus Close(const IOOptions& /*options*/, IODebugContext* /*context*/) override {
    GiveBackReserve();
    return IOStatus::OK();
  }
  IOStatus Flush(const IOOptions& /*options*/, IODebugContext* /*context*/) override {
    return IOStatus::OK();
  }
  IOStatus Sync(const IOOptions& /*options*/, IODebugContext* /*context*/) override {
    return SyncToRocksdb(file_->Sync());
  }
  bool IsSyncThreadSafe() const override { return true; }
  std::uint64_t GetFileSize(const IOOptions& /*options*/, IODebugContext* /*context*/) override {
    return size_;
  }
  IOStatus RangeSync(std::uint64_t offset, std::uint64_t size, const IOOptions& /*options*/,
                     IODebugContext* /*context*/) override {
    file_->WriteBack(offset, size);
    return IOStatus::OK();
  }
  IOStatus Allocate(std::uint64_t offset, std::uint64_t size, const IOOptions& /*options*/,
                    IODebugContext* /*context*/) override {
    file_->Reserve(offset, size);
    reserved_ = std::max(reserved_, offset + size);
    return IOStatus::OK();
  }

 private:
  void GiveBackReserve() {
    if (reserved_ > size_ || torn_) {
      file_->Truncate(size_).IgnoreError("what lies behind the end is room, not data");
      reserved_ = size_;
    }
  }

  const std::unique_ptr<File> file_;
  std::uint64_t size_;
  std::uint64_t reserved_;
  bool torn_ = false;  // bytes of a failed append lie behind the end
};

class GatedDirectory : public rocksdb::FSDirectory {
 public:
  GatedDirectory(std::string path, FileGate& gate) : path_(std::move(path)), gate_(gate) {}

  IOStatus Fsync(const IOOptions& /*options*/, IODebugContext* /*context*/) override {
    return SyncToRocksdb(SyncFolder(path_, gate_));
  }
  IOStatus Close(const IOOptions& /*options*/, IODebugContext* /*context*/) override {
    return IOStatus::OK();
  }

 private:
  const std::string path_;
  FileGate& gate_;
};

class GatedFileSystem : public rocksdb::FileSystemWrapper {
 public:
  explicit GatedFileSystem(FileGate& gate)
      : FileSystemWrapper(rocksdb::FileSystem::Default()), gate_(gate) {}
  const char* Name() const override { return "dashi"; }

  IOStatus NewWritableFile(const std::string& path, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* result,
                           IODebugContext* /*context*/) override {
    Result<std::unique_ptr<File>> file = File::Create(path, gate_);
    if (file.ok()) {
      *result = std::make_unique<GatedWritableFile>(std::move(file).value(), /*size=*/0, options);
      return IOStatus::OK();
    }
    return ToRocksdb(file.status());
  }
  IOStatus ReopenWritableFile(const std::string& path, const FileOptions& options,
                              std::unique_ptr<rocksdb::FSWritableFile>* result,
                              IODebugContext* context) override {
    Result<std::unique_ptr<File>> file = File::OpenForWriting(path, gate_);
    if (file.status().code() == StatusCode::kNotFound) {
      return NewWritableFile(path, options, result, context);
    }
    if (!file.ok()) {
      return ToRocksdb(file.status());
    }
    const Result<std::uint64_t> size = file.value()->Size();
    if (!size.ok()) {
      return ToRocksdb(size.status());
    }
    *result = std::make_unique<GatedWritableFile>(std::move(file).value(), size.value(), options);
    return IOStatus::OK();
  }
  IOStatus ReuseWritableFile(const std::string& /*path*/, const std::string& /*old_path*/,
                             const FileOptions& /*options*/,
                             std::unique_ptr<rocksdb::FSWritableFile>* /*result*/,
                             IODebugContext* /*context*/) override {
    return IOStatus::NotSupported("files are never used again");
  }
  IOStatus NewRandomRWFile(const std::string& /*path*/, const FileOptions& /*options*/,
                           std::unique_ptr<rocksdb::FSRandomRWFile>* /*result*/,
                           IODebugContext* /*context*/) override {
    return IOStatus::NotSupported("files are not written in place");
  }
  IOStatus NewDirectory(const std::string& path, const IOOptions& options,
                        std::unique_ptr<rocksdb::FSDirectory>* result,
                        IODebugContext* context) override {
    bool is_directory = false;
    const IOStatus found = IsDirectory(path, options, &is_directory, context);
    if (found.ok() && is_directory) {
      *result = std::make_unique<GatedDirectory>(path, gate_);
    }
    return found.ok() && !is_directory ? IOStatus::IOError("not a directory: " + path) : found;
  }
  IOStatus DeleteFile(const std::string& path, const IOOptions& /*options*/,
                      IODebugContext* /*context*/) override {
    return ToRocksdb(RemoveFile(path, gate_));
  }
  IOStatus Truncate(const std::string& path, std::size_t size, const IOOptions& /*options*/,
                    IODebugContext* /*context*/) override {
    const Result<std::unique_ptr<File>> file = File::OpenForWriting(path, gate_);
    return ToRocksdb(file.ok() ? file.value()->Truncate(size) : file.status());
  }
  IOStatus CreateDir(const std::string& path, const IOOptions& /*options*/,
                     IODebugContext* /*context*/) override {
    const Result<bool> created = CreateFolder(path, gate_);
    return created.ok() && !created.value() ? IOStatus::IOError("directory exists: " + path)
                                            : ToRocksdb(created.status());
  }
  IOStatus CreateDirIfMissing(const std::string& path, const IOOptions& /*options*/,
                              IODebugContext* /*context*/) override {
    return ToRocksdb(CreateFolder(path, gate_).status());
  }
  IOStatus DeleteDir(const std::string& path, const IOOptions& /*options*/,
                     IODebugContext* /*context*/) override {
    return ToRocksdb(RemoveFile(path, gate_));
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& /*options*/,
                      IODebugContext* /*context*/) override {
    return ToRocksdb(dashi::RenameFile(from, to, gate_));
  }
  IOStatus LinkFile(const std::string& path, const std::string& link, const IOOptions& /*options*/,
                    IODebugContext* /*context*/) override {
    return ToRocksdb(dashi::LinkFile(path, link, gate_));
  }
  IOStatus GetFreeSpace(const std::string& path, const IOOptions& /*options*/,
                        std::uint64_t* free_bytes, IODebugContext* /*context*/) override {
    const Result<std::uint64_t> found = gate_.FreeBytes(path);
    *free_bytes = found.ok() ? found.value() : 0;
    return ToRocksdb(found.status());
  }

 private:
  FileGate& gate_;
};

}  // namespace

std::shared_ptr<rocksdb::FileSystem> MakeGatedFileSystem(FileGate& gate) {
  return std::make_shared<GatedFileSystem>(gate);
}

}  // namespace dashi::storage
