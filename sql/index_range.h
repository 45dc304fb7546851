#pragma once

#include <optional>
#include <string_view>

#include "dashi/value.h"
#include "storage/ordered_value.h"
#include "storage/schema_record.h"

namespace dashi::sql {

/// The entries of an index over `column` whose rows can pass `column op value`: all for which
/// SQLite finds it true, and sometimes more, so SQLite has to look at each row again. Where its
/// rules depend on more than the value (a number against a text column), the range is the whole
/// index. nullopt: no row passes.
///
/// `op` is "=", "IS", "<", "<=", ">", ">=", "ISNULL" or "NOTNULL".
std::optional<storage::OrderedRange> RangeFor(const storage::ColumnRecord& column,
                                              std::string_view op, const Value& value);

/// The entries that lie in both; the direction is that of `a`.
storage::OrderedRange Intersect(const storage::OrderedRange& a, const storage::OrderedRange& b);

}  // namespace dashi::sql
