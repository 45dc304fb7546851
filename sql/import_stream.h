#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "dashi/status.h"
#include "sql/import_source.h"

namespace dashi::sql {

/// The bytes of a source, decompressed when its first bytes say gzip or zstd. Several compressed
/// members after each other are one stream, as gzip and zstd themselves have it.
///
/// Errors:  Open: kNotFound (58P01), kIoError, kUnimplemented for bzip2, xz and zip. Read:
/// kIoError;
///          both: those of ImportSource::read; kCorruption (22P04) where compressed data is damaged
///          or ends too early.
/// Threads: one thread at a time.
/// Cost:    one chunk of the file and one decoder window (at most 128 MiB, usually far less).
class ImportStream {
 public:
  static Result<std::unique_ptr<ImportStream>> Open(const ImportSource& source);
  virtual ~ImportStream() = default;
  ImportStream(const ImportStream&) = delete;
  ImportStream& operator=(const ImportStream&) = delete;

  /// Reads between 1 and `size` bytes; 0 at the end.
  virtual Result<std::size_t> Read(char* out, std::size_t size) = 0;

  /// Return the position in, and the size of, the source as it is there; 0 for an unknown size.
  virtual std::uint64_t bytes_read() const = 0;
  virtual std::uint64_t bytes_total() const = 0;

 protected:
  ImportStream() = default;
};

}  // namespace dashi::sql
