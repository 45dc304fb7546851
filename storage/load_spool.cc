#include "storage/load_spool.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>
#include <xxhash.h>

#include "base/byte_codec.h"
#include "base/status.h"
#include "storage/database_directory.h"

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

// Reads exactly `bytes.size()` bytes at `offset`. A short file is damage, not an I/O error.
Status ReadExactly(int file, const std::string& path, std::uint64_t offset, std::string* bytes) {
  std::size_t done = 0;
  while (done < bytes->size()) {
    const ssize_t got = ::pread(file, bytes->data() + done, bytes->size() - done,
                                static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return IoErrorOf("cannot read the spool file", path, errno);
    }
    if (got == 0) {
      return Status::Corruption(fmt::format("the spool file is cut short: {}", path));
    }
    done += static_cast<std::size_t>(got);
  }
  return Status::Ok();
}

// Reads and verifies the block at `offset` of a file of `file_size` bytes.
Status ReadBlockAt(int file, const std::string& path, std::uint64_t offset, std::uint64_t file_size,
                   std::string* block) {
  std::string header(kBlockHeaderBytes, '\0');
  DASHI_RETURN_IF_ERROR(ReadExactly(file, path, offset, &header));
  ByteReader reader(header);
  std::uint64_t size = 0;
  std::uint64_t hash = 0;
  if (!reader.ReadLittleEndian64(&size) || !reader.ReadLittleEndian64(&hash) ||
      size > file_size - std::min(file_size, offset + kBlockHeaderBytes)) {
    return Status::Corruption(
        fmt::format("the spool file is damaged: block at byte {}: {}", offset, path));
  }
  block->resize(size);
  DASHI_RETURN_IF_ERROR(ReadExactly(file, path, offset + kBlockHeaderBytes, block));
  if (XXH3_64bits(block->data(), block->size()) != hash) {
    return Status::Corruption(fmt::format(
        "the spool file is damaged: checksum of the block at byte {}: {}", offset, path));
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

LoadSpoolWriter::LoadSpoolWriter(std::string path, int file)
    : path_(std::move(path)), file_(file) {}

LoadSpoolWriter::~LoadSpoolWriter() { ::close(file_); }

Result<std::unique_ptr<LoadSpoolWriter>> LoadSpoolWriter::Create(const std::string& path,
                                                                 ChangedTable table) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) {
    return IoErrorOf("cannot create the spool file", path, errno);
  }
  std::unique_ptr<LoadSpoolWriter> writer(new LoadSpoolWriter(path, file));
  DASHI_RETURN_IF_ERROR(writer->Write(EncodeHeader(table), 0));
  writer->size_ = kHeaderBytes;
  return writer;
}

Status LoadSpoolWriter::Write(std::string_view bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t put = ::pwrite(file_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) {
      continue;
    }
    if (put < 0) {
      return IoErrorOf("cannot write the spool file", path_, errno);
    }
    bytes.remove_prefix(static_cast<std::size_t>(put));
    offset += static_cast<std::size_t>(put);
  }
  return Status::Ok();
}

Result<std::uint64_t> LoadSpoolWriter::AppendBlock(std::string_view block) {
  const std::uint64_t offset = size_;
  std::string header;
  AppendLittleEndian64(&header, block.size());
  AppendLittleEndian64(&header, XXH3_64bits(block.data(), block.size()));
  // The size grows once the block is whole: what a failed write leaves is written over, or cut off
  // by Sync.
  DASHI_RETURN_IF_ERROR(Write(header, offset));
  DASHI_RETURN_IF_ERROR(Write(block, offset + header.size()));
  size_ += header.size() + block.size();
  if (size_ - written_back_ >= kWriteBackBytes) {
    // A hint: what it cannot do, Sync does.
    ::sync_file_range(file_, static_cast<off_t>(written_back_),
                      static_cast<off_t>(size_ - written_back_), SYNC_FILE_RANGE_WRITE);
    written_back_ = size_;
  }
  return offset;
}

Result<std::string> LoadSpoolWriter::ReadBlock(std::uint64_t offset) const {
  std::string block;
  DASHI_RETURN_IF_ERROR(ReadBlockAt(file_, path_, offset, size_, &block));
  return block;
}

Status LoadSpoolWriter::Sync() {
  if (::ftruncate(file_, static_cast<off_t>(size_)) != 0 || ::fdatasync(file_) != 0) {
    return IoErrorOf("cannot sync the spool file", path_, errno);
  }
  return SyncFolder(std::filesystem::path(path_).parent_path().string());
}

LoadSpoolReader::LoadSpoolReader(std::string path, int file, std::uint64_t size)
    : path_(std::move(path)), file_(file), size_(size) {}

LoadSpoolReader::~LoadSpoolReader() { ::close(file_); }

Result<std::unique_ptr<LoadSpoolReader>> LoadSpoolReader::Open(const std::string& path,
                                                               std::uint64_t size) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0 && errno == ENOENT) {
    return Status::Corruption(fmt::format("the spool file of a committed load is gone: {}", path));
  }
  if (file < 0) {
    return IoErrorOf("cannot open the spool file", path, errno);
  }
  std::unique_ptr<LoadSpoolReader> reader(new LoadSpoolReader(path, file, size));
  struct stat status {};
  if (::fstat(file, &status) != 0) {
    return IoErrorOf("cannot read the spool file", path, errno);
  }
  if (static_cast<std::uint64_t>(status.st_size) != size) {
    return Status::Corruption(fmt::format("the spool file has the wrong size: got {}, want {}: {}",
                                          status.st_size, size, path));
  }
  DASHI_RETURN_IF_ERROR(reader->ReadHeader());
  return reader;
}

Status LoadSpoolReader::ReadHeader() {
  std::string header(kHeaderBytes, '\0');
  DASHI_RETURN_IF_ERROR(ReadExactly(file_, path_, 0, &header));
  const auto table = static_cast<std::uint8_t>(header[kMagic.size() + 1]);
  if (table < static_cast<std::uint8_t>(ChangedTable::kDocuments) ||
      table > static_cast<std::uint8_t>(ChangedTable::kRelevance) ||
      header != EncodeHeader(static_cast<ChangedTable>(table))) {
    return Status::Corruption(fmt::format("the spool file is damaged: header: {}", path_));
  }
  table_ = static_cast<ChangedTable>(table);
  position_ = kHeaderBytes;
  return Status::Ok();
}

Result<bool> LoadSpoolReader::Next(std::string* block) {
  if (position_ == size_) {
    return false;
  }
  DASHI_RETURN_IF_ERROR(ReadBlockAt(file_, path_, position_, size_, block));
  position_ += kBlockHeaderBytes + block->size();
  return true;
}

}  // namespace dashi::storage
