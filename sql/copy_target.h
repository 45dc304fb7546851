#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "dashi/status.h"
#include "sql/copy_options.h"
#include "storage/bulk_load.h"
#include "storage/store.h"

namespace dashi::sql {

/// Makes a load that writes into an open transaction and ends with it, for COPY in a transaction
/// block. Commit only counts. A transaction is kept in memory, so its size is bounded.
///
/// Errors: as storage::BulkLoad; kResourceExhausted (54000) beyond the transaction's limit.
///         42704 for an unknown graph.
Result<std::unique_ptr<storage::BulkLoad>> NewTransactionLoad(storage::Transaction& transaction,
                                                              const CopyPlan& plan);

}  // namespace dashi::sql
