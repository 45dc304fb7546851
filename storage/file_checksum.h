#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "dashi/status.h"

namespace dashi::storage {

/// The xxh3-128 of a file.
struct FileChecksum {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  friend bool operator==(const FileChecksum&, const FileChecksum&) = default;
};

/// 32 hexadecimal digits, the high half first.
std::string ToHex(const FileChecksum& checksum);
bool ParseHex(std::string_view text, FileChecksum* checksum);

/// Takes a checksum of bytes that come piece by piece.
///
/// Threads: one thread at a time.
class ChecksumStream {
 public:
  ChecksumStream();
  ~ChecksumStream();
  ChecksumStream(const ChecksumStream&) = delete;
  ChecksumStream& operator=(const ChecksumStream&) = delete;

  void Update(std::string_view bytes);
  FileChecksum Finish() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Reads the first `size` bytes of an open file in pieces of 1 MiB. Returns how many there were,
/// fewer when the file is shorter. `path` is for messages.
///
/// Errors: kIoError (58030); those of `visit`, which end the reading.
Result<std::uint64_t> ReadInPieces(int file, const std::string& path, std::uint64_t size,
                                   const std::function<Status(std::string_view piece)>& visit);

/// Opens a file for reading. Errors: kNotFound when there is none; kIoError.
Result<int> OpenForReading(const std::string& path);

}  // namespace dashi::storage
