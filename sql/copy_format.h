#pragma once

#include <string>
#include <string_view>

#include "dashi/status.h"
#include "sql/ast.h"

namespace dashi::sql {

// What COPY FROM and COPY TO say alike of files.

/// Errors of the functions below: what is allowed, without a position.
Status BadOptionValue(const OptionNode& option, std::string_view allowed);

/// on, true, 1 or yes; off, false, 0 or no.
Status ReadSwitch(const OptionNode& option, bool* value);
/// One ASCII character, or a backslash and t, or tab.
Status ReadDelimiter(const OptionNode& option, char* delimiter);

/// The format that a file's name tells, whatever it is compressed with: "jsonl", "csv" or "tsv";
/// empty when it tells none.
std::string FormatOfPath(std::string_view path);

}  // namespace dashi::sql
