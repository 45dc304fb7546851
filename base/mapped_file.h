#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/file.h"
#include "dashi/status.h"

namespace dashi {

/// The first bytes of a file as memory. The kernel reads pages when they are touched, and may drop
/// them again (of a writable mapping: once it has put them down).
///
/// A read error under a touched page, or bytes that were cut off the file meanwhile, end the
/// process (SIGBUS). So does a full disk where the file has holes.
class MappedFile {
 public:
  enum class Access {
    kRead,
    kReadWrite,  ///< what is written goes to the file, at some time
  };

  /// Maps the first `size` bytes, which the file must have; size > 0. The mapping stays when the
  /// file's name goes.
  ///
  /// Errors: kNotFound, kIoError.
  static Result<std::unique_ptr<MappedFile>> Map(const std::string& path, std::uint64_t size,
                                                 Access access);
  /// Maps the first `size` bytes of an open file for reading, whatever has its name by now. The
  /// mapping stays when the file is closed.
  ///
  /// Errors: kIoError.
  static Result<std::unique_ptr<MappedFile>> Map(const File& file, std::uint64_t size);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  /// Shape: [size]. Bytes of a kRead mapping must not be written.
  void* data() const { return data_; }
  std::uint64_t size() const { return size_; }

  /// Says that a range will be read soon, so that the kernel may begin reading it. A hint.
  void WillNeed(std::uint64_t offset, std::uint64_t size) const;
  /// Says that pages will be touched in no order, so that the kernel reads none ahead. A hint.
  void ReadAtRandom() const;

 private:
  static Result<std::unique_ptr<MappedFile>> MapDescriptor(int descriptor, const std::string& path,
                                                           std::uint64_t size, Access access);
  MappedFile(void* data, std::uint64_t size) : data_(data), size_(size) {}

  void* const data_;
  const std::uint64_t size_;
};

}  // namespace dashi
