#include "base/mapped_file.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "base/status.h"

namespace dashi {

Result<std::unique_ptr<MappedFile>> MappedFile::MapDescriptor(int descriptor,
                                                              const std::string& path,
                                                              std::uint64_t size, Access access) {
  DASHI_CHECK(size > 0);
  const int protection = PROT_READ | (access == Access::kReadWrite ? PROT_WRITE : 0);
  void* const data = ::mmap(nullptr, size, protection, MAP_SHARED, descriptor, /*offset=*/0);
  if (data == MAP_FAILED) {
    return IoErrorOf("cannot map into memory", path, errno);
  }
  return std::unique_ptr<MappedFile>(new MappedFile(data, size));
}

Result<std::unique_ptr<MappedFile>> MappedFile::Map(const std::string& path, std::uint64_t size,
                                                    Access access) {
  const int mode = access == Access::kReadWrite ? O_RDWR : O_RDONLY;
  const int descriptor = ::open(path.c_str(), mode | O_CLOEXEC);
  if (descriptor < 0) {
    return errno == ENOENT ? Status::NotFound("file missing: " + path)
                           : IoErrorOf("cannot open", path, errno);
  }
  auto mapped = MapDescriptor(descriptor, path, size, access);
  ::close(descriptor);
  return mapped;
}

Result<std::unique_ptr<MappedFile>> MappedFile::Map(const File& file, std::uint64_t size) {
  return MapDescriptor(file.descriptor(), file.path(), size, Access::kRead);
}

MappedFile::~MappedFile() { ::munmap(data_, size_); }

void MappedFile::WillNeed(std::uint64_t offset, std::uint64_t size) const {
  static const auto page_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::uint64_t end = std::min(size_, offset + size);
  const std::uint64_t begin = offset / page_bytes * page_bytes;
  if (begin < end) {
    ::madvise(static_cast<char*>(data_) + begin, end - begin, MADV_WILLNEED);
  }
}

void MappedFile::ReadAtRandom() const { ::madvise(data_, size_, MADV_RANDOM); }

}  // namespace dashi
