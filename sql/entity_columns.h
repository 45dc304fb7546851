#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "dashi/value.h"
#include "storage/entity.h"
#include "storage/schema_record.h"

namespace dashi::sql {

/// A column that documents, labels or anchors have by themselves.
enum class EntityColumn : std::uint8_t { kId, kText, kSplit, kUpdatedAt };

/// The columns of a kind's table, in order.
std::span<const EntityColumn> EntityColumns(storage::EntityKind kind);
std::string_view EntityColumnName(EntityColumn column);

/// The columns of one table as it was declared: the built-in ones, then the user's.
class DeclaredColumns {
 public:
  DeclaredColumns(storage::EntityKind kind, std::shared_ptr<const storage::SchemaRecord> schema)
      : kind_(kind), schema_(std::move(schema)) {
    if (schema_ != nullptr) {
      user_ = schema_->LiveColumns();
    }
  }

  storage::EntityKind kind() const { return kind_; }
  const storage::SchemaRecord* schema() const { return schema_.get(); }
  std::span<const EntityColumn> built_in() const { return EntityColumns(kind_); }
  /// Ascending by number.
  std::span<const storage::ColumnRecord* const> user() const { return user_; }
  /// The user column at a position among all columns; null for a built-in one.
  const storage::ColumnRecord* UserAt(std::size_t position) const {
    return position < built_in().size() ? nullptr : user_[position - built_in().size()];
  }
  std::size_t size() const { return built_in().size() + user_.size(); }

 private:
  storage::EntityKind kind_;
  std::shared_ptr<const storage::SchemaRecord> schema_;  // Sharers: see UserSchemas.
  std::vector<const storage::ColumnRecord*> user_;       // into *schema_
};

/// The value of a column as SQL shows it. `value` keeps its memory where it was text before.
void ShowColumn(const storage::EntityRow& row, EntityColumn column, Value* value);

}  // namespace dashi::sql
