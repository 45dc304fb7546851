#pragma once

#include <memory>
#include <string>
#include <vector>

#include "dashi/status.h"
#include "sql/import_reader.h"
#include "sql/import_source.h"

namespace dashi::sql {

/// Opens the reader of FORMAT binary: rows whose values the program hands over as such, in the
/// order of `columns`. A row of another number of values is a bad one (22P04).
Result<std::unique_ptr<ImportReader>> OpenRowsReader(const ImportSource& source,
                                                     const std::vector<std::string>& columns);

}  // namespace dashi::sql
