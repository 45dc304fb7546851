#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/value.h"
#include "storage/entity.h"

namespace dashi::storage {

/// The type of a user column. Persisted: append only.
enum class ColumnType : std::uint8_t {
  kInteger = 1,
  kReal = 2,
  kText = 3,
  kBoolean = 4,    ///< stored as the integers 0 and 1
  kTimestamp = 5,  ///< stored as an integer: microseconds since 1970, UTC
  kVector = 6,     ///< stored as bytes: 32-bit floats, little-endian (base/vector_codec.h)
};

/// Returns "INTEGER", "REAL", "TEXT", "BOOLEAN", "TIMESTAMP" or "VECTOR".
std::string_view ColumnTypeName(ColumnType type);

struct ColumnRecord;
/// The same with the size: "VECTOR(384)".
std::string ColumnTypeText(const ColumnRecord& column);

/// User columns are numbered from here; smaller numbers are the built-in columns'.
inline constexpr std::uint32_t kUserColumnMin = 16;

/// A column that ALTER TABLE added.
struct ColumnRecord {
  std::uint32_t number = 0;  ///< what rows know it by; never given twice
  std::string name;
  ColumnType type = ColumnType::kInteger;
  Value default_value;          ///< of rows that do not have the column, as stored
  bool dropped = false;         ///< rows may still hold values of it: they are passed over
  std::uint32_t dimension = 0;  ///< kVector: how many numbers each value has; 0: any

  friend bool operator==(const ColumnRecord&, const ColumnRecord&) = default;
};

/// Persisted: append only.
enum class IndexState : std::uint8_t {
  kBuilding = 1,  ///< commits maintain it; rows from before may be missing
  kReady = 2,
};

/// An index over one column.
struct IndexRecord {
  std::uint32_t number = 0;  ///< in the keys of its entries; never given twice
  std::string name;
  std::uint32_t column = 0;
  IndexState state = IndexState::kBuilding;

  friend bool operator==(const IndexRecord&, const IndexRecord&) = default;
};

/// What a table's rows hold beside the built-in columns. The whole is one record, so that two
/// transactions that alter a table conflict.
struct SchemaRecord {
  std::uint64_t version = 0;  ///< counts the changes
  std::uint32_t next_column = kUserColumnMin;
  std::vector<ColumnRecord> columns;  ///< ascending by number, dropped ones included
  std::vector<IndexRecord> indexes;   ///< of columns that are not dropped

  /// Return null when there is none. Names ignore ASCII case; dropped columns have none.
  const ColumnRecord* FindColumn(std::string_view name) const;
  const ColumnRecord* FindColumn(std::uint32_t number) const;
  const IndexRecord* FindIndex(std::string_view name) const;
  const IndexRecord* FindIndex(std::uint32_t number) const;
  /// The columns that are not dropped, in order.
  std::vector<const ColumnRecord*> LiveColumns() const;

  friend bool operator==(const SchemaRecord&, const SchemaRecord&) = default;
};

/// The row's value of a column: its own, or the column's default.
const Value& ColumnValue(const EntityRow& row, const ColumnRecord& column);

}  // namespace dashi::storage
