#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/file_gate.h"
#include "dashi/status.h"

namespace dashi {

/// Turns an errno into a status: kResourceExhausted (53100) for a full disk or quota, else kIoError
/// (58030).
Status IoErrorOf(std::string_view doing, const std::string& path, int error);

/// An open file whose changes go through a gate.
///
/// Errors:  kResourceExhausted (53100), kIoError (58030), naming the path.
/// Threads: one thread at a time, but Sync and WriteBack may run beside the others.
class File {
 public:
  /// Makes the file, or empties it; it can be read and written.
  static Result<std::unique_ptr<File>> Create(const std::string& path,
                                              FileGate& gate = FileGate::System());
  /// Opens a file that is there for reading and writing.
  ///
  /// Errors: kNotFound when there is no such file.
  static Result<std::unique_ptr<File>> OpenForWriting(const std::string& path,
                                                      FileGate& gate = FileGate::System());
  /// Errors: kNotFound when there is no such file.
  static Result<std::unique_ptr<File>> OpenForReading(const std::string& path);
  ~File();
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  /// Puts down all the bytes. What a failed call leaves is to be written over or cut off.
  Status WriteAt(std::uint64_t offset, std::string_view bytes);
  /// Reads up to `bytes->size()` bytes, and fewer only at the end of the file.
  Status ReadAt(std::uint64_t offset, std::string* bytes) const;
  Status Truncate(std::uint64_t size);
  /// Makes the bytes and the length durable. After an error they may be lost whatever is done, and
  /// a second call that succeeds means nothing: the file must be given up.
  Status Sync();
  /// Asks the kernel to begin writing a range, so that Sync is short. A hint.
  void WriteBack(std::uint64_t offset, std::uint64_t size);
  /// Asks for room without changing the length. A hint; Truncate gives back what is unused.
  void Reserve(std::uint64_t offset, std::uint64_t size);
  Result<std::uint64_t> Size() const;

  const std::string& path() const { return path_; }
  /// For mapping it into memory.
  int descriptor() const { return descriptor_; }

 private:
  File(std::string path, int descriptor, FileGate& gate);

  const std::string path_;
  const int descriptor_;
  FileGate& gate_;
};

/// Makes the names of files inside `folder` durable.
Status SyncFolder(const std::string& folder, FileGate& gate = FileGate::System());
/// Makes a folder inside one that is there. Returns false when it is there already.
Result<bool> CreateFolder(const std::string& folder, FileGate& gate = FileGate::System());
Status RenameFile(const std::string& from, const std::string& to,
                  FileGate& gate = FileGate::System());
/// Errors: kNotFound when there is no such file.
Status RemoveFile(const std::string& path, FileGate& gate = FileGate::System());
/// Errors: kUnimplemented where the file system has no links.
Status LinkFile(const std::string& path, const std::string& link,
                FileGate& gate = FileGate::System());
/// Replaces a file whole: temporary name, sync, rename, sync of the folder.
Status ReplaceFile(const std::string& path, std::string_view bytes,
                   FileGate& gate = FileGate::System());

}  // namespace dashi
