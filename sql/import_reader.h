#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dashi/status.h"
#include "dashi/value.h"
#include "sql/import_source.h"
#include "sql/row_reader.h"

namespace dashi::sql {

/// One column of a row that was read from a file.
struct ImportField {
  std::string name;
  Value value;
};

/// One row that was read from a file.
struct ImportRecord {
  /// The row's first line in the file, counted from 1.
  std::uint64_t line = 0;
  std::vector<ImportField> fields;
};

/// The options of `COPY ... FROM ... WITH (...)` that decide how a file's bytes become rows.
struct ImportFormat {
  /// "jsonl", "csv", "tsv", "xc" or "binary".
  std::string format = "jsonl";
  /// csv and tsv: the first line names the columns.
  bool header = false;
  /// csv and tsv: the byte between two fields; 0 means the format's own (',' or a tab).
  char delimiter = '\0';
  /// Rows longer than this are refused (54000): the bound on memory.
  std::size_t row_bytes_max = std::size_t{16} << 20;

  // The rest is read by xc only (sql/import_xc.h says what it does).

  /// The table that the file is read for: "documents", "labels" or "relevance".
  std::string table;
  /// documents: the `split` that every row gets. Empty: rows have no field `split`.
  std::string split;
  /// documents, labels: the text is the title alone, not the title, a space and the content.
  bool titles_only = false;
  /// relevance: the file whose line i is the label with number i.
  std::string labels_path;
  /// relevance: the file whose line i is the document of row i of a sparse matrix.
  std::string documents_path;
  /// Put before a document id that is a line number, so that train and test differ.
  std::string document_prefix;
};

/// Reads the rows of one file or stream of bytes, plain, gzip or zstd (told by its first bytes).
///
/// Formats:
///   jsonl  one JSON object per line; blank lines are skipped. Strings, numbers and null become
///          values, true and false become 1 and 0, arrays and objects become their JSON text.
///   csv    RFC 4180: quotes, doubled quotes, line breaks within quotes. An empty field without
///          quotes is NULL, one with quotes is ''.
///   tsv    PostgreSQL's COPY text format: tabs, `\N` for NULL, backslash escapes, `\.` ends.
///   binary rows of values, from a program.
///   xc     the files of the Extreme Classification Repository (sql/import_xc.h).
/// csv and tsv values are text (or NULL): the caller converts them to the column's type.
///
/// Errors:  kInvalidArgument from Next (22P02, 22P04, 22P05, 22003, 22021, 22030): this row is bad;
///          the message names file, line and reason, and Next may be called again for the row
///          after it. Any other code ends the reading: kIoError, kCorruption (a damaged or
///          truncated file), kResourceExhausted (54000, a row above `row_bytes_max`).
///          Open: kNotFound (58P01) for a missing file, kIoError, kUnimplemented for another
///          compression, kInvalidArgument for options that contradict each other.
/// Threads: one thread at a time.
/// Cost:    memory is bounded by `row_bytes_max`, not by the file.
class ImportReader : public RowReader<ImportRecord> {
 public:
  /// `columns` names the fields of csv and tsv rows, in order, when no header line does; a header
  /// wins. jsonl and xc rows name their own fields.
  static Result<std::unique_ptr<ImportReader>> Open(const std::string& path,
                                                    const ImportFormat& format,
                                                    const std::vector<std::string>& columns) {
    return Open(ImportSource::OfFile(path), format, columns);
  }
  /// xc reads files alone.
  static Result<std::unique_ptr<ImportReader>> Open(const ImportSource& source,
                                                    const ImportFormat& format,
                                                    const std::vector<std::string>& columns);
};

}  // namespace dashi::sql
