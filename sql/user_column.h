#pragma once

#include <span>
#include <string>
#include <string_view>

#include "dashi/status.h"
#include "dashi/value.h"
#include "storage/schema_record.h"

namespace dashi::sql {

/// Converts a value to what a row stores of a column. Numbers and texts that stand for a value of
/// the column's type are taken; nothing is rounded or cut.
///
/// Errors: kInvalidArgument naming table, column and value: 22P02 for text that is no such value,
///         22007 for a timestamp that is none, 22003 for a number out of range, 42804 for a value
///         of another type, 22021 for text with a NUL; 22000 for a vector of another dimension or
///         with numbers that it cannot have, 22P03 and 54000 as CheckVector.
Result<Value> ToColumnValue(std::string_view table, const storage::ColumnRecord& column,
                            const Value& given);

/// What SQL shows of a stored value: a timestamp as text, everything else as it is.
Value ShownValue(storage::ColumnType type, const Value& stored);

/// The default of a column as people read it: a vector as text, too.
Value ShownDefault(const storage::ColumnRecord& column);

/// The type as SQLite has to know it, for comparisons: a timestamp is TEXT, a boolean BOOLEAN,
/// which compares as a number.
std::string_view DeclaredType(storage::ColumnType type);

/// `"name" TYPE`, quoted, for a declaration.
std::string DeclareColumn(const storage::ColumnRecord& column);

/// Columns as the end of a declaration's list: `, "a" TEXT, "b" REAL`.
std::string DeclareColumns(std::span<const storage::ColumnRecord* const> columns);

/// The name that a ColumnTest gives a user column: its own where that is a plain word, else
/// "#number", which stands in a plan's text without quotes.
std::string TestName(const storage::ColumnRecord& column);

}  // namespace dashi::sql
