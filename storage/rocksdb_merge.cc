#include "storage/rocksdb_merge.h"

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/graph/edge_codec.h"
#include "storage/neighbour_codec.h"
#include "storage/rocksdb_status.h"
#include "storage/row_codec.h"

namespace dashi::storage {

namespace {

class MaximumMergeOperator : public rocksdb::AssociativeMergeOperator {
 public:
  // An undecodable existing value stays, so that its reader sees the damage; an undecodable operand
  // is dropped. Neither may fail the merge, which would make the database read-only.
  bool Merge(const rocksdb::Slice& /*key*/, const rocksdb::Slice* existing,
             const rocksdb::Slice& operand, std::string* merged,
             rocksdb::Logger* /*logger*/) const override {
    std::uint64_t left = 0;
    std::uint64_t right = 0;
    if (existing == nullptr) {
      merged->assign(operand.data(), operand.size());
    } else if (!DecodeCounter(ToView(*existing), &left) ||
               !DecodeCounter(ToView(operand), &right)) {
      merged->assign(existing->data(), existing->size());
    } else {
      *merged = EncodeCounter(std::max(left, right));
    }
    return true;
  }
  const char* Name() const override { return "dashi.maximum.1"; }
};

/// Merges lists with the deltas that are their operands.
class ListMergeOperator : public rocksdb::MergeOperator {
 public:
  using MergeAll = std::string (*)(const std::string_view* existing,
                                   std::span<const std::string_view> deltas);
  using Combine = bool (*)(std::span<const std::string_view> deltas, std::string* combined);

  ListMergeOperator(const char* name, MergeAll merge_all, Combine combine)
      : name_(name), merge_all_(merge_all), combine_(combine) {}

  bool FullMergeV2(const MergeOperationInput& input, MergeOperationOutput* output) const override {
    std::vector<std::string_view> deltas;
    deltas.reserve(input.operand_list.size());
    for (const rocksdb::Slice& operand : input.operand_list) {
      deltas.push_back(ToView(operand));
    }
    if (input.existing_value == nullptr) {
      output->new_value = merge_all_(nullptr, deltas);
    } else {
      const std::string_view existing = ToView(*input.existing_value);
      output->new_value = merge_all_(&existing, deltas);
    }
    return true;
  }

  // Returning false leaves the operands apart; it is no error.
  bool PartialMergeMulti(const rocksdb::Slice& /*key*/, const std::deque<rocksdb::Slice>& operands,
                         std::string* combined, rocksdb::Logger* /*logger*/) const override {
    std::vector<std::string_view> deltas;
    deltas.reserve(operands.size());
    for (const rocksdb::Slice& operand : operands) {
      deltas.push_back(ToView(operand));
    }
    return combine_(deltas, combined);
  }
  const char* Name() const override { return name_; }

 private:
  const char* const name_;
  const MergeAll merge_all_;
  const Combine combine_;
};

}  // namespace

std::shared_ptr<rocksdb::MergeOperator> NewMaximumMergeOperator() {
  return std::make_shared<MaximumMergeOperator>();
}

std::shared_ptr<rocksdb::MergeOperator> NewNeighbourMergeOperator() {
  return std::make_shared<ListMergeOperator>("dashi.neighbours.1", MergeNeighbours, CombineDeltas);
}

std::shared_ptr<rocksdb::MergeOperator> NewEdgeMergeOperator() {
  return std::make_shared<ListMergeOperator>("dashi.edges.1", MergeEdges, CombineEdgeDeltas);
}

}  // namespace dashi::storage
