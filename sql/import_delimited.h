#pragma once

#include <memory>
#include <string>
#include <vector>

#include "dashi/status.h"
#include "sql/import_reader.h"

namespace dashi::sql {

/// Opens the reader of FORMAT csv (RFC 4180).
///
/// A quote may stand only at the start of a field; line breaks within quotes are kept as they
/// are. Empty lines are skipped when there are several columns. With one column an empty line is
/// a NULL.
Result<std::unique_ptr<ImportReader>> OpenCsvReader(const std::string& path,
                                                    const ImportFormat& format,
                                                    const std::vector<std::string>& columns);

/// Opens the reader of FORMAT tsv: PostgreSQL's COPY text format. `\b \f \n \r \t \v`, `\123`,
/// `\x41` and a backslash before any other byte (a tab or a line feed, for instance) are escapes,
/// a field `\N` is NULL, a line `\.` ends the data.
Result<std::unique_ptr<ImportReader>> OpenTsvReader(const std::string& path,
                                                    const ImportFormat& format,
                                                    const std::vector<std::string>& columns);

}  // namespace dashi::sql
