#include "storage/commit_watermark.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <string_view>
#include <unistd.h>
#include <utility>

#include <xxhash.h>

#include "base/byte_codec.h"
#include "base/failpoint.h"
#include "base/status.h"
#include "storage/database_directory.h"

namespace dashi::storage {

namespace {

constexpr std::string_view kMagic = "DASHIWMK";
constexpr std::uint32_t kFormat = 1;
constexpr std::size_t kSlotBytes = 64;
// Far enough apart that no torn sector or page holds both.
constexpr std::array<std::uint64_t, 2> kSlotOffsets = {0, 4096};
constexpr std::size_t kFileBytes = kSlotOffsets[1] + kSlotBytes;

struct Slot {
  std::uint64_t turn = 0;
  Watermark watermark;
};

std::string EncodeSlot(const Slot& slot) {
  std::string bytes(kMagic);
  AppendLittleEndian32(&bytes, kFormat);
  AppendLittleEndian32(&bytes, 0);
  AppendLittleEndian64(&bytes, slot.turn);
  AppendLittleEndian64(&bytes, slot.watermark.commit_sequence);
  AppendLittleEndian64(&bytes, slot.watermark.engine_sequence);
  AppendLittleEndian64(&bytes, static_cast<std::uint64_t>(slot.watermark.at_micros));
  bytes.resize(kSlotBytes - sizeof(std::uint64_t), '\0');
  AppendLittleEndian64(&bytes, XXH3_64bits(bytes.data(), bytes.size()));
  return bytes;
}

std::optional<Slot> DecodeSlot(std::string_view file, std::uint64_t offset) {
  if (file.size() < offset + kSlotBytes) {
    return std::nullopt;
  }
  const std::string_view bytes = file.substr(offset, kSlotBytes);
  ByteReader sum_reader(bytes.substr(kSlotBytes - sizeof(std::uint64_t)));
  std::uint64_t sum = 0;
  ByteReader reader(bytes);
  std::string_view magic;
  std::uint32_t format = 0;
  std::uint32_t reserved = 0;
  std::uint64_t at_micros = 0;
  Slot slot;
  if (!sum_reader.ReadLittleEndian64(&sum) ||
      sum != XXH3_64bits(bytes.data(), bytes.size() - sizeof(std::uint64_t)) ||
      !reader.ReadBytes(kMagic.size(), &magic) || magic != kMagic ||
      !reader.ReadLittleEndian32(&format) || format != kFormat ||
      !reader.ReadLittleEndian32(&reserved) || !reader.ReadLittleEndian64(&slot.turn) ||
      !reader.ReadLittleEndian64(&slot.watermark.commit_sequence) ||
      !reader.ReadLittleEndian64(&slot.watermark.engine_sequence) ||
      !reader.ReadLittleEndian64(&at_micros)) {
    return std::nullopt;
  }
  slot.watermark.at_micros = static_cast<std::int64_t>(at_micros);
  return slot;
}

using Slots = std::array<std::optional<Slot>, kSlotOffsets.size()>;

Slots DecodeSlots(std::string_view file) {
  return {DecodeSlot(file, kSlotOffsets[0]), DecodeSlot(file, kSlotOffsets[1])};
}

// The slot that was written last, or nullopt when neither can be read.
std::optional<std::size_t> NewestSlot(const Slots& slots) {
  if (!slots[0] && !slots[1]) {
    return std::nullopt;
  }
  return slots[0] && (!slots[1] || slots[0]->turn > slots[1]->turn) ? 0 : 1;
}

Result<std::string> ReadStart(int file, const std::string& path) {
  std::string bytes(kFileBytes, '\0');
  std::size_t size = 0;
  while (size < bytes.size()) {
    const ssize_t got =
        ::pread(file, bytes.data() + size, bytes.size() - size, static_cast<off_t>(size));
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return IoErrorOf("cannot read the watermark file", path, errno);
    }
    if (got == 0) {
      break;
    }
    size += static_cast<std::size_t>(got);
  }
  bytes.resize(size);
  return bytes;
}

Status WriteExactly(int file, const std::string& path, std::string_view bytes,
                    std::uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written < 0) {
      return IoErrorOf("cannot write the watermark file", path, errno);
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
  return Status::Ok();
}

// All its bytes are written here, so that later writes need no space on the disk.
Status CreateFile(const std::string& path) {
  const std::string temporary = path + ".new";
  const int file = ::open(temporary.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) {
    return IoErrorOf("cannot create the watermark file", temporary, errno);
  }
  std::string bytes(kFileBytes, '\0');
  bytes.replace(kSlotOffsets[0], kSlotBytes, EncodeSlot({}));
  Status status = WriteExactly(file, temporary, bytes, 0);
  if (status.ok() && ::fsync(file) != 0) {
    status = IoErrorOf("cannot sync the watermark file", temporary, errno);
  }
  ::close(file);
  DASHI_RETURN_IF_ERROR(status);
  if (std::rename(temporary.c_str(), path.c_str()) != 0) {
    return IoErrorOf("cannot rename the watermark file", temporary, errno);
  }
  return SyncFolder(std::filesystem::path(path).parent_path().string());
}

}  // namespace

Result<WatermarkHistory> ReadWatermarkFile(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0 && errno == ENOENT) {
    return WatermarkHistory{};
  }
  if (file < 0) {
    return IoErrorOf("cannot open the watermark file", path, errno);
  }
  const Result<std::string> bytes = ReadStart(file, path);
  ::close(file);
  if (!bytes.ok()) {
    return bytes.status();
  }
  const Slots slots = DecodeSlots(bytes.value());
  const std::optional<std::size_t> newest = NewestSlot(slots);
  WatermarkHistory history;
  history.damaged = !newest;
  if (newest) {
    history.newest = slots[*newest]->watermark;
    if (const std::optional<Slot>& other = slots[1 - *newest]) {
      history.previous = other->watermark;
    }
  }
  return history;
}

WatermarkFile::WatermarkFile(std::string path, int file) : path_(std::move(path)), file_(file) {}

WatermarkFile::~WatermarkFile() { ::close(file_); }

Result<std::unique_ptr<WatermarkFile>> WatermarkFile::Open(const std::string& path) {
  DASHI_ASSIGN_OR_RETURN(const WatermarkHistory history, ReadWatermarkFile(path));
  if (!history.newest) {
    DASHI_RETURN_IF_ERROR(CreateFile(path));
  }
  const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (file < 0) {
    return IoErrorOf("cannot open the watermark file", path, errno);
  }
  std::unique_ptr<WatermarkFile> opened(new WatermarkFile(path, file));
  DASHI_ASSIGN_OR_RETURN(const std::string bytes, ReadStart(file, path));
  const Slots slots = DecodeSlots(bytes);
  if (const std::optional<std::size_t> newest = NewestSlot(slots)) {
    opened->next_turn_ = slots[*newest]->turn + 1;
    opened->next_slot_ = 1 - *newest;
  }
  return opened;
}

Status WatermarkFile::Write(const Watermark& watermark) {
  DASHI_RETURN_IF_ERROR(
      WriteExactly(file_, path_, EncodeSlot({next_turn_, watermark}), kSlotOffsets[next_slot_]));
  DASHI_FAILPOINT("watermark.written");
  if (::fdatasync(file_) != 0) {
    return IoErrorOf("cannot sync the watermark file", path_, errno);
  }
  ++next_turn_;
  next_slot_ = 1 - next_slot_;
  return Status::Ok();
}

}  // namespace dashi::storage
