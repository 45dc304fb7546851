#include "sql/import_stream.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

#include "base/status.h"

namespace dashi::sql {
namespace {

constexpr std::size_t kChunkBytes = std::size_t{256} << 10;
constexpr std::string_view kBadFile = "22P04";

Status OpenError(const std::string& path, int error) {
  std::string message = fmt::format("cannot open file: {}: {}", path, std::strerror(error));
  if (error == ENOENT || error == ENOTDIR) {
    return Status::NotFound(std::move(message)).WithSqlState("58P01");
  }
  if (error == EACCES || error == EPERM) {
    return Status::IoError(std::move(message)).WithSqlState("42501");
  }
  return Status::IoError(std::move(message));
}

/// A file read in chunks; `rest()` is what of the current chunk nobody has consumed.
class ChunkedFile {
 public:
  ChunkedFile(int descriptor, std::uint64_t bytes_total, std::string path)
      : descriptor_(descriptor),
        bytes_total_(bytes_total),
        path_(std::move(path)),
        chunk_(kChunkBytes) {}
  ~ChunkedFile() { ::close(descriptor_); }
  ChunkedFile(const ChunkedFile&) = delete;
  ChunkedFile& operator=(const ChunkedFile&) = delete;

  static Result<std::unique_ptr<ChunkedFile>> Open(const std::string& path) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
      return OpenError(path, errno);
    }
    struct stat info {};
    const int failed = ::fstat(descriptor, &info);
    const std::uint64_t size =
        failed == 0 && S_ISREG(info.st_mode) ? static_cast<std::uint64_t>(info.st_size) : 0;
    auto file = std::make_unique<ChunkedFile>(descriptor, size, path);
    if (failed == 0 && S_ISDIR(info.st_mode)) {
      return OpenError(path, EISDIR);
    }
    return file;
  }

  /// Reads the next chunk if the current one is used up; an empty rest() is the end of the file.
  Status Fill() {
    if (!rest_.empty()) {
      return Status::Ok();
    }
    ssize_t size = 0;
    do {
      size = ::read(descriptor_, chunk_.data(), chunk_.size());
    } while (size < 0 && errno == EINTR);
    if (size < 0) {
      return Status::IoError(fmt::format("cannot read file: {}: {}", path_, std::strerror(errno)));
    }
    rest_ = std::string_view(chunk_.data(), static_cast<std::size_t>(size));
    bytes_filled_ += rest_.size();
    return Status::Ok();
  }

  std::string_view rest() const { return rest_; }
  void Consume(std::size_t size) { rest_.remove_prefix(size); }
  const std::string& path() const { return path_; }
  std::uint64_t bytes_read() const { return bytes_filled_ - rest_.size(); }
  std::uint64_t bytes_total() const { return bytes_total_; }

 private:
  int descriptor_;
  std::uint64_t bytes_total_;
  std::string path_;
  std::vector<char> chunk_;
  std::string_view rest_;
  std::uint64_t bytes_filled_ = 0;
};

class FileBackedStream : public ImportStream {
 public:
  std::uint64_t bytes_read() const override { return file_->bytes_read(); }
  std::uint64_t bytes_total() const override { return file_->bytes_total(); }

 protected:
  explicit FileBackedStream(std::unique_ptr<ChunkedFile> file) : file_(std::move(file)) {}
  ChunkedFile& file() { return *file_; }

  Status Damaged(std::string_view kind, std::string_view why) const {
    return Status::Corruption(fmt::format("damaged {} file: {}, near byte {}: {}", kind,
                                          file_->path(), file_->bytes_read(), why))
        .WithSqlState(kBadFile);
  }
  Status Truncated(std::string_view kind) const {
    return Status::Corruption(fmt::format("truncated {} file: {} ends after {} bytes", kind,
                                          file_->path(), file_->bytes_read()))
        .WithSqlState(kBadFile);
  }

 private:
  std::unique_ptr<ChunkedFile> file_;
};

class PlainStream final : public FileBackedStream {
 public:
  explicit PlainStream(std::unique_ptr<ChunkedFile> file) : FileBackedStream(std::move(file)) {}

  Result<std::size_t> Read(char* out, std::size_t size) override {
    DASHI_RETURN_IF_ERROR(file().Fill());
    const std::size_t count = std::min(size, file().rest().size());
    std::copy_n(file().rest().data(), count, out);
    file().Consume(count);
    return count;
  }
};

class GzipStream final : public FileBackedStream {
 public:
  explicit GzipStream(std::unique_ptr<ChunkedFile> file) : FileBackedStream(std::move(file)) {}
  ~GzipStream() override { inflateEnd(&stream_); }

  Status Start() {
    constexpr int kGzipWindow = 16 + MAX_WBITS;
    if (inflateInit2(&stream_, kGzipWindow) != Z_OK) {
      return Status::ResourceExhausted("no memory for the gzip decoder");
    }
    return Status::Ok();
  }

