#pragma once

#include <string>
#include <string_view>

#include "dashi/status.h"
#include "sql/shell/result_writer.h"

namespace dashi {

/// What follows `\copy`.
struct CopyCommand {
  std::string statement;        ///< the COPY ... FROM, or the query whose rows are written
  bool standard_input = false;  ///< FROM PSTDIN: the process's, wherever the command stands
  bool to_file = false;
  std::string path;                          ///< with to_file; "" is standard output
  OutputFormat format = OutputFormat::kTsv;  ///< with to_file
};

/// Whether a statement is a COPY ... FROM STDIN, by its words.
bool IsCopyFromInput(std::string_view statement);

/// Understands `TABLE [(columns)] FROM file|STDIN|PSTDIN [options]`, which becomes a COPY, and
/// `TABLE [(columns)] TO file [format]` or `(query) TO file [format]`. The file's name may stand
/// without quotes. Without a format the file's name tells it.
///
/// Errors: kInvalidArgument with what was expected.
Result<CopyCommand> ParseCopyCommand(std::string_view text);

}  // namespace dashi
