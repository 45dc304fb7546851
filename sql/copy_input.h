#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "dashi/copy_streams.h"
#include "dashi/status.h"
#include "sql/import_source.h"

namespace dashi::sql {

/// The bytes that COPY ... FROM STDIN reads, as a source of rows.
///
/// Errors:  what goes wrong in the application ends the reading with kAborted, whatever it is, so
///          that it is not taken for a row's; Explained tells what it was.
/// Threads: one thread at a time, which may change between two calls. The streams must outlive it.
class CopyInput {
 public:
  explicit CopyInput(const CopyStreams& streams) : streams_(streams) {}
  CopyInput(const CopyInput&) = delete;
  CopyInput& operator=(const CopyInput&) = delete;

  /// A source that reads from here: bytes, or rows of FORMAT binary.
  ImportSource Source(std::string_view format);
  /// Keeps what is read from now on, so that Rewind can give it again, once.
  void Keep() { keeps_ = true; }
  void Rewind();
  /// The application's error in the place of the one that reading has given for it; other errors,
  /// which came first then, as they are.
  Status Explained(const Status& status) const;

 private:
  Result<std::size_t> Read(std::span<char> bytes);
  Result<std::size_t> Ask(std::span<char> bytes);
  Result<bool> ReadRow(Row* row);

  const CopyStreams& streams_;
  bool keeps_ = false;
  std::string kept_;
  std::size_t given_ = 0;  // of kept_, again
  bool at_end_ = false;
  Status failure_;
};

}  // namespace dashi::sql
