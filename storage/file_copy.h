#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "dashi/status.h"
#include "storage/file_checksum.h"

namespace dashi::storage {

/// An open file, closed when this goes.
class OpenFile {
 public:
  OpenFile() = default;
  explicit OpenFile(int file) : file_(file) {}
  ~OpenFile();
  OpenFile(OpenFile&& other) noexcept;
  OpenFile& operator=(OpenFile&& other) noexcept;
  int get() const { return file_; }

 private:
  int file_ = -1;
};

/// Called with each piece of a file that is read; an error ends the reading.
using VisitPiece = std::function<Status(std::string_view piece)>;

/// Copies the first `size` bytes of an open file to a new file, durable but for its name, and takes
/// their checksum. A failed copy is removed. Several pieces are on their way to the disk at a time,
/// so that the sync at the end is short and others' syncs do not wait long for ours.
///
/// Errors: kCorruption (XX001) when the source is shorter; kResourceExhausted (53100) for a full
///         disk; kIoError; those of `visit`.
Result<FileChecksum> CopyToNewFile(const OpenFile& source, const std::string& source_path,
                                   std::uint64_t size, const std::string& target_path,
                                   const VisitPiece& visit);
/// The same for bytes in memory.
Result<FileChecksum> WriteNewFile(std::string_view bytes, const std::string& target_path);

/// Reads a file from the disk, past the page cache where that is possible, and compares.
///
/// Errors: kNotFound when there is none; kCorruption (XX001) naming the file when its size or
///         checksum is not the one given; kIoError; those of `visit`.
Status VerifyFile(const std::string& path, std::uint64_t size, const FileChecksum& checksum,
                  const VisitPiece& visit);

}  // namespace dashi::storage
