#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/status.h"
#include "sql/import_source.h"
#include "sql/import_stream.h"

namespace dashi::sql {

/// Cuts a stream at its line feeds. A UTF-8 byte order mark at the start is dropped.
///
/// Errors:  those of ImportStream; kResourceExhausted (54000) for a line above `row_bytes_max`.
///          After an error every further Next returns the same one.
/// Threads: one thread at a time.
class ImportLines {
 public:
  /// How many bytes after a line may be read (not used), as simdjson does.
  static constexpr std::size_t kPaddingBytes = 64;

  static Result<std::unique_ptr<ImportLines>> Open(const ImportSource& source,
                                                   std::size_t row_bytes_max);

  /// Reads the next line, without its line feed but with a carriage return before it; false at
  /// the end. The view holds until the next call.
  Result<bool> Next(std::string_view* line);

  /// Returns the error for a row above `row_bytes_max` that began at `line`.
  Status RowTooLong(std::uint64_t line) const;
  /// Returns the error for the row that began at `line`: file, line and `reason`.
  Status BadRow(std::uint64_t line, std::string_view sqlstate, std::string_view reason) const;

  /// Returns the number of the line last read, counted from 1.
  std::uint64_t line() const { return line_; }
  /// Returns the name of what is read.
  const std::string& path() const { return source_.name; }
  std::size_t row_bytes_max() const { return row_bytes_max_; }
  std::uint64_t bytes_read() const { return stream_->bytes_read(); }
  std::uint64_t bytes_total() const { return stream_->bytes_total(); }

 private:
  ImportLines(std::unique_ptr<ImportStream> stream, ImportSource source, std::size_t row_bytes_max);
  Status Fill();
  bool TakeLine(std::size_t end, std::size_t next_begin, std::string_view* line);

  std::unique_ptr<ImportStream> stream_;
  ImportSource source_;
  std::size_t row_bytes_max_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;    // of the next line
  std::size_t scanned_ = 0;  // no line feed in [begin_, scanned_)
  std::size_t end_ = 0;
  bool at_end_ = false;
  std::uint64_t line_ = 0;
  Status failure_;
};

/// Returns `line` without a carriage return at its end.
std::string_view WithoutCarriageReturn(std::string_view line);

}  // namespace dashi::sql