  Result<std::size_t> Read(char* out, std::size_t size) override {
    stream_.next_out = reinterpret_cast<Bytef*>(out);
    stream_.avail_out = static_cast<uInt>(std::min(size, kChunkBytes));
    const std::size_t wanted = stream_.avail_out;
    while (stream_.avail_out == wanted) {
      DASHI_RETURN_IF_ERROR(file().Fill());
      const bool at_end = file().rest().empty();
      if (!within_member_ && at_end) {
        return std::size_t{0};
      }
      if (!within_member_) {
        // Zero bytes after a member are a tape's padding, which gzip(1) skips too.
        if (file().rest().front() == '\0') {
          file().Consume(1);
          continue;
        }
        inflateReset(&stream_);
        within_member_ = true;
      }
      // At the end too: the decoder may hold output for which the last call had no room.
      DASHI_RETURN_IF_ERROR(Inflate());
      if (at_end && within_member_ && stream_.avail_out == wanted) {
        return Truncated("gzip");
      }
    }
    return wanted - stream_.avail_out;
  }

 private:
  Status Inflate() {
    const std::string_view rest = file().rest();
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(rest.data()));
    stream_.avail_in = static_cast<uInt>(rest.size());
    const int code = inflate(&stream_, Z_NO_FLUSH);
    file().Consume(rest.size() - stream_.avail_in);
    if (code == Z_STREAM_END) {
      within_member_ = false;
      return Status::Ok();
    }
    if (code != Z_OK && code != Z_BUF_ERROR) {
      return Damaged("gzip", stream_.msg != nullptr ? stream_.msg : "the data makes no sense");
    }
    return Status::Ok();
  }

  z_stream stream_{};
  bool within_member_ = true;
};

class ZstdStream final : public FileBackedStream {
 public:
  explicit ZstdStream(std::unique_ptr<ChunkedFile> file)
      : FileBackedStream(std::move(file)), stream_(ZSTD_createDStream()) {}
  ~ZstdStream() override { ZSTD_freeDStream(stream_); }

  Status Start() {
    if (stream_ == nullptr) {
      return Status::ResourceExhausted("no memory for the zstd decoder");
    }
    return Status::Ok();
  }

  Result<std::size_t> Read(char* out, std::size_t size) override {
    ZSTD_outBuffer output{out, size, 0};
    while (output.pos == 0) {
      DASHI_RETURN_IF_ERROR(file().Fill());
      const std::string_view rest = file().rest();
      if (rest.empty() && !within_frame_) {
        return std::size_t{0};
      }
      ZSTD_inBuffer input{rest.data(), rest.size(), 0};
      const std::size_t code = ZSTD_decompressStream(stream_, &output, &input);
      file().Consume(input.pos);
      if (ZSTD_isError(code) != 0) {
        return Damaged("zstd", ZSTD_getErrorName(code));
      }
      within_frame_ = code != 0;
      if (rest.empty() && output.pos == 0 && within_frame_) {
        return Truncated("zstd");
      }
    }
    return output.pos;
  }

 private:
  ZSTD_DStream* stream_;
  bool within_frame_ = true;
};

bool IsZstd(std::string_view bytes) {
  if (bytes.size() < 4) {
    return false;
  }
  const bool skippable = (static_cast<unsigned char>(bytes[0]) & 0xF0U) == 0x50U &&
                         bytes.substr(1, 3) == "\x2A\x4D\x18";
  return bytes.starts_with("\x28\xB5\x2F\xFD") || skippable;
}

std::string_view UnsupportedCompression(std::string_view bytes) {
  using std::string_view_literals::operator""sv;
  if (bytes.starts_with("\xFD"
                        "7zXZ\0"sv)) {
    return "xz";
  }
  if (bytes.starts_with("BZh")) {
    return "bzip2";
  }
  return bytes.starts_with("PK\x03\x04") ? "zip" : "";
}

template <typename Stream>
Result<std::unique_ptr<ImportStream>> StartDecoder(std::unique_ptr<ChunkedFile> file) {
  auto stream = std::make_unique<Stream>(std::move(file));
  DASHI_RETURN_IF_ERROR(stream->Start());
  return std::unique_ptr<ImportStream>(std::move(stream));
}

}  // namespace

Result<std::unique_ptr<ImportStream>> ImportStream::Open(const std::string& path) {
  DASHI_ASSIGN_OR_RETURN(std::unique_ptr<ChunkedFile> file, ChunkedFile::Open(path));
  DASHI_RETURN_IF_ERROR(file->Fill());
  const std::string_view first_bytes = file->rest();
  if (first_bytes.starts_with("\x1F\x8B")) {
    return StartDecoder<GzipStream>(std::move(file));
  }
  if (IsZstd(first_bytes)) {
    return StartDecoder<ZstdStream>(std::move(file));
  }
  if (const std::string_view kind = UnsupportedCompression(first_bytes); !kind.empty()) {
    return Status::Unimplemented(
               fmt::format("files compressed with {} are not read: {}", kind, path))
        .WithHint("Use gzip, zstd or no compression.");
  }
  return std::unique_ptr<ImportStream>(std::make_unique<PlainStream>(std::move(file)));
}

}  // namespace dashi::sql
