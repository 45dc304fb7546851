#include "storage/file_checksum.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>
#include <xxhash.h>

#include "base/status.h"
#include "storage/database_directory.h"

namespace dashi::storage {

namespace {

constexpr std::size_t kPieceBytes = std::size_t{1} << 20;

bool ParseHexNumber(std::string_view text, std::uint64_t* number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number, 16);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

std::string ToHex(const FileChecksum& checksum) {
  return fmt::format("{:016x}{:016x}", checksum.high, checksum.low);
}

bool ParseHex(std::string_view text, FileChecksum* checksum) {
  return text.size() == 32 && ParseHexNumber(text.substr(0, 16), &checksum->high) &&
         ParseHexNumber(text.substr(16), &checksum->low);
}

struct ChecksumStream::State {
  XXH3_state_t* hash = nullptr;
};

ChecksumStream::ChecksumStream() : state_(std::make_unique<State>()) {
  state_->hash = XXH3_createState();
  DASHI_CHECK(state_->hash != nullptr && XXH3_128bits_reset(state_->hash) == XXH_OK);
}

ChecksumStream::~ChecksumStream() { XXH3_freeState(state_->hash); }

void ChecksumStream::Update(std::string_view bytes) {
  DASHI_CHECK(XXH3_128bits_update(state_->hash, bytes.data(), bytes.size()) == XXH_OK);
}

FileChecksum ChecksumStream::Finish() const {
  const XXH128_hash_t hash = XXH3_128bits_digest(state_->hash);
  return {hash.low64, hash.high64};
}

Result<std::uint64_t> ReadInPieces(int file, const std::string& path, std::uint64_t size,
                                   const std::function<Status(std::string_view piece)>& visit) {
  std::vector<char> buffer(std::min<std::uint64_t>(kPieceBytes, size));
  std::uint64_t done = 0;
  while (done < size) {
    const std::size_t wanted = std::min<std::uint64_t>(buffer.size(), size - done);
    const ssize_t got = ::pread(file, buffer.data(), wanted, static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return IoErrorOf("cannot read a file", path, errno);
    }
    if (got == 0) {
      break;
    }
    DASHI_RETURN_IF_ERROR(visit({buffer.data(), static_cast<std::size_t>(got)}));
    done += static_cast<std::size_t>(got);
  }
  return done;
}

Result<int> OpenForReading(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0 && errno == ENOENT) {
    return Status::NotFound(fmt::format("no such file: {}", path));
  }
  if (file < 0) {
    return IoErrorOf("cannot open a file", path, errno);
  }
  return file;
}

}  // namespace dashi::storage
