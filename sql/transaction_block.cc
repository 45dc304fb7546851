#include "sql/transaction_block.h"

#include <utility>

#include "base/status.h"

namespace dashi::sql {

namespace {
/// A transaction keeps a little for each savepoint.
constexpr std::size_t kSavepointsMax = 10'000;
}  // namespace

Status TransactionBlock::Begin(storage::Store& store, bool read_only) {
  if (read_only) {
    DASHI_ASSIGN_OR_RETURN(view_, store.NewSnapshot());
  } else {
    DASHI_ASSIGN_OR_RETURN(transaction_, store.Begin());
    view_ = transaction_;
  }
  failed_ = false;
  return Status();
}

Result<bool> TransactionBlock::Commit(storage::Durability durability) {
  const std::shared_ptr<storage::Transaction> transaction = transaction_;
  const bool failed = failed_;
  Rollback();
  if (failed) {
    return false;
  }
  if (transaction != nullptr) {
    DASHI_RETURN_IF_ERROR(transaction->Commit(durability));
  }
  return true;
}

void TransactionBlock::Rollback() {
  failed_ = false;
  refuses_writes_ = false;
  savepoints_.clear();
  view_.reset();
  transaction_.reset();
}

Result<std::size_t> TransactionBlock::Find(std::string_view name) const {
  for (std::size_t i = savepoints_.size(); i > 0; --i) {
    if (savepoints_[i - 1] == name) {
      return i - 1;
    }
  }
  return Status::NotFound("no such savepoint: " + std::string(name)).WithSqlState("3B001");
}

Status TransactionBlock::Savepoint(std::string_view name) {
  if (savepoints_.size() >= kSavepointsMax) {
    return Status::ResourceExhausted("too many savepoints: the limit is " +
                                     std::to_string(kSavepointsMax))
        .WithSqlState("54000");
  }
  if (transaction_ != nullptr) {
    transaction_->SetSavepoint();
  }
  savepoints_.emplace_back(name);
  return Status();
}

Status TransactionBlock::Release(std::string_view name) {
  DASHI_ASSIGN_OR_RETURN(const std::size_t position, Find(name));
  for (; savepoints_.size() > position; savepoints_.pop_back()) {
    if (transaction_ != nullptr) {
      transaction_->ReleaseSavepoint();
    }
  }
  return Status();
}

Status TransactionBlock::RollbackTo(std::string_view name) {
  DASHI_ASSIGN_OR_RETURN(const std::size_t position, Find(name));
  for (; savepoints_.size() > position; savepoints_.pop_back()) {
    if (transaction_ != nullptr) {
      DASHI_RETURN_IF_ERROR(transaction_->RollbackToSavepoint());
    }
  }
  failed_ = false;
  return Savepoint(name);  // It stays, to be rolled back to again.
}

}  // namespace dashi::sql
