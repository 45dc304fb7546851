#include "server/copy_binary.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/byte_codec.h"
#include "base/status.h"
#include "server/parameter_decoder.h"
#include "server/value_encoder.h"
#include "server/vector_array.h"

namespace dashi {

namespace {

using std::string_view_literals::operator""sv;

constexpr std::string_view kSignature = "PGCOPY\n\377\r\n\0"sv;
constexpr std::uint32_t kCriticalFlags = 0xFFFF0000U;
constexpr std::size_t kReadBytes = std::size_t{64} << 10;
constexpr std::uint32_t kNullLength = 0xFFFFFFFFU;
constexpr std::int16_t kTrailer = -1;

Status BadFile(std::string message) {
  return Status::InvalidArgument(std::move(message)).WithSqlState("22P04");
}

std::uint32_t Int32Of(std::string_view bytes) {
  std::uint32_t value = 0;
  static_cast<void>(ByteReader(bytes).ReadBigEndian32(&value));
  return value;
}

// The type of which a value of so many bytes in a column is; nullopt for none.
std::optional<TypeOid> TypeOfBytes(TypeOid column, std::size_t num_bytes) {
  switch (column) {
    case TypeOid::kBool:
      return num_bytes == 1 ? std::optional(column) : std::nullopt;
    case TypeOid::kInt8:
      return num_bytes == 8   ? std::optional(TypeOid::kInt8)
             : num_bytes == 4 ? std::optional(TypeOid::kInt4)
             : num_bytes == 2 ? std::optional(TypeOid::kInt2)
                              : std::nullopt;
    case TypeOid::kFloat8:
      return num_bytes == 8   ? std::optional(TypeOid::kFloat8)
             : num_bytes == 4 ? std::optional(TypeOid::kFloat4)
                              : std::nullopt;
    case TypeOid::kTimestamptz:
      return num_bytes == 8 ? std::optional(column) : std::nullopt;
    default:
      return column;
  }
}

}  // namespace

BinaryRowReader::BinaryRowReader(std::vector<WireColumn> columns, ReadBytes read)
    : columns_(std::move(columns)), read_(std::move(read)) {}

Result<bool> BinaryRowReader::Next(Row* row) {
  if (done_) {
    return false;
  }
  if (!header_read_) {
    DASHI_RETURN_IF_ERROR(ReadHeader());
    header_read_ = true;
  }
  std::int16_t count = 0;
  DASHI_ASSIGN_OR_RETURN(const bool more, ReadCount(&count));
  if (!more || count == kTrailer) {
    done_ = true;
    DASHI_RETURN_IF_ERROR(ReadToEnd());
    return false;
  }
  ++num_rows_;
  if (count < 0 || static_cast<std::size_t>(count) != columns_.size()) {
    return BadRow("22P04",
                  fmt::format("row field count is {}, expected {}", count, columns_.size()));
  }
  row->clear();
  std::size_t row_bytes = 0;
  for (const WireColumn& column : columns_) {
    DASHI_ASSIGN_OR_RETURN(Value value, ReadValue(column, &row_bytes));
    row->push_back(std::move(value));
  }
  return true;
}

Status BinaryRowReader::ReadHeader() {
  DASHI_RETURN_IF_ERROR(Fill(kSignature.size()));
  if (!std::string_view(buffer_).substr(begin_).starts_with(kSignature)) {
    return BadFile("COPY file signature not recognized")
        .WithHint("FORMAT binary is PostgreSQL's; rows of text are the default.");
  }
  begin_ += kSignature.size();
  DASHI_ASSIGN_OR_RETURN(const std::string_view flags, Take(4));
  if ((Int32Of(flags) & kCriticalFlags) != 0) {
    return BadFile("unrecognized critical flags in COPY file header");
  }
  DASHI_ASSIGN_OR_RETURN(const std::string_view length, Take(4));
  const std::uint32_t extension = Int32Of(length);
  if (extension > kRowBytesMax) {
    return BadFile("invalid COPY file header (wrong length)");
  }
  return Take(extension).status();
}

Result<bool> BinaryRowReader::ReadCount(std::int16_t* count) {
  DASHI_RETURN_IF_ERROR(Fill(2));
  if (begin_ == buffer_.size()) {
    return false;
  }
  DASHI_ASSIGN_OR_RETURN(const std::string_view bytes, Take(2));
  std::uint16_t bits = 0;
  static_cast<void>(ByteReader(bytes).ReadBigEndian16(&bits));
  *count = static_cast<std::int16_t>(bits);
  return true;
}

Result<Value> BinaryRowReader::ReadValue(const WireColumn& column, std::size_t* row_bytes) {
  DASHI_ASSIGN_OR_RETURN(const std::string_view length_bytes, Take(4));
  const std::uint32_t length = Int32Of(length_bytes);
  if (length == kNullLength) {
    return Value::Null();
  }
  if (length > 0x7FFFFFFFU) {
    return BadRow("22P04", "invalid field size");
  }
  *row_bytes += length;
  if (*row_bytes > kRowBytesMax) {
    return BadRow("54000", fmt::format("the row is longer than {} bytes", kRowBytesMax));
  }
  DASHI_ASSIGN_OR_RETURN(const std::string_view bytes, Take(length));
  const std::optional<TypeOid> type = TypeOfBytes(column.type, length);
  if (!type) {
    return BadRow("22P03", fmt::format("column {}: incorrect binary data format", column.name));
  }
  if (*type == TypeOid::kFloat4Array) {  // Of a table's columns only vectors are such arrays.
    if (std::optional<std::string> vector = VectorOfArray(bytes)) {
      return Value::Bytes(*std::move(vector));
    }
  }
  Result<Value> value = DecodeParameter(*type, WireFormat::kBinary, bytes, num_rows_);
  return value.ok() ? std::move(value)
                    : Result<Value>(BadRow(
                          value.status().sqlstate(),
                          fmt::format("column {}: {}", column.name, value.status().message())));
}

Status BinaryRowReader::ReadToEnd() {
  DASHI_RETURN_IF_ERROR(Fill(1));
  return begin_ < buffer_.size() ? BadFile("received copy data after EOF marker") : Status();
}

Status BinaryRowReader::BadRow(std::string_view sqlstate, std::string_view reason) const {
  return Status::InvalidArgument(
             fmt::format("bad row: row {} of standard input: {}", num_rows_, reason))
      .WithSqlState(sqlstate);
}

Status BinaryRowReader::Fill(std::size_t num_bytes) {
  if (buffer_.size() - begin_ >= num_bytes || at_end_) {
    return Status();
  }
  buffer_.erase(0, begin_);
  begin_ = 0;
  while (buffer_.size() < num_bytes && !at_end_) {
    const std::size_t size = buffer_.size();
    // As the bytes come, whatever length the client claims.
    buffer_.resize(size + kReadBytes);
    const Result<std::size_t> read = read_(std::span(buffer_).subspan(size));
    buffer_.resize(size + (read.ok() ? *read : 0));
    DASHI_RETURN_IF_ERROR(read.status());
    at_end_ = *read == 0;
  }
  return Status();
}

Result<std::string_view> BinaryRowReader::Take(std::size_t num_bytes) {
  DASHI_RETURN_IF_ERROR(Fill(num_bytes));
  if (buffer_.size() - begin_ < num_bytes) {
    return BadFile("unexpected EOF in COPY data");
  }
  const std::string_view bytes = std::string_view(buffer_).substr(begin_, num_bytes);
  begin_ += num_bytes;
  return bytes;
}

void AppendBinaryCopyHeader(std::string* out) {
  *out += kSignature;
  AppendBigEndian32(out, 0);  // flags
  AppendBigEndian32(out, 0);  // length of the extension
}

Status AppendBinaryCopyRow(std::string* out, const Row& row, std::span<const WireColumn> columns) {
  AppendBigEndian16(out, static_cast<std::uint16_t>(row.size()));
  return AppendValues(out, row, columns);
}

void AppendBinaryCopyTrailer(std::string* out) {
  AppendBigEndian16(out, static_cast<std::uint16_t>(kTrailer));
}

}  // namespace dashi
