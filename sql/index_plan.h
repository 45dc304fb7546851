#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include <sqlite3.h>

#include "dashi/status.h"
#include "sql/statement_context.h"
#include "storage/ordered_value.h"
#include "storage/schema_record.h"

namespace dashi::sql {

/// How a walk over documents or labels uses an index. Fits sqlite3_index_info::idxNum.
struct IndexPlan {
  // Which comparisons of the column give the range. The first three and the last two exclude each
  // other; an argument belongs to each of kEquals, kIs, kLower and kUpper, in this order.
  static constexpr int kEquals = 1;
  static constexpr int kIs = 2;
  static constexpr int kIsNull = 4;
  static constexpr int kNotNull = 8;
  static constexpr int kLower = 16;
  static constexpr int kUpper = 32;
  static constexpr int kDescending = 64;

  int comparisons = 0;
  std::size_t index = 0;  ///< in SchemaRecord::indexes

  int Encode() const { return static_cast<int>(index) << 8 | comparisons; }
  static IndexPlan Decode(int number) {
    return {number & 0xFF, static_cast<std::size_t>(number) >> 8U};
  }

  /// The entries to walk; nullopt: there are none. See RangeFor.
  std::optional<storage::OrderedRange> RangeOf(const storage::ColumnRecord& column,
                                               std::span<sqlite3_value*> arguments) const;
};

/// What a plan costs.
struct CostedIndexPlan {
  IndexPlan plan;
  double rows = 0;
  double cost = 0;
  bool ordered = false;          ///< rows come in the order that ORDER BY asks for
  std::vector<int> constraints;  ///< of the arguments, in order
  std::string text;              ///< for EXPLAIN
};

/// Chooses the cheapest ready index for the usable constraints and the ORDER BY. Values that are
/// known while SQLite plans are looked up in the index; of others a share of the table is assumed.
/// User columns begin at position `first_column`; the table has about `table_rows` rows.
Result<std::optional<CostedIndexPlan>> ChooseIndex(const StatementContext& statement,
                                                   storage::EntityKind kind,
                                                   const storage::SchemaRecord& schema,
                                                   int first_column, std::uint64_t table_rows,
                                                   sqlite3_index_info* info);

/// The cost of sorting rows, which an ordered plan saves.
double SortCost(const sqlite3_index_info& info, double rows);

}  // namespace dashi::sql
