#include "sql/import_stream.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <span>
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
// So many first bytes tell a compression.
constexpr std::size_t kMagicBytes = 6;
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

/// A source read in chunks; `rest()` is what of the current chunk nobody has consumed.
class ChunkedBytes {
 public:
  explicit ChunkedBytes(ImportSource source) : source_(std::move(source)), chunk_(kChunkBytes) {}
  ~ChunkedBytes() {
    if (descriptor_ >= 0) {
      ::close(descriptor_);
    }
  }
  ChunkedBytes(const ChunkedBytes&) = delete;
  ChunkedBytes& operator=(const ChunkedBytes&) = delete;

  static Result<std::unique_ptr<ChunkedBytes>> Open(const ImportSource& source) {
    auto bytes = std::make_unique<ChunkedBytes>(source);
    if (source.read == nullptr) {
      DASHI_RETURN_IF_ERROR(bytes->OpenFile());
    }
    return bytes;
  }

  /// Reads the next chunk if the current one is used up; an empty rest() is the end.
  Status Fill() {
    if (!rest_.empty() || at_end_) {
      return Status::Ok();
    }
    return Read(0);
  }

  /// Reads the first chunk, enough of it to tell what it is.
  Status FillFirst() {
    DASHI_RETURN_IF_ERROR(Fill());
    while (!at_end_ && rest_.size() < kMagicBytes) {
      DASHI_RETURN_IF_ERROR(Read(rest_.size()));
    }
    return Status::Ok();
  }

  std::string_view rest() const { return rest_; }
  void Consume(std::size_t size) { rest_.remove_prefix(size); }
  const std::string& name() const { return source_.name; }
  std::uint64_t bytes_read() const { return bytes_filled_ - rest_.size(); }
  std::uint64_t bytes_total() const { return bytes_total_; }

 private:
  Status OpenFile() {
    descriptor_ = ::open(source_.name.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor_ < 0) {
      return OpenError(source_.name, errno);
    }
    struct stat info {};
    const bool known = ::fstat(descriptor_, &info) == 0;
    if (known && S_ISDIR(info.st_mode)) {
      return OpenError(source_.name, EISDIR);
    }
    bytes_total_ = known && S_ISREG(info.st_mode) ? static_cast<std::uint64_t>(info.st_size) : 0;
    return Status::Ok();
  }

  // Reads behind the first `used` bytes of the chunk, which rest_ has.
  Status Read(std::size_t used) {
    const std::span<char> room = std::span(chunk_).subspan(used);
    std::size_t size = 0;
    if (source_.read != nullptr) {
      DASHI_ASSIGN_OR_RETURN(size, source_.read(room));
    } else {
      DASHI_ASSIGN_OR_RETURN(size, ReadFile(room));
    }
    at_end_ = size == 0;
    rest_ = std::string_view(chunk_.data(), used + size);
    bytes_filled_ += size;
    return Status::Ok();
  }

  Result<std::size_t> ReadFile(std::span<char> room) {
    ssize_t size = 0;
    do {
      size = ::read(descriptor_, room.data(), room.size());
    } while (size < 0 && errno == EINTR);
    if (size < 0) {
      return Status::IoError(
          fmt::format("cannot read file: {}: {}", source_.name, std::strerror(errno)));
    }
    return static_cast<std::size_t>(size);
  }

  const ImportSource source_;
  int descriptor_ = -1;  // of a file
  std::uint64_t bytes_total_ = 0;
  std::vector<char> chunk_;
  std::string_view rest_;
  std::uint64_t bytes_filled_ = 0;
  bool at_end_ = false;
};

class ChunkedStream : public ImportStream {
 public:
  std::uint64_t bytes_read() const override { return bytes_->bytes_read(); }
  std::uint64_t bytes_total() const override { return bytes_->bytes_total(); }

 protected:
  explicit ChunkedStream(std::unique_ptr<ChunkedBytes> bytes) : bytes_(std::move(bytes)) {}
  ChunkedBytes& bytes() { return *bytes_; }

