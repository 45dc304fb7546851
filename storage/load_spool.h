#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/file.h"
#include "dashi/status.h"
#include "storage/change_codec.h"
#include "storage/entity.h"

namespace dashi::storage {

// A spool file holds the rows of one bulk load until they are applied: a header, then blocks, each
// with its size and xxh3-64. docs/FORMATS.md describes each byte.

/// One row to write: at a fresh ordinal, or over the row that is there. `row` is an encoded row.
struct SpooledRow {
  ChangeOperation operation = ChangeOperation::kInsert;
  Ordinal ordinal{};
  std::string_view row;
};
void AppendSpooledRow(std::string* block, const SpooledRow& row);
/// Takes a row from the front of *block. Returns false when it is malformed.
bool TakeSpooledRow(std::string_view* block, SpooledRow* row);

struct SpooledPair {
  Ordinal document{};
  Ordinal label{};
  float weight = 1.0F;
};
void AppendSpooledPair(std::string* block, const SpooledPair& pair);
bool TakeSpooledPair(std::string_view* block, SpooledPair* pair);

/// Writes a spool file.
///
/// Threads: one thread at a time.
class LoadSpoolWriter {
 public:
  /// Creates the file `path`.
  static Result<std::unique_ptr<LoadSpoolWriter>> Create(const std::string& path,
                                                         ChangedTable table, FileGate& gate);

  /// Appends a block and returns where it stands. After an error it may be tried again.
  Result<std::uint64_t> AppendBlock(std::string_view block);
  /// Reads back a block that this writer appended.
  Result<std::string> ReadBlock(std::uint64_t offset) const;
  /// Makes the file's bytes and its name durable.
  Status Sync();
  std::uint64_t size() const { return size_; }

 private:
  LoadSpoolWriter(std::unique_ptr<File> file, FileGate& gate);

  const std::unique_ptr<File> file_;
  FileGate& gate_;
  std::uint64_t size_ = 0;
  std::uint64_t written_back_ = 0;
};

/// Reads a spool file from its beginning.
///
/// Errors:  kCorruption (XX001) for any byte that is not as it was written.
/// Threads: one thread at a time.
class LoadSpoolReader {
 public:
  /// `size` is the file's size as recorded at the commit point.
  static Result<std::unique_ptr<LoadSpoolReader>> Open(const std::string& path, std::uint64_t size);

  ChangedTable table() const { return table_; }
  /// Reads the next block. Returns false at the end.
  Result<bool> Next(std::string* block);

 private:
  LoadSpoolReader(std::unique_ptr<File> file, std::uint64_t size);
  Status ReadHeader();

  const std::unique_ptr<File> file_;
  const std::uint64_t size_;
  std::uint64_t position_ = 0;
  ChangedTable table_ = ChangedTable::kDocuments;
};

}  // namespace dashi::storage
