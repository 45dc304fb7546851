#pragma once

#include <memory>

#include <rocksdb/merge_operator.h>

namespace dashi::storage {

/// Keeps the largest of the counters merged into a key: the operator of `meta`. Associative and
/// commutative, so committers need not agree on an order.
std::shared_ptr<rocksdb::MergeOperator> NewMaximumMergeOperator();

/// Applies neighbour deltas to neighbour lists: the operator of `relevance`. The result does not
/// depend on how operands are grouped. It never fails (see MergeNeighbours).
std::shared_ptr<rocksdb::MergeOperator> NewNeighbourMergeOperator();

/// Applies edge deltas to lists of edges: the operator of `edges`. The result does not depend on
/// how operands are grouped, but for rounding of weights that are sums. It never fails either.
std::shared_ptr<rocksdb::MergeOperator> NewEdgeMergeOperator();

}  // namespace dashi::storage
