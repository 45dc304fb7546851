#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "dashi/status.h"
#include "storage/bulk_load.h"
#include "storage/store.h"

namespace dashi::sql {

/// Makes a load that writes into an open transaction and ends with it, for COPY in a transaction
/// block. Commit only counts. A transaction is kept in memory, so its size is bounded.
///
/// Errors: as storage::BulkLoad; kResourceExhausted (54000) beyond the transaction's limit.
std::unique_ptr<storage::BulkLoad> NewTransactionLoad(storage::Transaction& transaction,
                                                      std::optional<storage::EntityKind> kind,
                                                      storage::DuplicatePolicy policy);

}  // namespace dashi::sql
