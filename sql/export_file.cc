#include "sql/export_file.h"

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <zstd_errors.h>

#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

#include "base/file.h"
#include "base/status.h"

namespace dashi::sql {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPendingBytes = std::size_t{1} << 20;
constexpr ::mode_t kExportMode = 0644;
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

std::string FolderOfExport(const std::string& path) {
  const std::string folder = fs::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

std::string PartPathOf(const std::string& path) {
  static std::atomic<std::uint64_t> num_files = 0;
  return fmt::format("{}.part-{}-{}", path, ::getpid(), ++num_files);
}

/// By which an open file without a name is found.
std::string PathOfDescriptor(int descriptor) { return fmt::format("/proc/self/fd/{}", descriptor); }

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

ExportFile::ExportFile(std::string path, std::unique_ptr<ByteCompressor> compressor)
    : path_(std::move(path)),
      folder_(FolderOfExport(path_)),
      part_path_(PartPathOf(path_)),
      compressor_(std::move(compressor)) {
  pending_.reserve(kPendingBytes);
}

ExportFile::~ExportFile() {
  if (descriptor_ >= 0) {
    ::close(descriptor_);
  }
  if (has_part_name_) {
    ::unlink(part_path_.c_str());
  }
}

Result<std::unique_ptr<ExportFile>> ExportFile::Create(const std::string& path) {
  std::error_code ignored;
  const fs::file_status status = fs::status(path, ignored);
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    return Status::InvalidArgument("not the name of a file: " + path).WithSqlState("42809");
  }
  DASHI_ASSIGN_OR_RETURN(std::unique_ptr<ByteCompressor> compressor, CompressorOf(path));
  std::unique_ptr<ExportFile> file(new ExportFile(path, std::move(compressor)));
  DASHI_RETURN_IF_ERROR(file->OpenBeside());
  return file;
}

// Without a name where the file system and /proc, by which it gets one, allow it.
Status ExportFile::OpenBeside() {
  descriptor_ = ::open(folder_.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, kExportMode);
  if (descriptor_ >= 0 && ::access(PathOfDescriptor(descriptor_).c_str(), F_OK) == 0) {
    return Status();
  }
  if (descriptor_ >= 0) {
    ::close(descriptor_);
  }
  descriptor_ = ::open(part_path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kExportMode);
  has_part_name_ = descriptor_ >= 0;
  return descriptor_ < 0 ? IoErrorOf("cannot create", path_, errno) : Status();
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
  DASHI_RETURN_IF_ERROR(Write(bytes));
  pending_.clear();
  return Status();
}

Status ExportFile::Write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t size = ::write(descriptor_, bytes.data(), bytes.size());
    if (size < 0 && errno != EINTR) {
      return OfItsDisk(IoErrorOf("cannot write", path_, errno));
    }
    bytes.remove_prefix(size < 0 ? 0 : static_cast<std::size_t>(size));
  }
  return Status();
}

// A link does not replace what has the name already, a rename does.
Status ExportFile::TakeName() {
  if (!has_part_name_) {
    const std::string unnamed = PathOfDescriptor(descriptor_);
    const auto link = [&](const std::string& name) {
      return ::linkat(AT_FDCWD, unnamed.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW);
    };
    if (link(path_) == 0) {
      return Status();
    }
    if (errno != EEXIST || link(part_path_) != 0) {
      return OfItsDisk(IoErrorOf("cannot name", path_, errno));
    }
    has_part_name_ = true;
  }
  DASHI_RETURN_IF_ERROR(RenameFile(part_path_, path_));
  has_part_name_ = false;
  return Status();
}

Status ExportFile::Finish() {
  DASHI_RETURN_IF_ERROR(Flush(/*last=*/true));
  if (::fsync(descriptor_) != 0) {
    return OfItsDisk(IoErrorOf("cannot sync", path_, errno));
  }
  DASHI_RETURN_IF_ERROR(TakeName());
  return SyncFolder(folder_);
}

}  // namespace dashi::sql
