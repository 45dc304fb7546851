#include "sql/import_lines.h"

#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "base/status.h"

namespace dashi::sql {
namespace {

constexpr std::size_t kReadBytes = std::size_t{256} << 10;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

Result<std::unique_ptr<ImportLines>> ImportLines::Open(const ImportSource& source,
                                                       std::size_t row_bytes_max) {
  DASHI_ASSIGN_OR_RETURN(std::unique_ptr<ImportStream> stream, ImportStream::Open(source));
  return std::unique_ptr<ImportLines>(new ImportLines(std::move(stream), source, row_bytes_max));
}

ImportLines::ImportLines(std::unique_ptr<ImportStream> stream, ImportSource source,
                         std::size_t row_bytes_max)
    : stream_(std::move(stream)),
      source_(std::move(source)),
      row_bytes_max_(row_bytes_max),
      buffer_(kReadBytes + kPaddingBytes) {}

Result<bool> ImportLines::Next(std::string_view* line) {
  while (failure_.ok()) {
    const char* start = buffer_.data() + scanned_;
    if (const void* found = std::memchr(start, '\n', end_ - scanned_); found != nullptr) {
      const auto end = static_cast<std::size_t>(static_cast<const char*>(found) - buffer_.data());
      if (TakeLine(end, end + 1, line)) {
        return true;
      }
    } else if (scanned_ = end_; at_end_) {
      if (begin_ == end_) {
        return false;
      }
      if (TakeLine(end_, end_, line)) {
        return true;
      }
    } else if (end_ - begin_ > row_bytes_max_) {
      failure_ = RowTooLong(line_ + 1);
    } else {
      failure_ = Fill();
    }
  }
  return failure_;
}

Status ImportLines::Fill() {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    scanned_ = end_;
  }
  if (buffer_.size() < end_ + kReadBytes + kPaddingBytes) {
    buffer_.resize(2 * end_ + kReadBytes + kPaddingBytes);
  }
  DASHI_ASSIGN_OR_RETURN(const std::size_t size, stream_->Read(buffer_.data() + end_, kReadBytes));
  end_ += size;
  at_end_ = size == 0;
  return Status::Ok();
}

bool ImportLines::TakeLine(std::size_t end, std::size_t next_begin, std::string_view* line) {
  *line = std::string_view(buffer_.data() + begin_, end - begin_);
  begin_ = next_begin;
  scanned_ = next_begin;
  ++line_;
  if (line_ == 1 && line->starts_with(kByteOrderMark)) {
    line->remove_prefix(kByteOrderMark.size());
  }
  if (line->size() > row_bytes_max_) {
    failure_ = RowTooLong(line_);
    return false;
  }
  return true;
}

Status ImportLines::RowTooLong(std::uint64_t line) const {
  return Status::ResourceExhausted(fmt::format("row too long: {}: more than {} bytes",
                                               source_.PlaceOf(line), row_bytes_max_))
      .WithSqlState("54000");
}

Status ImportLines::BadRow(std::uint64_t line, std::string_view sqlstate,
                           std::string_view reason) const {
  return Status::InvalidArgument(fmt::format("bad row: {}: {}", source_.PlaceOf(line), reason))
      .WithSqlState(sqlstate);
}

std::string_view WithoutCarriageReturn(std::string_view line) {
  return line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
}

}  // namespace dashi::sql
