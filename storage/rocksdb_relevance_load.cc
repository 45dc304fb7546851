#include <algorithm>
#include <memory>
#include <optional>
#include <unordered_set>
#include <vector>

#include <fmt/format.h>

#include "base/status.h"
#include "storage/load_duplicates.h"
#include "storage/load_spool.h"
#include "storage/rocksdb_bulk_load.h"
#include "storage/rocksdb_id_lookup.h"
#include "storage/rocksdb_load.h"
#include "storage/rocksdb_load_blocks.h"
#include "storage/row_check.h"

namespace dashi::storage {

namespace {

// Of the memory limit what is set aside for pairs that are expected.
constexpr std::uint64_t kReservedShare = 32;

class RocksdbRelevanceLoad : public RocksdbLoad {
 public:
  RocksdbRelevanceLoad(RocksdbStoreState* state, DuplicatePolicy policy)
      : RocksdbLoad(state, ChangedTable::kRelevance, policy),
        blocks_(state, ChangedTable::kRelevance),
        documents_(reader_, EntityKind::kDocument),
        labels_(reader_, EntityKind::kLabel) {}

  Status ExpectRows(std::uint64_t num_rows) override {
    if (pairs_.size() == 0) {
      pairs_.Reserve(num_rows, state_->options.memory_bytes_max / kReservedShare);
    }
    documents_.Expect(num_rows);
    labels_.Expect(num_rows);
    DASHI_RETURN_IF_ERROR(documents_.ScanAhead());
    return labels_.ScanAhead();
  }
  Status AddRelevance(std::string_view document, std::string_view label, float weight) override {
    DASHI_RETURN_IF_ERROR(CheckOpen());
    DASHI_RETURN_IF_ERROR(CheckWeight(weight));
    DASHI_ASSIGN_OR_RETURN(const Ordinal document_ordinal, documents_.Find(document));
    DASHI_ASSIGN_OR_RETURN(const Ordinal label_ordinal, labels_.Find(label));
    bool exists = pairs_.Contains(document_ordinal, label_ordinal);
    if (!table_is_empty_) {
      DASHI_ASSIGN_OR_RETURN(const bool has_relevance, reader_.HasStoredRelevance());
      table_is_empty_ = !has_relevance;
    }
    if (!exists && !*table_is_empty_) {
      DASHI_ASSIGN_OR_RETURN(exists, IsStored(document_ordinal, label_ordinal));
    }
    if (exists && policy_ == DuplicatePolicy::kFail) {
      return Status::AlreadyExists(
                 fmt::format("relevance already has the pair document '{}', label '{}'", document,
                             label))
          .WithSqlState("23505");
    }
    if (exists && policy_ == DuplicatePolicy::kIgnore) {
      ++counts_.ignored;
      return Status::Ok();
    }
    DASHI_RETURN_IF_ERROR(MakeRoom());
    ++(exists ? counts_.replaced : counts_.inserted);
    pairs_.Add(document_ordinal, label_ordinal);
    AppendSpooledPair(blocks_.last(), {document_ordinal, label_ordinal, weight});
    EndRow();
    return Status::Ok();
  }

 private:
  // Called before a pair is added: when the disk is full, the pair is refused whole.
  Status MakeRoom() {
    if (!blocks_.is_full()) {
      return Status::Ok();
    }
    DASHI_RETURN_IF_ERROR(ReserveMemory());
    // The pairs will be written once more when they are applied.
    DASHI_RETURN_IF_ERROR(
        state_->disk.CheckRoom(blocks_.file_bytes() + 2 * blocks_.last()->size(), "the load"));
    return blocks_.Write();
  }

  const std::string* FewRows() override { return blocks_.in_file() ? nullptr : blocks_.last(); }
  Status FinishFiles(LoadRecord* record) override { return blocks_.Finish(record); }
  void KeepFiles() override { blocks_.Keep(); }

  Result<bool> IsStored(Ordinal document, Ordinal label) {
    if (cached_document_ != document) {
      cached_document_.reset();
      DASHI_ASSIGN_OR_RETURN(cached_labels_, reader_.LabelsOf(document));
      cached_document_ = document;
    }
    return std::binary_search(cached_labels_.begin(), cached_labels_.end(),
                              RelevanceNeighbour{label},
                              [](const RelevanceNeighbour& a, const RelevanceNeighbour& b) {
                                return a.ordinal < b.ordinal;
                              });
  }

  std::uint64_t RememberedBytes() const override {
    return pairs_.bytes() / 2 * 3 + documents_.bytes() + labels_.bytes();
  }

  Status CheckConflicts() const override {
    std::unordered_set<std::uint32_t> documents;
    std::unordered_set<std::uint32_t> labels;
    DASHI_RETURN_IF_ERROR(ForEachChange([&](const ChangeRun& run) {
      const bool deleted = run.operation == ChangeOperation::kDelete;
      for (std::uint64_t i = 0; i < run.count; ++i) {
        const auto ordinal = static_cast<std::uint32_t>(ToInteger(run.first) + i);
        if (run.table == ChangedTable::kRelevance ||
            (run.table == ChangedTable::kDocuments && deleted)) {
          documents.insert(ordinal);
        } else if (run.table == ChangedTable::kLabels && deleted) {
          labels.insert(ordinal);
        }
      }
      return Status::Ok();
    }));
    if (documents.empty() && labels.empty()) {
      return Status::Ok();
    }
    Status status;
    pairs_.ForEach([&](Ordinal document, Ordinal label) {
      if (documents.contains(ToInteger(document)) || labels.contains(ToInteger(label))) {
        status = LoadConflict("a document or label of the load's relevance pairs");
      }
      return status.ok();
    });
    return status;
  }

  LoadBlocks blocks_;
  IdLookup documents_;
  IdLookup labels_;
  std::optional<bool> table_is_empty_;  // in the load's picture, once asked
  LoadedPairSet pairs_;
  std::optional<Ordinal> cached_document_;
  std::vector<RelevanceNeighbour> cached_labels_;
};

}  // namespace

std::unique_ptr<BulkLoad> NewRocksdbRelevanceLoad(RocksdbStoreState* state,
                                                  DuplicatePolicy policy) {
  return std::make_unique<RocksdbRelevanceLoad>(state, policy);
}

}  // namespace dashi::storage
