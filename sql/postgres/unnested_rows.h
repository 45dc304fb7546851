#pragma once

#include "sql/virtual_table.h"

namespace dashi::sql::postgres {

/// The table that unnest(), generate_subscripts() and information_schema._pg_expandarray() become,
/// in FROM and in select lists: dashi_unnested(kinds, array, ...), of at most kUnnestedMax arrays.
/// The columns dashi_1, dashi_2, ... hold what the letter of `kinds` says of each array:
///
///   i, f, t, b   its elements, as integers, reals, texts or booleans
///   s            its subscripts
///   n            its positions, from 1
///   r            rows of both, "(element,position)"
///
/// and dashi_position counts from 1. There are as many rows as the longest array has elements.
/// All columns are hidden, so that * does not name them.
///
/// Errors: 22P02 for a text that is no array; 42883 for too many arrays.
inline constexpr int kUnnestedMax = 6;
const TableDefinition& UnnestedRows();

}  // namespace dashi::sql::postgres
