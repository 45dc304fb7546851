#include "storage/log_reach.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>

#include "base/byte_codec.h"
#include "base/file.h"
#include "base/status.h"
#include "storage/synced_files.h"

namespace dashi::storage {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBlockBytes = 32768;
constexpr std::size_t kPieceBytes = 32 * kBlockBytes;
// Of a frame: the checksum, the length of what follows, and whether that is a whole record (1), the
// first part of one (2), a further one (3) or the last (4).
constexpr std::size_t kFrameBytes = 7;
constexpr std::size_t kLengthOffset = 4;
constexpr std::uint8_t kWhole = 1;
constexpr std::uint8_t kFirst = 2;
constexpr std::uint8_t kLast = 4;
constexpr std::size_t kNumberBytes = 8;

class RecordWalk {
 public:
  explicit RecordWalk(RecordKind kind) : kind_(kind) {}

  // Goes on through a block. Returns false where the walk ends.
  bool Enter(std::string_view block) {
    std::string_view rest = block;
    while (rest.size() >= kFrameBytes) {
      const std::optional<std::size_t> size = SizeOfFrame(rest);
      if (!size) {
        return false;
      }
      rest.remove_prefix(*size);
      reach_ = begin_ + (block.size() - rest.size());
    }
    // What is too short for a frame fills up a block, and nothing but a block.
    begin_ += block.size();
    reach_ = block.size() == kBlockBytes ? begin_ : reach_;
    return block.size() == kBlockBytes;
  }
  std::uint64_t reach() const { return reach_; }

 private:
  // The size of the frame at the beginning with what it holds; nullopt when it is none.
  std::optional<std::size_t> SizeOfFrame(std::string_view bytes) {
    ByteReader frame(bytes.substr(kLengthOffset));
    std::uint16_t length = 0;
    std::uint8_t type = 0;
    if (!frame.ReadLittleEndian16(&length) || !frame.ReadByte(&type) || type < kWhole ||
        type > kLast || kFrameBytes + length > bytes.size()) {
      return std::nullopt;
    }
    if (kind_ == RecordKind::kWrites && type <= kFirst && length >= kNumberBytes) {
      std::uint64_t number = 0;
      frame.ReadLittleEndian64(&number);
      if (number < last_number_) {  // A record that changes nothing takes no number.
        return std::nullopt;
      }
      last_number_ = number;
    }
    return kFrameBytes + length;
  }

  const RecordKind kind_;
  std::uint64_t begin_ = 0;  // of the block
  std::uint64_t reach_ = 0;
  std::uint64_t last_number_ = 0;
};

}  // namespace

Result<std::uint64_t> ReachOfRecords(const std::string& path, RecordKind kind) {
  DASHI_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, File::OpenForReading(path));
  RecordWalk walk(kind);
  std::string piece;
  for (std::uint64_t offset = 0;; offset += kPieceBytes) {
    piece.resize(kPieceBytes);
    DASHI_RETURN_IF_ERROR(file->ReadAt(offset, &piece));
    for (std::size_t at = 0; at < piece.size(); at += kBlockBytes) {
      if (!walk.Enter(std::string_view(piece).substr(at, kBlockBytes))) {
        return walk.reach();
      }
    }
    if (piece.size() < kPieceBytes) {
      return walk.reach();
    }
  }
}

Result<FoundLogs> FindLogs(const std::string& data_directory) {
  FoundLogs logs;
  std::error_code error;
  for (fs::directory_iterator it(data_directory, error), end; !error && it != end;
       it.increment(error)) {
    const std::optional<std::uint64_t> number = ParseLogName(it->path().filename().string());
    if (!number) {
      continue;
    }
    std::error_code size_error;
    const std::uintmax_t size = it->file_size(size_error);
    const Result<std::uint64_t> reach = ReachOfRecords(it->path().string(), RecordKind::kWrites);
    if (size_error == std::errc::no_such_file_or_directory ||
        reach.status().code() == StatusCode::kNotFound) {
      continue;  // Removed meanwhile.
    }
    DASHI_RETURN_IF_ERROR(reach.status());
    if (size_error) {
      return IoErrorOf("cannot look at a file", it->path().string(), size_error.value());
    }
    logs[*number] = {size, *reach};
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return IoErrorOf("cannot list a directory", data_directory, error.value());
  }
  return logs;
}

}  // namespace dashi::storage
