#pragma once

#include <string>
#include <string_view>

#include "dashi/status.h"
#include "sql/ast.h"

namespace dashi::sql {

// What COPY FROM and COPY TO say alike of files.

/// Errors of the functions below: what is allowed, without a position.
Status BadOptionValue(const OptionNode& option, std::string_view allowed);

/// The error of a COPY FROM STDIN or TO STDOUT that was given no such stream. `direction` says
/// which one, `instead` what to write.
Status NoCopyStream(std::string_view direction, std::string_view instead);

/// The error of FORMAT binary for a file. `direction` says what there is instead.
Status NoBinaryFile(std::string_view direction);

/// on, true, 1 or yes; off, false, 0 or no.
Status ReadSwitch(const OptionNode& option, bool* value);
/// One ASCII character, or a backslash and t, or tab.
Status ReadDelimiter(const OptionNode& option, char* delimiter);

/// NULL: only what stands for a NULL in the format anyway, `\N` in tsv and nothing in csv.
///
/// Errors: kUnimplemented (0A000) for another text.
Status CheckNullOption(const OptionNode& option, std::string_view format);
/// The format that an option names: jsonl, csv, tsv, binary, or xc where `reads`. PostgreSQL's text
/// is tsv.
///
/// Errors: kUnimplemented (0A000) for one that there is elsewhere, kInvalidArgument for others.
Result<std::string> ReadFormatOption(const OptionNode& option, bool reads);

/// The format that a file's name tells, whatever it is compressed with: "jsonl", "csv" or "tsv";
/// empty when it tells none.
std::string FormatOfPath(std::string_view path);

}  // namespace dashi::sql
