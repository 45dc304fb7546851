#pragma once

#include <cstddef>
#include <deque>
#include <vector>

#include "dashi/result_set.h"
#include "server/wire_encoder.h"

namespace dashi {

/// The rows that are looked at for the types of columns that have none.
inline constexpr std::size_t kFirstRowsMax = 100;

/// Returns the types to announce for `columns`: their own, or where a column has none, the
/// narrowest type that fits its values in the `first_rows`; text where there are none.
std::vector<WireColumn> WireColumnsOf(const std::vector<Column>& columns,
                                      const std::deque<Row>& first_rows);

/// Whether every column has a type.
bool AllTyped(const std::vector<Column>& columns);

/// The type that a column or parameter is announced as; kText for kUnknown.
TypeOid TypeOidOf(SqlType type);
/// A column that was announced like this one.
Column ColumnOf(const WireColumn& column);

}  // namespace dashi