  Status Damaged(std::string_view kind, std::string_view why) const {
    return Status::Corruption(fmt::format("damaged {} file: {}, near byte {}: {}", kind,
                                          bytes_->name(), bytes_->bytes_read(), why))
        .WithSqlState(kBadFile);
  }
  Status Truncated(std::string_view kind) const {
    return Status::Corruption(fmt::format("truncated {} file: {} ends after {} bytes", kind,
                                          bytes_->name(), bytes_->bytes_read()))
        .WithSqlState(kBadFile);
  }

 private:
  std::unique_ptr<ChunkedBytes> bytes_;
};

class PlainStream final : public ChunkedStream {
 public:
  explicit PlainStream(std::unique_ptr<ChunkedBytes> bytes) : ChunkedStream(std::move(bytes)) {}

  Result<std::size_t> Read(char* out, std::size_t size) override {
    DASHI_RETURN_IF_ERROR(bytes().Fill());
    const std::size_t count = std::min(size, bytes().rest().size());
    std::copy_n(bytes().rest().data(), count, out);
    bytes().Consume(count);
    return count;
  }
};

class GzipStream final : public ChunkedStream {
 public:
  explicit GzipStream(std::unique_ptr<ChunkedBytes> bytes) : ChunkedStream(std::move(bytes)) {}
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
      DASHI_RETURN_IF_ERROR(bytes().Fill());
      const bool at_end = bytes().rest().empty();
      if (!within_member_ && at_end) {
        return std::size_t{0};
      }
      if (!within_member_) {
        // Zero bytes after a member are a tape's padding, which gzip(1) skips too.
        if (bytes().rest().front() == '\0') {
          bytes().Consume(1);
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
    const std::string_view rest = bytes().rest();
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(rest.data()));
    stream_.avail_in = static_cast<uInt>(rest.size());
    const int code = inflate(&stream_, Z_NO_FLUSH);
    bytes().Consume(rest.size() - stream_.avail_in);
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

class ZstdStream final : public ChunkedStream {
 public:
  explicit ZstdStream(std::unique_ptr<ChunkedBytes> bytes)
      : ChunkedStream(std::move(bytes)), stream_(ZSTD_createDStream()) {}
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
      DASHI_RETURN_IF_ERROR(bytes().Fill());
      const std::string_view rest = bytes().rest();
      if (rest.empty() && !within_frame_) {
        return std::size_t{0};
      }
      ZSTD_inBuffer input{rest.data(), rest.size(), 0};
      const std::size_t code = ZSTD_decompressStream(stream_, &output, &input);
      bytes().Consume(input.pos);
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
Result<std::unique_ptr<ImportStream>> StartDecoder(std::unique_ptr<ChunkedBytes> bytes) {
  auto stream = std::make_unique<Stream>(std::move(bytes));
  DASHI_RETURN_IF_ERROR(stream->Start());
  return std::unique_ptr<ImportStream>(std::move(stream));
}

}  // namespace

Result<std::unique_ptr<ImportStream>> ImportStream::Open(const ImportSource& source) {
  DASHI_ASSIGN_OR_RETURN(std::unique_ptr<ChunkedBytes> bytes, ChunkedBytes::Open(source));
  DASHI_RETURN_IF_ERROR(bytes->FillFirst());
  const std::string_view first_bytes = bytes->rest();
  if (first_bytes.starts_with("\x1F\x8B")) {
    return StartDecoder<GzipStream>(std::move(bytes));
  }
  if (IsZstd(first_bytes)) {
    return StartDecoder<ZstdStream>(std::move(bytes));
  }
  if (const std::string_view kind = UnsupportedCompression(first_bytes); !kind.empty()) {
    return Status::Unimplemented(
               fmt::format("files compressed with {} are not read: {}", kind, source.name))
        .WithHint("Use gzip, zstd or no compression.");
  }
  return std::unique_ptr<ImportStream>(std::make_unique<PlainStream>(std::move(bytes)));
}

}  // namespace dashi::sql
