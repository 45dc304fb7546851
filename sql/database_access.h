#pragma once

#include <memory>

#include "dashi/database.h"
#include "sql/database_impl.h"

namespace dashi::internal {

/// What stands behind an open database, for dashi's own parts.
class DatabaseAccess {
 public:
  // Sharers: the Database, its sessions and whoever asks.
  static std::shared_ptr<DatabaseImpl> ImplOf(const Database& database) { return database.impl_; }
};

}  // namespace dashi::internal
