#pragma once

#include "sql/virtual_table.h"

namespace dashi::sql {

/// The table function topk_batch('SELECT id, text FROM ...', k [, options]): the k best labels of
/// every row of a query, with columns id, rank, label, text and score. What a WHERE clause says of
/// found rows is applied before k to each of them, as topk() does it: one filter for all.
///
/// Errors: as topk; 42601 when the argument is no single SELECT with two columns; 22004 for a row
///         whose text is NULL. Errors of the inner query are passed on, without position.
/// Cost:   rows are read and encoded 1,024 at a time.
const TableDefinition& TopKBatchTable();

}  // namespace dashi::sql
