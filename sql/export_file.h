#pragma once

#include <memory>
#include <string>
#include <string_view>

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

/// A file that has its name when it is whole: written without a name, synced, then named. So a
/// process that dies leaves nothing behind; only where a file system has no files without names
/// (NFS), and in the moment in which another file is replaced, one of another name. It is
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
  ExportFile(std::string path, std::unique_ptr<ByteCompressor> compressor);
  Status OpenBeside();
  Status Flush(bool last);
  Status Write(std::string_view bytes);
  Status TakeName();

  const std::string path_;
  const std::string folder_;
  const std::string part_path_;  // what the file is called where it needs a name before its own
  int descriptor_ = -1;
  bool has_part_name_ = false;
  const std::unique_ptr<ByteCompressor> compressor_;  // Null: none.
  std::string pending_;
  std::string compressed_;
};

}  // namespace dashi::sql
