#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/file.h"
#include "base/file_gate.h"
#include "base/mapped_file.h"
#include "dashi/status.h"

namespace dashi::trainer {

/// Where a training keeps its large arrays: in memory until a limit is reached, and then in files
/// of the database directory that are mapped. A file loses its name as soon as it is mapped, so
/// that nothing of it is left however the process ends; one that is still being written then is
/// removed by the next open, with all else in that folder.
///
/// Threads: all methods may be called at once.
class ScratchSpace {
 public:
  struct Options {
    std::string folder;  ///< must be there
    FileGate* gate = &FileGate::System();
    std::uint64_t memory_bytes_max = 0;
    /// Asked before bytes are added to files; may be empty.
    std::function<Status(std::uint64_t bytes)> check_room;
  };

  explicit ScratchSpace(Options options) : options_(std::move(options)) {}

  /// Takes bytes of the memory. False when there are not that many left.
  bool TakeMemory(std::uint64_t bytes);
  void GiveMemoryBack(std::uint64_t bytes) { memory_bytes_ -= bytes; }

  std::uint64_t memory_bytes() const { return memory_bytes_; }
  /// Written to files so far, those that are gone again too.
  std::uint64_t file_bytes_written() const { return file_bytes_; }

 private:
  friend class ScratchFile;

  const Options options_;
  std::atomic<std::uint64_t> memory_bytes_ = 0;
  std::atomic<std::uint64_t> file_bytes_ = 0;
};

/// Memory that was taken of a space, given back at the end.
///
/// Threads: one thread at a time.
class ScratchMemory {
 public:
  /// `space` must outlive this; null: there is memory without end.
  explicit ScratchMemory(ScratchSpace* space) : space_(space) {}
  ~ScratchMemory() { Release(); }
  ScratchMemory(ScratchMemory&& other) noexcept
      : space_(other.space_), bytes_(std::exchange(other.bytes_, 0)) {}
  ScratchMemory& operator=(ScratchMemory&& other) noexcept;
  ScratchMemory(const ScratchMemory&) = delete;
  ScratchMemory& operator=(const ScratchMemory&) = delete;

  /// Makes sure that this holds at least `bytes`. False when the space has no more.
  bool Reach(std::uint64_t bytes);
  void Release();

 private:
  ScratchSpace* space_;
  std::uint64_t bytes_ = 0;
};

/// A file of a space: written from front to end, then mapped.
///
/// Errors:  kResourceExhausted (53100) for a full disk, kIoError.
/// Threads: one thread at a time.
class ScratchFile {
 public:
  static Result<std::unique_ptr<ScratchFile>> Create(ScratchSpace& space);
  /// Removes the file unless it was mapped.
  ~ScratchFile();

  Status Append(std::string_view bytes);
  std::uint64_t size() const { return size_; }
  /// Maps all its bytes, of which there must be some, and removes its name. The last call.
  Result<std::unique_ptr<MappedFile>> Map(MappedFile::Access access);

 private:
  ScratchFile(ScratchSpace& space, std::unique_ptr<File> file)
      : space_(space), path_(file->path()), file_(std::move(file)) {}

  ScratchSpace& space_;
  const std::string path_;
  std::unique_ptr<File> file_;
  std::uint64_t size_ = 0;
  std::uint64_t room_checked_ = 0;  // size up to which there was room
};

}  // namespace dashi::trainer
