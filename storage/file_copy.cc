#include "storage/file_copy.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <limits>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "base/status.h"
#include "storage/database_directory.h"

namespace dashi::storage {

namespace {

// The kernel is asked to start writing after this many bytes.
constexpr std::uint64_t kWriteBackBytes = std::uint64_t{4} << 20;

// A new file that disappears unless it is finished.
class NewFile {
 public:
  static Result<std::unique_ptr<NewFile>> Create(const std::string& path) {
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (file < 0) {
      return IoErrorOf("cannot create a file", path, errno);
    }
    return std::unique_ptr<NewFile>(new NewFile(path, OpenFile(file)));
  }
  ~NewFile() {
    if (!finished_) {
      ::unlink(path_.c_str());
    }
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  Status Append(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t put =
          ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(size_));
      if (put < 0 && errno == EINTR) {
        continue;
      }
      if (put < 0) {
        return IoErrorOf("cannot write a file", path_, errno);
      }
      bytes.remove_prefix(static_cast<std::size_t>(put));
      size_ += static_cast<std::uint64_t>(put);
    }
    if (size_ - written_back_ >= kWriteBackBytes) {
      // A hint: what it cannot do, the sync does.
      ::sync_file_range(file_.get(), static_cast<off_t>(written_back_),
                        static_cast<off_t>(size_ - written_back_), SYNC_FILE_RANGE_WRITE);
      written_back_ = size_;
    }
    return Status::Ok();
  }

  Status Finish() {
    if (::fdatasync(file_.get()) != 0) {
      return IoErrorOf("cannot sync a file", path_, errno);
    }
    finished_ = true;
    return Status::Ok();
  }

 private:
  NewFile(std::string path, OpenFile file) : path_(std::move(path)), file_(std::move(file)) {}

  const std::string path_;
  const OpenFile file_;
  std::uint64_t size_ = 0;
  std::uint64_t written_back_ = 0;
  bool finished_ = false;
};

}  // namespace

OpenFile::~OpenFile() {
  if (file_ >= 0) {
    ::close(file_);
  }
}

OpenFile::OpenFile(OpenFile&& other) noexcept : file_(std::exchange(other.file_, -1)) {}

OpenFile& OpenFile::operator=(OpenFile&& other) noexcept {
  std::swap(file_, other.file_);
  return *this;
}

Result<FileChecksum> CopyToNewFile(const OpenFile& source, const std::string& source_path,
                                   std::uint64_t size, const std::string& target_path,
                                   const VisitPiece& visit) {
  DASHI_ASSIGN_OR_RETURN(const std::unique_ptr<NewFile> target, NewFile::Create(target_path));
  ChecksumStream checksum;
  DASHI_ASSIGN_OR_RETURN(
      const std::uint64_t done,
      ReadInPieces(source.get(), source_path, size, [&](std::string_view piece) -> Status {
        DASHI_RETURN_IF_ERROR(visit(piece));
        checksum.Update(piece);
        return target->Append(piece);
      }));
  if (done != size) {
    return Status::Corruption(
        fmt::format("the file is cut short: got {} bytes, want {}: {}", done, size, source_path));
  }
  DASHI_RETURN_IF_ERROR(target->Finish());
  return checksum.Finish();
}

Result<FileChecksum> WriteNewFile(std::string_view bytes, const std::string& target_path) {
  DASHI_ASSIGN_OR_RETURN(const std::unique_ptr<NewFile> target, NewFile::Create(target_path));
  DASHI_RETURN_IF_ERROR(target->Append(bytes));
  DASHI_RETURN_IF_ERROR(target->Finish());
  ChecksumStream checksum;
  checksum.Update(bytes);
  return checksum.Finish();
}

Status VerifyFile(const std::string& path, std::uint64_t size, const FileChecksum& checksum,
                  const VisitPiece& visit) {
  DASHI_ASSIGN_OR_RETURN(const int opened, OpenForReading(path));
  const OpenFile file(opened);
  // What was just written lies in the page cache, which says nothing about the disk.
  ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
  ChecksumStream stream;
  DASHI_ASSIGN_OR_RETURN(const std::uint64_t done,
                         ReadInPieces(file.get(), path, std::numeric_limits<std::uint64_t>::max(),
                                      [&](std::string_view piece) {
                                        stream.Update(piece);
                                        return visit(piece);
                                      }));
  if (done != size) {
    return Status::Corruption(
        fmt::format("the file has the wrong size: got {}, want {}: {}", done, size, path));
  }
  if (stream.Finish() != checksum) {
    return Status::Corruption(fmt::format("the checksum of the file does not match: {}", path));
  }
  return Status::Ok();
}

}  // namespace dashi::storage
