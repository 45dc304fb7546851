#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/file.h"
#include "dashi/status.h"

namespace dashi::sql {

/// Compresses a stream of bytes.
///
/// Errors:  kResourceExhausted (53200) for too little memory.
/// Threads: one thread at a time.
class ByteCompressor {
 public:
  virtual ~ByteCompressor() = default;
  /// Appends what comes out for `bytes`, which may be nothing yet; all of it when `last`.
  virtual Status Compress(std::string_view bytes, bool last, std::string* out) = 0;
};

/// A file that has its name when it is whole: written beside it, synced and renamed. It is
/// compressed when the name ends in .gz or .zst.
///
/// Errors:  kIoError (58030), kResourceExhausted (53100) for a full disk, naming the file; 42809
///          where the name is that of something else than a file.
/// Threads: one thread at a time.
/// Cost:    memory of a megabyte, and of the compressor.
class ExportFile {
 public:
  static Result<std::unique_ptr<ExportFile>> Create(const std::string& path);
  /// Removes what was written unless Finish has returned ok.
  ~ExportFile();
  ExportFile(const ExportFile&) = delete;
  ExportFile& operator=(const ExportFile&) = delete;

  Status Append(std::string_view bytes);
  Status Finish();

 private:
  ExportFile(std::string path, std::unique_ptr<File> file,
             std::unique_ptr<ByteCompressor> compressor);
  Status Flush(bool last);

  const std::string path_;
  const std::unique_ptr<File> file_;
  const std::unique_ptr<ByteCompressor> compressor_;  // Null: none.
  std::string pending_;
  std::string compressed_;
  std::uint64_t written_ = 0;
  bool finished_ = false;
};

}  // namespace dashi::sql
