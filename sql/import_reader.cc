#include "sql/import_reader.h"

#include <fmt/format.h>

#include "sql/import_delimited.h"
#include "sql/import_json_lines.h"
#include "sql/import_rows.h"
#include "sql/import_xc.h"

namespace dashi::sql {

Result<std::unique_ptr<ImportReader>> ImportReader::Open(const ImportSource& source,
                                                         const ImportFormat& format,
                                                         const std::vector<std::string>& columns) {
  if (format.format == "jsonl") {
    return OpenJsonLinesReader(source, format);
  }
  if (format.format == "csv") {
    return OpenCsvReader(source, format, columns);
  }
  if (format.format == "tsv") {
    return OpenTsvReader(source, format, columns);
  }
  if (format.format == "binary" && source.read_row != nullptr) {
    return OpenRowsReader(source, columns);
  }
  if (format.format == "xc" && source.read == nullptr) {
    return OpenXcReader(source.name, format);
  }
  return Status::InvalidArgument(
      fmt::format("unknown format: got '{}', want jsonl, csv, tsv or xc", format.format));
}

}  // namespace dashi::sql
