#pragma once

#include <memory>

#include "dashi/status.h"
#include "storage/view.h"

namespace dashi::sql {

/// The user columns of the tables that can have some, at one state of the database.
struct UserSchemas {
  // Sharers: the statement and the tables that were declared with them. Null only before Read.
  std::shared_ptr<const storage::SchemaRecord> documents;
  std::shared_ptr<const storage::SchemaRecord> labels;

  static Result<UserSchemas> Read(const storage::View& view);

  /// Null for a kind of rows without user columns.
  const storage::SchemaRecord* Of(storage::EntityKind kind) const;
  /// Whether both tables have the same columns.
  bool SameAs(const UserSchemas& other) const;
};

}  // namespace dashi::sql
