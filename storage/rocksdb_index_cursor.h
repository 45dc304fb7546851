#pragma once

#include <memory>
#include <string>

#include <rocksdb/iterator.h>

#include "storage/pending_writes.h"
#include "storage/view.h"

namespace dashi::storage {

/// The keys of `attributes` between two keys, the second one not included, in either direction.
struct IndexKeyRange {
  std::string begin;
  std::string end;
  bool descending = false;
};

/// The keys of the entries of an index whose values lie in `range`.
IndexKeyRange IndexKeys(std::uint32_t index, const OrderedRange& range);

/// Walks stored entries merged with those of a transaction; `pending` may be null. Entries that are
/// written during the walk count when they lie before it.
std::unique_ptr<IndexCursor> NewIndexCursor(std::unique_ptr<rocksdb::Iterator> stored,
                                            const PendingWrites* pending, IndexKeyRange range);

}  // namespace dashi::storage
