#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/status.h"
#include "storage/load_duplicates.h"
#include "storage/load_spool.h"
#include "storage/rocksdb_bulk_load.h"
#include "storage/rocksdb_load.h"
#include "storage/rocksdb_load_blocks.h"
#include "storage/rocksdb_load_stager.h"
#include "storage/row_check.h"
#include "storage/row_codec.h"

namespace dashi::storage {

namespace {

// Loads of fewer bytes go through a spool and memtables: many small files would burden the
// families.
constexpr std::size_t kSmallBytesMax = std::size_t{512} << 10;
constexpr std::size_t kStagedBlockBytes = std::size_t{128} << 10;

class RocksdbRowLoad : public RocksdbLoad {
 public:
  RocksdbRowLoad(RocksdbStoreState* state, EntityKind kind, DuplicatePolicy policy)
      : RocksdbLoad(state, ChangedTableOf(kind), policy),
        kind_(kind),
        table_is_empty_(state->NextOrdinal(kind) == 0),
        blocks_(state, ChangedTableOf(kind)),
        stages_(policy != DuplicatePolicy::kReplace &&
                state->CurrentSchema(kind)->indexes.empty()) {}

  Status AddRow(const EntityRow& row) override {
    DASHI_RETURN_IF_ERROR(CheckOpen());
    DASHI_RETURN_IF_ERROR(CheckRow(kind_, row));
    const std::uint64_t hash = HashText(row.id);
    DASHI_ASSIGN_OR_RETURN(const std::optional<Target> loaded, FindLoaded(hash, row.id));
    std::optional<Target> target = loaded;
    if (!target && !table_is_empty_) {
      DASHI_ASSIGN_OR_RETURN(const std::optional<Ordinal> stored,
                             reader_.FindOrdinal(kind_, row.id));
      if (stored) {
        target = Target{ChangeOperation::kUpdate, *stored};
      }
    }
    if (target && policy_ == DuplicatePolicy::kFail) {
      return Status::AlreadyExists(
                 fmt::format("{} already has a row with id '{}'", EntityTableName(kind_), row.id))
          .WithSqlState("23505");
    }
    if (target && policy_ == DuplicatePolicy::kIgnore) {
      ++counts_.ignored;
      return Status::Ok();
    }
    DASHI_RETURN_IF_ERROR(MakeRoom());
    const bool replaces = target.has_value();
    if (!target) {
      DASHI_ASSIGN_OR_RETURN(const Ordinal ordinal, state_->TakeOrdinal(kind_));
      target = Target{ChangeOperation::kInsert, ordinal};
    }
    ++(replaces ? counts_.replaced : counts_.inserted);
    if (!loaded) {
      ids_.Add(hash, blocks_.last_number());
    }
    AppendRow(*target, row);
    EndRow();
    return Status::Ok();
  }

 private:
  struct Target {
    ChangeOperation operation;
    Ordinal ordinal;
  };

  void AppendRow(const Target& target, const EntityRow& row) {
    encoded_.clear();
    storage::AppendRow(&encoded_, row);
    if (!stages_) {
      AppendSpooledRow(blocks_.last(), {target.operation, target.ordinal, encoded_});
      return;
    }
    AppendSpooledRow(&rows_, {target.operation, target.ordinal, encoded_});
    inserted_.Add(table_, target.operation, target.ordinal);
    // A row begins with its id, which is all that FindLoaded asks for.
    std::string_view id;
    DASHI_CHECK(DecodeRowId(encoded_, &id));
    const auto start_bytes = static_cast<std::size_t>(id.data() + id.size() - encoded_.data());
    AppendSpooledRow(blocks_.last(), {target.operation, target.ordinal,
                                      std::string_view(encoded_).substr(0, start_bytes)});
  }

  // Called before a row is added: when the disk is full, the row is refused whole.
  Status MakeRoom() {
    if (blocks_.is_full()) {
      DASHI_RETURN_IF_ERROR(ReserveMemory());
      // Spooled rows will be written once more when they are applied.
      const std::uint64_t spooled = stages_ ? 0 : blocks_.file_bytes() + blocks_.last()->size();
      DASHI_RETURN_IF_ERROR(state_->disk.CheckRoom(spooled + blocks_.last()->size(), "the load"));
      DASHI_RETURN_IF_ERROR(blocks_.Write());
    }
    return rows_.size() < (stager_ == nullptr ? kSmallBytesMax : kStagedBlockBytes) ? Status::Ok()
                                                                                    : StageRows();
  }

  Status StageRows() {
    DASHI_RETURN_IF_ERROR(ReserveMemory());
    const std::uint64_t pending = stager_ == nullptr ? 0 : stager_->pending_bytes();
    DASHI_RETURN_IF_ERROR(state_->disk.CheckRoom(pending + rows_.size(), "the load"));
    if (stager_ == nullptr) {
      DASHI_ASSIGN_OR_RETURN(stager_, LoadStager::Start(state_, kind_, state_->NextLoadName()));
    }
    return stager_->Add(&rows_);
  }

