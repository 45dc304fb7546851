#include "storage/rocksdb_load_blocks.h"

#include <utility>

#include "base/status.h"
#include "storage/rocksdb_load_apply.h"

namespace dashi::storage {

LoadBlocks::~LoadBlocks() {
  if (spool_ != nullptr && !keeps_file_) {
    spool_.reset();
    RemoveLoadFile(*state_, spool_name_);
  }
}

Result<std::string> LoadBlocks::At(std::uint32_t number) const {
  if (number == offsets_.size()) {
    return block_;
  }
  return spool_->ReadBlock(offsets_[number]);
}

Status LoadBlocks::CreateSpool() {
  spool_name_ = state_->NextLoadName() + ".spool";
  Result<std::unique_ptr<LoadSpoolWriter>> created =
      LoadSpoolWriter::Create(state_->paths.tmp + "/" + spool_name_, table_, state_->disk);
  if (!created.ok()) {
    RemoveLoadFile(*state_, spool_name_);
    return created.status();
  }
  spool_ = std::move(created).value();
  return Status::Ok();
}

Status LoadBlocks::Write() {
  if (block_.empty()) {
    return Status::Ok();
  }
  if (spool_ == nullptr) {
    DASHI_RETURN_IF_ERROR(CreateSpool());
  }
  DASHI_ASSIGN_OR_RETURN(const std::uint64_t offset, spool_->AppendBlock(block_));
  offsets_.push_back(offset);
  block_.clear();
  return Status::Ok();
}

Status LoadBlocks::Finish(LoadRecord* record) {
  DASHI_RETURN_IF_ERROR(Write());
  DASHI_RETURN_IF_ERROR(spool_->Sync());
  record->spool = spool_name_;
  record->spool_bytes = spool_->size();
  return Status::Ok();
}

}  // namespace dashi::storage
