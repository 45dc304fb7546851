#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "sql/virtual_table.h"
#include "storage/schema_record.h"

namespace dashi::sql {

/// What a column of topk(), nearest() or topk_batch() holds.
enum class TopKColumn : std::uint8_t {
  kQueryId,  ///< that of the row whose text is searched for
  kRank,
  kId,
  kText,
  kScore,
  kRelease,
  // Hidden: the arguments.
  kTable,
  kQuery,
  kCount,
  kOptions,
};

struct TopKColumnInfo {
  TopKColumn column;
  std::string_view name;
};

/// One of the functions: what it is called, what it shows, and how it searches.
struct TopKFunction {
  std::string_view name;
  std::string_view usage;
  std::string_view plan;  ///< what EXPLAIN calls a search: "k best"
  std::span<const TopKColumnInfo> columns;
  std::size_t num_visible;   ///< of `columns`: the others are arguments, the last of them optional
  bool shows_label_columns;  ///< the columns of labels that users have added, behind its own
  int num_queries;           ///< one, or a guess
  std::unique_ptr<VirtualCursor> (*open)(const UserSchemas& schemas, StatementContext& statement);

  std::size_t num_arguments() const { return columns.size() - num_visible; }
};

/// The columns of labels that a function shows. They point into `schemas`.
std::vector<const storage::ColumnRecord*> ShownColumns(const TopKFunction& function,
                                                       const UserSchemas& schemas);

/// The table of a function: it takes what a WHERE clause says of found rows into the search.
std::unique_ptr<VirtualTable> MakeTopKTable(const TopKFunction& function,
                                            const UserSchemas& schemas);

}  // namespace dashi::sql
