#pragma once

#include <memory>

#include "dashi/status.h"
#include "sql/import_reader.h"

namespace dashi::sql {

/// Lets another thread read and decode the rows that are asked for next, so that decoding a file
/// and storing its rows take two cores. Rows, errors and their order are those of `reader`.
///
/// Errors:  kResourceExhausted when no thread can be started.
/// Threads: as ImportReader. Destroying it waits for the read that is under way.
/// Cost:    memory for four batches of 256 rows or 256 KiB, and for the row that goes beyond.
Result<std::unique_ptr<ImportReader>> ReadAhead(std::unique_ptr<ImportReader> reader);

}  // namespace dashi::sql
