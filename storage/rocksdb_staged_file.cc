#include "storage/rocksdb_staged_file.h"

#include <utility>

#include <fmt/format.h>
#include <rocksdb/env.h>
#include <rocksdb/file_checksum.h>

#include "base/byte_codec.h"
#include "base/file.h"
#include "base/logging.h"
#include "base/status.h"
#include "storage/rocksdb_status.h"

namespace dashi::storage {

namespace {

constexpr std::uint64_t kFileBytesMax = std::uint64_t{64} << 20;
constexpr std::size_t kPieceBytes = std::size_t{1} << 20;
constexpr std::string_view kDoing = "writing a load's files";

bool ParseCrc32c(std::string_view recorded, std::uint32_t* crc32c) {
  ByteReader reader(recorded);
  return reader.ReadBigEndian32(crc32c) && reader.empty();
}

Status CheckStagedFile(const std::string& path, const StagedFile& file) {
  const Result<std::unique_ptr<File>> opened = File::OpenForReading(path);
  if (opened.status().code() == StatusCode::kNotFound) {
    return Status::Corruption(fmt::format("a file of a committed load is gone: {}", path));
  }
  DASHI_RETURN_IF_ERROR(opened.status());
  const std::unique_ptr<rocksdb::FileChecksumGenerator> generator =
      rocksdb::GetFileChecksumGenCrc32cFactory()->CreateFileChecksumGenerator({});
  std::uint64_t bytes = 0;
  for (std::string piece(kPieceBytes, '\0'); !piece.empty(); bytes += piece.size()) {
    piece.resize(kPieceBytes);
    DASHI_RETURN_IF_ERROR((*opened)->ReadAt(bytes, &piece));
    generator->Update(piece.data(), piece.size());
  }
  generator->Finalize();
  std::uint32_t crc32c = 0;
  if (bytes != file.bytes || !ParseCrc32c(generator->GetChecksum(), &crc32c) ||
      crc32c != file.crc32c) {
    return Status::Corruption(fmt::format("a file of a committed load is damaged: {}", path));
  }
  return Status::Ok();
}

}  // namespace

StagedFileWriter::StagedFileWriter(RocksdbStoreState* state, Family family, std::string prefix)
    : state_(state),
      prefix_(std::move(prefix)),
      options_(state->engine->FamilyFileOptions(family)) {}

Status StagedFileWriter::StartFile() {
  files_.push_back({fmt::format("{}-{}.sst", prefix_, files_.size() + 1)});
  writer_ = std::make_unique<rocksdb::SstFileWriter>(rocksdb::EnvOptions(options_), options_,
                                                     /*column_family=*/nullptr,
                                                     /*invalidate_page_cache=*/false);
  return FromRocksdb(writer_->Open(state_->paths.tmp + "/" + files_.back().name), kDoing);
}

Status StagedFileWriter::Write(std::string_view key, std::string_view value, bool is_operand) {
  if (writer_ != nullptr && (key <= last_key_ || writer_->FileSize() >= kFileBytesMax)) {
    DASHI_RETURN_IF_ERROR(Finish());
  }
  if (writer_ == nullptr) {
    DASHI_RETURN_IF_ERROR(StartFile());
  }
  last_key_ = key;
  const rocksdb::Status written = is_operand ? writer_->Merge(ToSlice(key), ToSlice(value))
                                             : writer_->Put(ToSlice(key), ToSlice(value));
  return written.ok() ? Status::Ok() : FromRocksdb(written, kDoing);
}

Status StagedFileWriter::Finish() {
  if (writer_ == nullptr) {
    return Status::Ok();
  }
  rocksdb::ExternalSstFileInfo info;
  const rocksdb::Status finished = writer_->Finish(&info);
  writer_.reset();
  DASHI_RETURN_IF_ERROR(FromRocksdb(finished, kDoing));
  files_.back().bytes = info.file_size;
  if (!ParseCrc32c(info.file_checksum, &files_.back().crc32c)) {
    return Status::Corruption("a load's file has no CRC-32C: " + files_.back().name);
  }
  return Status::Ok();
}

void StagedFileWriter::Remove() {
  writer_.reset();
  for (const StagedFile& file : files_) {
    const Status removed = RemoveFile(state_->paths.tmp + "/" + file.name, state_->disk);
    if (!removed.ok() && removed.code() != StatusCode::kNotFound) {
      LogWarning("cannot remove a load's file: {}", removed.message());
    }
  }
  files_.clear();
}

Status CheckStagedFiles(const std::string& tmp, const std::vector<StagedFile>& files) {
  for (const StagedFile& file : files) {
    DASHI_RETURN_IF_ERROR(CheckStagedFile(tmp + "/" + file.name, file));
  }
  return Status::Ok();
}

}  // namespace dashi::storage
