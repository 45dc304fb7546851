#include "storage/load_spool.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include <fmt/format.h>
#include <xxhash.h>

#include "base/byte_codec.h"
#include "base/status.h"

namespace dashi::storage {

namespace {

constexpr std::string_view kMagic = "DASHISPL";
constexpr std::uint8_t kSpoolFormat = 1;
constexpr std::size_t kHeaderBytes = 8 + 1 + 1 + 8;  // magic, format, table, xxh3-64 of these
constexpr std::size_t kBlockHeaderBytes = 8 + 8;     // size, xxh3-64 of the block
// The kernel is asked to start writing after this many bytes, so that the sync at the end is short.
constexpr std::uint64_t kWriteBackBytes = std::uint64_t{8} << 20;

std::string EncodeHeader(ChangedTable table) {
  std::string header(kMagic);
  header.push_back(static_cast<char>(kSpoolFormat));
  header.push_back(static_cast<char>(table));
  AppendLittleEndian64(&header, XXH3_64bits(header.data(), header.size()));
  return header;
}

// Reads exactly `bytes->size()` bytes at `offset`. A short file is damage, not an I/O error.
Status ReadExactly(const File& file, std::uint64_t offset, std::string* bytes) {
  const std::size_t wanted = bytes->size();
  DASHI_RETURN_IF_ERROR(file.ReadAt(offset, bytes));
  return bytes->size() == wanted
             ? Status::Ok()
             : Status::Corruption(fmt::format("the spool file is cut short: {}", file.path()));
}

// Reads and verifies the block at `offset` of a file of `file_size` bytes.
Status ReadBlockAt(const File& file, std::uint64_t offset, std::uint64_t file_size,
                   std::string* block) {
  std::string header(kBlockHeaderBytes, '\0');
  DASHI_RETURN_IF_ERROR(ReadExactly(file, offset, &header));
  ByteReader reader(header);
  std::uint64_t size = 0;
  std::uint64_t hash = 0;
  if (!reader.ReadLittleEndian64(&size) || !reader.ReadLittleEndian64(&hash) ||
      size > file_size - std::min(file_size, offset + kBlockHeaderBytes)) {
    return Status::Corruption(
        fmt::format("the spool file is damaged: block at byte {}: {}", offset, file.path()));
  }
  block->resize(size);
  DASHI_RETURN_IF_ERROR(ReadExactly(file, offset + kBlockHeaderBytes, block));
  if (XXH3_64bits(block->data(), block->size()) != hash) {
    return Status::Corruption(fmt::format(
        "the spool file is damaged: checksum of the block at byte {}: {}", offset, file.path()));
  }
  return Status::Ok();
}

}  // namespace

void AppendSpooledRow(std::string* block, const SpooledRow& row) {
  block->push_back(static_cast<char>(row.operation));
  AppendLittleEndian32(block, ToInteger(row.ordinal));
  AppendLengthPrefixed(block, row.row);
}

bool TakeSpooledRow(std::string_view* block, SpooledRow* row) {
  ByteReader reader(*block);
  std::uint8_t operation = 0;
  std::uint32_t ordinal = 0;
  if (!reader.ReadByte(&operation) ||
      (operation != static_cast<std::uint8_t>(ChangeOperation::kInsert) &&
       operation != static_cast<std::uint8_t>(ChangeOperation::kUpdate)) ||
      !reader.ReadLittleEndian32(&ordinal) || !reader.ReadLengthPrefixed(&row->row)) {
    return false;
  }
  row->operation = static_cast<ChangeOperation>(operation);
  row->ordinal = Ordinal{ordinal};
  *block = reader.rest();
  return true;
}

void AppendSpooledPair(std::string* block, const SpooledPair& pair) {
  AppendLittleEndian32(block, ToInteger(pair.document));
  AppendLittleEndian32(block, ToInteger(pair.label));
  AppendFloat(block, pair.weight);
}

bool TakeSpooledPair(std::string_view* block, SpooledPair* pair) {
  ByteReader reader(*block);
  std::uint32_t document = 0;
  std::uint32_t label = 0;
  if (!reader.ReadLittleEndian32(&document) || !reader.ReadLittleEndian32(&label) ||
      !reader.ReadFloat(&pair->weight)) {
    return false;
  }
  pair->document = Ordinal{document};
  pair->label = Ordinal{label};
  *block = reader.rest();
  return true;
}

LoadSpoolWriter::LoadSpoolWriter(std::unique_ptr<File> file, FileGate& gate)
    : file_(std::move(file)), gate_(gate) {}

Result<std::unique_ptr<LoadSpoolWriter>> LoadSpoolWriter::Create(const std::string& path,
                                                                 ChangedTable table,
                                                                 FileGate& gate) {
  DASHI_ASSIGN_OR_RETURN(std::unique_ptr<File> file, File::Create(path, gate));
  std::unique_ptr<LoadSpoolWriter> writer(new LoadSpoolWriter(std::move(file), gate));
  DASHI_RETURN_IF_ERROR(writer->file_->WriteAt(0, EncodeHeader(table)));
  writer->size_ = kHeaderBytes;
  return writer;
}

Result<std::uint64_t> LoadSpoolWriter::AppendBlock(std::string_view block) {
  const std::uint64_t offset = size_;
  std::string header;
  AppendLittleEndian64(&header, block.size());
  AppendLittleEndian64(&header, XXH3_64bits(block.data(), block.size()));
  // The size grows once the block is whole: what a failed write leaves is written over, or cut off
  // by Sync.
  DASHI_RETURN_IF_ERROR(file_->WriteAt(offset, header));
  DASHI_RETURN_IF_ERROR(file_->WriteAt(offset + header.size(), block));
  size_ += header.size() + block.size();
  if (size_ - written_back_ >= kWriteBackBytes) {
    file_->WriteBack(written_back_, size_ - written_back_);
    written_back_ = size_;
  }
  return offset;
}

Result<std::string> LoadSpoolWriter::ReadBlock(std::uint64_t offset) const {
  std::string block;
  DASHI_RETURN_IF_ERROR(ReadBlockAt(*file_, offset, size_, &block));
  return block;
}

Status LoadSpoolWriter::Sync() {
  DASHI_RETURN_IF_ERROR(file_->Truncate(size_));
  DASHI_RETURN_IF_ERROR(file_->Sync());
  return SyncFolder(std::filesystem::path(file_->path()).parent_path().string(), gate_);
}

LoadSpoolReader::LoadSpoolReader(std::unique_ptr<File> file, std::uint64_t size)
    : file_(std::move(file)), size_(size) {}

Result<std::unique_ptr<LoadSpoolReader>> LoadSpoolReader::Open(const std::string& path,
                                                               std::uint64_t size) {
  Result<std::unique_ptr<File>> file = File::OpenForReading(path);
  if (file.status().code() == StatusCode::kNotFound) {
    return Status::Corruption(fmt::format("the spool file of a committed load is gone: {}", path));
  }
  DASHI_RETURN_IF_ERROR(file.status());
  std::unique_ptr<LoadSpoolReader> reader(new LoadSpoolReader(std::move(file).value(), size));
  DASHI_ASSIGN_OR_RETURN(const std::uint64_t found, reader->file_->Size());
  if (found != size) {
    return Status::Corruption(
        fmt::format("the spool file has the wrong size: got {}, want {}: {}", found, size, path));
  }
  DASHI_RETURN_IF_ERROR(reader->ReadHeader());
  return reader;
}

Status LoadSpoolReader::ReadHeader() {
  std::string header(kHeaderBytes, '\0');
  DASHI_RETURN_IF_ERROR(ReadExactly(*file_, 0, &header));
  const auto table = static_cast<std::uint8_t>(header[kMagic.size() + 1]);
  if (table < static_cast<std::uint8_t>(ChangedTable::kDocuments) ||
      table > static_cast<std::uint8_t>(ChangedTable::kRelevance) ||
      header != EncodeHeader(static_cast<ChangedTable>(table))) {
    return Status::Corruption(fmt::format("the spool file is damaged: header: {}", file_->path()));
  }
  table_ = static_cast<ChangedTable>(table);
  position_ = kHeaderBytes;
  return Status::Ok();
}

Result<bool> LoadSpoolReader::Next(std::string* block) {
  if (position_ == size_) {
    return false;
  }
  DASHI_RETURN_IF_ERROR(ReadBlockAt(*file_, position_, size_, block));
  position_ += kBlockHeaderBytes + block->size();
  return true;
}

}  // namespace dashi::storage
