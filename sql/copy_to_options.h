#pragma once

#include <string>

#include "dashi/result_set.h"
#include "dashi/status.h"
#include "sql/ast.h"
#include "sql/parser.h"
#include "sql/user_schemas.h"

namespace dashi::sql {

/// How COPY TO writes rows.
struct ExportFormat {
  std::string format;  ///< "jsonl", "csv", "tsv" or "binary"
  bool header = false;
  char delimiter = '\0';  ///< csv and tsv

  /// Appends the line of the columns' names, where there is one.
  void AppendHeader(const std::vector<Column>& columns, std::string* out) const;
  /// Appends a row as COPY FROM reads it; not for binary.
  void AppendRow(const std::vector<Column>& columns, const Row& row, std::string* out) const;
};

/// Errors: kInvalidArgument (22023) for an option or its value, with its position; kUnimplemented
///         (0A000) for FORMAT xc.
Result<ExportFormat> ReadExportFormat(const ParsedStatement& statement,
                                      const CopyToStatement& copy);

/// The query whose rows are written: the statement's own, or one over a table's columns; those that
/// COPY FROM could load when none are named.
///
/// Errors: 42P01, 42703 and 42701 with positions.
Result<ParsedStatement> ExportQuery(const ParsedStatement& statement, const CopyToStatement& copy,
                                    const UserSchemas& schemas);

}  // namespace dashi::sql
