#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dashi/status.h"
#include "sql/ast.h"
#include "sql/import_reader.h"
#include "sql/parser.h"
#include "sql/user_schemas.h"
#include "storage/bulk_load.h"
#include "storage/entity.h"

namespace dashi::sql {

/// A column that COPY can fill; kUser is any of the user's.
enum class CopyColumn : std::uint8_t { kId, kText, kSplit, kDocument, kLabel, kWeight, kUser };

std::string_view CopyColumnName(CopyColumn column);

/// What COPY loads and how.
struct CopyPlan {
  /// The rows' kind; nullopt for relevance.
  std::optional<storage::EntityKind> kind;
  std::string table;
  /// The columns that fields may name, in the order of a file without names.
  std::vector<CopyColumn> columns;
  std::vector<std::string> column_names;
  /// The columns of a file that names none: those of the statement, or the built-in ones, so that
  /// ALTER TABLE changes nothing for files from before.
  std::vector<std::string> positional_names;
  /// Of each of `columns`: the user column, where it is one.
  std::vector<std::optional<storage::ColumnRecord>> user_columns;
  ImportFormat format;
  bool ignore_unknown = false;
  storage::DuplicatePolicy on_conflict = storage::DuplicatePolicy::kFail;
  std::optional<std::string> rejects_path;
};

/// Checks table, columns and options of a COPY into tables with these user columns.
///
/// Errors: 42P01, 42809 (a table that is not loaded), 42703, 42701 (a column twice), 22023 for an
///         option or its value; with positions and the nearest known name.
Result<CopyPlan> PlanCopy(const ParsedStatement& statement, const CopyFromStatement& copy,
                          const UserSchemas& schemas);

}  // namespace dashi::sql
