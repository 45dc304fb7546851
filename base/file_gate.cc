#include "base/file_gate.h"

#include <cerrno>
#include <sys/statvfs.h>

#include "base/file.h"

namespace dashi {

int FileGate::Pass(const FileChange& change, const std::function<int(std::size_t size)>& make) {
  return make(change.bytes.size());
}

Result<std::uint64_t> FileGate::FreeBytes(const std::string& path) {
  struct statvfs status {};
  if (::statvfs(path.c_str(), &status) != 0) {
    return IoErrorOf("cannot tell the free space", path, errno);
  }
  return std::uint64_t{status.f_bavail} * status.f_frsize;
}

FileGate& FileGate::System() {
  static FileGate* gate = new FileGate();
  return *gate;
}

}  // namespace dashi
