#pragma once

#include <memory>

#include "sql/shell/result_writer.h"

namespace dashi {

/// Makes a writer of aligned tables, or of one line a value as options.expanded says:
///
///      rank | label   | score
///     ------+---------+-------
///         1 | registry | 0.91
///     (1 row)
///
/// NULL is shown as NULL. A line break inside a cell goes on in the next line of the table, marked
/// with "+".
std::unique_ptr<ResultWriter> MakeTableWriter(const WriterOptions& options, ByteSink& sink);

}  // namespace dashi
