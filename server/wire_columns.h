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

/// The type that values of `type` are announced as; kText for kNull.
TypeOid TypeOidOf(ValueType type);
/// The type of the values of a column that was announced as `type`.
ValueType ValueTypeOf(TypeOid type);

}  // namespace dashi
