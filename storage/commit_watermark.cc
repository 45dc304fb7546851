#include "storage/commit_watermark.h"

#include <array>
#include <filesystem>
#include <string_view>
#include <utility>

#include <xxhash.h>

#include "base/byte_codec.h"
#include "base/failpoint.h"
#include "base/status.h"

namespace dashi::storage {

namespace {

constexpr std::string_view kMagic = "DASHIWMK";
constexpr std::uint32_t kFormat = 1;
constexpr std::size_t kSlotBytes = 64;
// Far enough apart that no torn sector or page holds both.
constexpr std::array<std::uint64_t, 2> kSlotOffsets = {0, 4096};
// The lists came later: programs from before them read and write the slots alone.
constexpr std::array<std::uint64_t, 2> kListOffsets = {8192, 8192 + kSyncedFilesBytesMax};
constexpr std::size_t kFileBytes = kListOffsets[1] + kSyncedFilesBytesMax;

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

std::optional<SyncedFiles> NewestList(std::string_view file) {
  std::optional<SyncedFiles> newest;
  std::uint64_t newest_turn = 0;
  for (const std::uint64_t offset : kListOffsets) {
    SyncedFiles files;
    std::uint64_t turn = 0;
    if (file.size() > offset &&
        DecodeSyncedFiles(file.substr(offset, kSyncedFilesBytesMax), &files, &turn) &&
        (!newest || turn > newest_turn)) {
      newest = std::move(files);
      newest_turn = turn;
    }
  }
  return newest;
}

Result<std::string> ReadStart(const File& file) {
  std::string bytes(kFileBytes, '\0');
  DASHI_RETURN_IF_ERROR(file.ReadAt(0, &bytes));
  return bytes;
}

// All its bytes are written here, so that later writes need no space on the disk.
Status CreateFile(const std::string& path, FileGate& gate) {
  const std::string temporary = path + ".new";
  {
    std::string bytes(kFileBytes, '\0');
    bytes.replace(kSlotOffsets[0], kSlotBytes, EncodeSlot({}));
    DASHI_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, File::Create(temporary, gate));
    DASHI_RETURN_IF_ERROR(file->WriteAt(0, bytes));
    DASHI_RETURN_IF_ERROR(file->Sync());
  }
  DASHI_RETURN_IF_ERROR(RenameFile(temporary, path, gate));
  return SyncFolder(std::filesystem::path(path).parent_path().string(), gate);
}

}  // namespace

Result<WatermarkHistory> ReadWatermarkFile(const std::string& path) {
  const Result<std::unique_ptr<File>> file = File::OpenForReading(path);
  if (file.status().code() == StatusCode::kNotFound) {
    return WatermarkHistory{};
  }
  DASHI_RETURN_IF_ERROR(file.status());
  const Result<std::string> bytes = ReadStart(*file.value());
  DASHI_RETURN_IF_ERROR(bytes.status());
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
  history.files = NewestList(bytes.value());
  return history;
}

WatermarkFile::WatermarkFile(std::unique_ptr<File> file) : file_(std::move(file)) {}

Result<std::unique_ptr<WatermarkFile>> WatermarkFile::Open(const std::string& path,
                                                           FileGate& gate) {
  DASHI_ASSIGN_OR_RETURN(const WatermarkHistory history, ReadWatermarkFile(path));
  if (!history.newest) {
    DASHI_RETURN_IF_ERROR(CreateFile(path, gate));
  }
  DASHI_ASSIGN_OR_RETURN(std::unique_ptr<File> file, File::OpenForWriting(path, gate));
  std::unique_ptr<WatermarkFile> opened(new WatermarkFile(std::move(file)));
  DASHI_ASSIGN_OR_RETURN(const std::string bytes, ReadStart(*opened->file_));
  if (bytes.size() < kFileBytes) {
    DASHI_RETURN_IF_ERROR(
        opened->file_->WriteAt(bytes.size(), std::string(kFileBytes - bytes.size(), '\0')));
    DASHI_RETURN_IF_ERROR(opened->file_->Sync());
  }
  const Slots slots = DecodeSlots(bytes);
  if (const std::optional<std::size_t> newest = NewestSlot(slots)) {
    opened->next_turn_ = slots[*newest]->turn + 1;
    opened->next_slot_ = 1 - *newest;
  }
  return opened;
}

Status WatermarkFile::Write(const Watermark& watermark, const SyncedFiles& files) {
  DASHI_RETURN_IF_ERROR(
      file_->WriteAt(kListOffsets[next_slot_], EncodeSyncedFiles(files, next_turn_)));
  DASHI_RETURN_IF_ERROR(
      file_->WriteAt(kSlotOffsets[next_slot_], EncodeSlot({next_turn_, watermark})));
  DASHI_FAILPOINT("watermark.written");
  DASHI_RETURN_IF_ERROR(file_->Sync());
  ++next_turn_;
  next_slot_ = 1 - next_slot_;
  return Status::Ok();
}

}  // namespace dashi::storage
