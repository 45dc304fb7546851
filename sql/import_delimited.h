#pragma once

#include <memory>
#include <string>
#include <vector>

#include "dashi/status.h"
#include "sql/import_reader.h"
#include "sql/import_source.h"

namespace dashi::sql {

/// Opens the reader of FORMAT csv (RFC 4180).
///
/// A quote may stand only at the start of a field; line breaks within quotes are kept as they
/// are. Empty lines are skipped when there are several columns. With one column an empty line is
/// a NULL.
Result<std::unique_ptr<ImportReader>> OpenCsvReader(const ImportSource& source,
                                                    const ImportFormat& format,
                                                    const std::vector<std::string>& columns);

/// Opens the reader of FORMAT tsv: PostgreSQL's COPY text format. A backslash before one of
/// b, f, n, r, t and v, before up to three octal digits, before x and up to two hexadecimal ones,
/// and before any other byte (a tab or a line feed, for instance) begins an escape; a field that is
/// a backslash and N is NULL, a line that is a backslash and a point ends the data.
Result<std::unique_ptr<ImportReader>> OpenTsvReader(const ImportSource& source,
                                                    const ImportFormat& format,
                                                    const std::vector<std::string>& columns);

}  // namespace dashi::sql
