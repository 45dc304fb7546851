#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dashi/result_set.h"
#include "dashi/status.h"
#include "sql/ast.h"
#include "sql/import_reader.h"
#include "sql/parser.h"
#include "sql/user_schemas.h"
#include "storage/bulk_load.h"
#include "storage/entity.h"

namespace dashi::sql {

/// What COPY fills.
enum class CopyTarget : std::uint8_t { kRows, kRelevance, kEdges, kClicks };

/// A column that COPY can fill; kUser is any of the user's. The document and the label of a pair or
/// of a click are its source and its target.
enum class CopyColumn : std::uint8_t {
  kId,
  kText,
  kSplit,
  kSource,
  kTarget,
  kWeight,
  kClicks,
  kTime,
  kGraph,
  kEventId,
  kUser
};
inline constexpr std::size_t kNumCopyColumns = 10;  ///< without kUser

std::string_view CopyColumnName(CopyColumn column);

/// What COPY loads and how.
struct CopyPlan {
  CopyTarget target = CopyTarget::kRows;
  /// The rows' kind; nullopt for what is not rows.
  std::optional<storage::EntityKind> kind;
  std::string graph;  ///< of edges and clicks; empty: the file says it
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
  bool skip_unknown_ends = false;  ///< of edges and clicks: those with an end in no table
  storage::DuplicatePolicy on_conflict = storage::DuplicatePolicy::kFail;
  std::optional<std::string> rejects_path;
};

/// The columns of a row that names none, with the types that they have in the table.
std::vector<dashi::Column> InputColumns(const CopyPlan& plan);

/// Checks table, columns and options of a COPY into tables with these user columns.
///
/// Errors: 42P01, 42809 (a table that is not loaded), 42703, 42701 (a column twice), 22023 for an
///         option or its value; with positions and the nearest known name.
Result<CopyPlan> PlanCopy(const ParsedStatement& statement, const CopyFromStatement& copy,
                          const UserSchemas& schemas);

}  // namespace dashi::sql
