#include "sql/export_file.h"

#include <atomic>
#include <filesystem>
#include <unistd.h>
#include <utility>
#include <zstd_errors.h>

#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

#include "base/status.h"

namespace dashi::sql {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPendingBytes = std::size_t{1} << 20;
constexpr std::size_t kChunkBytes = std::size_t{64} << 10;

Status NoMemory() {
  return Status::ResourceExhausted("out of memory for compressing a file").WithSqlState("53200");
}

/// The disk that is full need not be the database's.
Status OfItsDisk(Status status) {
  return status.sqlstate() == "53100"
             ? std::move(status).WithHint("Free space on the disk that COPY writes to.")
             : std::move(status);
}

class GzipCompressor final : public ByteCompressor {
 public:
  static Result<std::unique_ptr<ByteCompressor>> Make() {
    constexpr int kGzipWindow = 15 + 16;
    constexpr int kMemoryLevel = 8;
    auto made = std::make_unique<GzipCompressor>();
    if (deflateInit2(&made->stream_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindow, kMemoryLevel,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
      return NoMemory();
    }
    return std::unique_ptr<ByteCompressor>(std::move(made));
  }
  ~GzipCompressor() override { deflateEnd(&stream_); }

  Status Compress(std::string_view bytes, bool last, std::string* out) override {
    // zlib does not write to its input.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(bytes.size());
    int result = Z_OK;
    do {
      const std::size_t size = out->size();
      out->resize(size + kChunkBytes);
      stream_.next_out = reinterpret_cast<Bytef*>(out->data() + size);
      stream_.avail_out = kChunkBytes;
      result = deflate(&stream_, last ? Z_FINISH : Z_NO_FLUSH);
      out->resize(out->size() - stream_.avail_out);
      if (result == Z_STREAM_ERROR) {
        return Status::Internal("zlib refuses to compress");
      }
    } while (last ? result != Z_STREAM_END : stream_.avail_out == 0);
    return Status();
  }

 private:
  z_stream stream_{};
};

class ZstdCompressor final : public ByteCompressor {
 public:
  static Result<std::unique_ptr<ByteCompressor>> Make() {
    auto made = std::make_unique<ZstdCompressor>();
    if (made->context_ == nullptr) {
      return NoMemory();
    }
    return std::unique_ptr<ByteCompressor>(std::move(made));
  }

  Status Compress(std::string_view bytes, bool last, std::string* out) override {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    std::size_t left = 0;
    do {
      const std::size_t size = out->size();
      out->resize(size + kChunkBytes);
      ZSTD_outBuffer to{out->data() + size, kChunkBytes, 0};
      left = ZSTD_compressStream2(context_.get(), &to, &in, last ? ZSTD_e_end : ZSTD_e_continue);
      out->resize(size + to.pos);
      if (ZSTD_isError(left) != 0) {
        return ZSTD_getErrorCode(left) == ZSTD_error_memory_allocation
                   ? NoMemory()
                   : Status::Internal(std::string("zstd: ") + ZSTD_getErrorName(left));
      }
    } while (last ? left != 0 : in.pos < in.size);
    return Status();
  }

 private:
  struct Deleter {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  };
  std::unique_ptr<ZSTD_CCtx, Deleter> context_{ZSTD_createCCtx()};
};

Result<std::unique_ptr<ByteCompressor>> CompressorOf(const std::string& path) {
  if (path.ends_with(".gz")) {
    return GzipCompressor::Make();
  }
  if (path.ends_with(".zst")) {
    return ZstdCompressor::Make();
  }
  return std::unique_ptr<ByteCompressor>();
}

}  // namespace

ExportFile::ExportFile(std::string path, std::unique_ptr<File> file,
                       std::unique_ptr<ByteCompressor> compressor)
    : path_(std::move(path)), file_(std::move(file)), compressor_(std::move(compressor)) {
  pending_.reserve(kPendingBytes);
}

ExportFile::~ExportFile() {
  if (!finished_) {
    RemoveFile(file_->path()).IgnoreError("another error is told already");
  }
}

Result<std::unique_ptr<ExportFile>> ExportFile::Create(const std::string& path) {
  std::error_code ignored;
  const fs::file_status status = fs::status(path, ignored);
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    return Status::InvalidArgument("not the name of a file: " + path).WithSqlState("42809");
  }
  DASHI_ASSIGN_OR_RETURN(std::unique_ptr<ByteCompressor> compressor, CompressorOf(path));
  static std::atomic<std::uint64_t> num_files = 0;
  DASHI_ASSIGN_OR_RETURN(std::unique_ptr<File> file,
                         File::Create(fmt::format("{}.part-{}-{}", path, ::getpid(), ++num_files)));
  return std::unique_ptr<ExportFile>(new ExportFile(path, std::move(file), std::move(compressor)));
}

Status ExportFile::Append(std::string_view bytes) {
  pending_.append(bytes);
  return pending_.size() < kPendingBytes ? Status() : Flush(/*last=*/false);
}

Status ExportFile::Flush(bool last) {
  std::string_view bytes = pending_;
  if (compressor_ != nullptr) {
    compressed_.clear();
    DASHI_RETURN_IF_ERROR(compressor_->Compress(pending_, last, &compressed_));
    bytes = compressed_;
  }
  DASHI_RETURN_IF_ERROR(OfItsDisk(file_->WriteAt(written_, bytes)));
  written_ += bytes.size();
  pending_.clear();
  return Status();
}

Status ExportFile::Finish() {
  DASHI_RETURN_IF_ERROR(Flush(/*last=*/true));
  DASHI_RETURN_IF_ERROR(OfItsDisk(file_->Sync()));
  DASHI_RETURN_IF_ERROR(RenameFile(file_->path(), path_));
  finished_ = true;
  const std::string folder = fs::path(path_).parent_path().string();
  return SyncFolder(folder.empty() ? "." : folder);
}

}  // namespace dashi::sql