  const std::string* FewRows() override {
    if (stages_) {
      return stager_ == nullptr && rows_.size() < LoadBlocks::kBlockBytes ? &rows_ : nullptr;
    }
    return blocks_.in_file() ? nullptr : blocks_.last();
  }

  Status FinishFiles(LoadRecord* record) override {
    if (!stages_) {
      return blocks_.Finish(record);
    }
    if (stager_ == nullptr) {
      return SpoolSmall(record);
    }
    if (!rows_.empty()) {
      DASHI_RETURN_IF_ERROR(StageRows());
    }
    DASHI_RETURN_IF_ERROR(stager_->Finish());
    record->kind = kind_;
    record->row_files = stager_->row_files();
    record->id_files = stager_->id_files();
    std::vector<ChangeRun> runs;
    DASHI_CHECK(DecodeChanges(inserted_.Encode(), &runs));
    for (const ChangeRun& run : runs) {
      record->inserted.emplace_back(ToInteger(run.first), run.count);
    }
    return Status::Ok();
  }

  void KeepFiles() override {
    if (stager_ != nullptr) {
      stager_->KeepFiles();
    } else {
      (stages_ ? *small_ : blocks_).Keep();
    }
  }

  // Spools the rows that were kept to be staged and came to too few for it.
  Status SpoolSmall(LoadRecord* record) {
    DASHI_RETURN_IF_ERROR(state_->disk.CheckRoom(2 * rows_.size(), "the load"));
    small_ = std::make_unique<LoadBlocks>(state_, table_);
    small_->last()->swap(rows_);
    return small_->Finish(record);
  }

  // Finds the row of `id` among those that this load added.
  Result<std::optional<Target>> FindLoaded(std::uint64_t hash, std::string_view id) const {
    std::optional<Target> target;
    Status status;
    ids_.Find(hash, [&](std::uint32_t number) {
      Result<std::string> block = blocks_.At(number);
      if (!block.ok()) {
        status = std::move(block).status();
        return true;
      }
      std::string_view rest = block.value();
      SpooledRow row;
      std::string_view row_id;
      while (!target && TakeSpooledRow(&rest, &row)) {
        if (DecodeRowId(row.row, &row_id) && row_id == id) {
          target = Target{row.operation, row.ordinal};
        }
      }
      return target.has_value();
    });
    if (!status.ok()) {
      return status;
    }
    return target;
  }

  std::uint64_t RememberedBytes() const override {
    return ids_.bytes() / 2 * 3 + rows_.capacity() +
           (stager_ == nullptr ? 0 : stager_->pending_bytes());
  }

  Status CheckConflicts() const override {
    return ForEachChange([this](const ChangeRun& run) -> Status {
      if (run.table != table_) {
        return Status::Ok();
      }
      for (std::uint64_t i = 0; i < run.count; ++i) {
        const Ordinal ordinal{static_cast<std::uint32_t>(ToInteger(run.first) + i)};
        std::string before;
        std::string now;
        const std::string key = RowKey(ordinal);
        DASHI_ASSIGN_OR_RETURN(const bool was, reader_.Get(RowFamily(kind_), key, &before));
        DASHI_ASSIGN_OR_RETURN(const bool is, state_->engine->Get(RowFamily(kind_), key, &now));
        for (const auto& [present, row] : {std::pair(was, &before), std::pair(is, &now)}) {
          std::string_view id;
          if (!present) {
            continue;
          }
          if (!DecodeRowId(*row, &id)) {
            return DamagedRow(EntityTableName(kind_), ordinal);
          }
          DASHI_ASSIGN_OR_RETURN(const std::optional<Target> loaded, FindLoaded(HashText(id), id));
          if (loaded) {
            return LoadConflict(fmt::format("{} id '{}'", EntityTableName(kind_), id));
          }
        }
      }
      return Status::Ok();
    });
  }

  const EntityKind kind_;
  // No row was ever inserted before the load's picture: read after the picture was taken.
  const bool table_is_empty_;
  LoadedIdTable ids_;
  std::string encoded_;
  LoadBlocks blocks_;  // of rows, or of their beginnings when the rows are staged
  // The rows are all new, and no index wants entries as far as is known.
  const bool stages_;
  std::string rows_;  // to be staged
  ChangeSet inserted_;
  std::unique_ptr<LoadStager> stager_;
  std::unique_ptr<LoadBlocks> small_;
};

}  // namespace

std::unique_ptr<BulkLoad> NewRocksdbRowLoad(RocksdbStoreState* state, EntityKind kind,
                                            DuplicatePolicy policy) {
  return std::make_unique<RocksdbRowLoad>(state, kind, policy);
}

}  // namespace dashi::storage
