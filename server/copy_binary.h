#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/result_set.h"
#include "dashi/status.h"
#include "server/wire_encoder.h"

namespace dashi {

// PostgreSQL's binary format of COPY: a signature, flags, an extension of the header; then rows,
// each the number of its values and, of each value, its length and its bytes in the binary format
// of its type; then a row of -1 values.

/// Reads rows out of bytes that come in pieces.
///
/// Errors:  22P04 for bytes that are no such rows, 22P03 for a value that its column cannot have,
///          22021, 22008 and 0A000 as DecodeParameter, with the number of the row and the column's
///          name; 54000 for a row of more than kRowBytesMax; those of `read`. Nothing can be read
///          behind an error.
/// Threads: one thread at a time.
class BinaryRowReader {
 public:
  using ReadBytes = std::function<Result<std::size_t>(std::span<char> bytes)>;
  static constexpr std::size_t kRowBytesMax = std::size_t{16} << 20;

  /// Integers may come in 2, 4 and 8 bytes, reals in 4 and 8, whatever their column has.
  BinaryRowReader(std::vector<WireColumn> columns, ReadBytes read);

  /// Returns false at the end, up to which everything is read.
  Result<bool> Next(Row* row);

 private:
  Status ReadHeader();
  Result<bool> ReadCount(std::int16_t* count);
  Result<Value> ReadValue(const WireColumn& column, std::size_t* row_bytes);
  Status ReadToEnd();
  Status BadRow(std::string_view sqlstate, std::string_view reason) const;
  /// Has so many bytes be there, or fewer at the end.
  Status Fill(std::size_t num_bytes);
  /// Takes bytes; 22P04 where there are too few.
  Result<std::string_view> Take(std::size_t num_bytes);

  const std::vector<WireColumn> columns_;
  const ReadBytes read_;
  std::string buffer_;
  std::size_t begin_ = 0;  // of what is not yet taken
  bool at_end_ = false;
  bool header_read_ = false;
  bool done_ = false;
  std::uint64_t num_rows_ = 0;
};

void AppendBinaryCopyHeader(std::string* out);
/// Errors: as AppendDataRow.
Status AppendBinaryCopyRow(std::string* out, const Row& row, std::span<const WireColumn> columns);
void AppendBinaryCopyTrailer(std::string* out);

}  // namespace dashi
