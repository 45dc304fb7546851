#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/status.h"
#include "storage/store.h"

namespace dashi::sql {

/// The transaction block of a session: BEGIN to COMMIT or ROLLBACK.
///
/// Threads: one thread at a time.
class TransactionBlock {
 public:
  bool active() const { return view_ != nullptr; }
  /// Whether a statement failed: only ROLLBACK and ROLLBACK TO help then.
  bool failed() const { return failed_; }
  bool read_only() const { return active() && (transaction_ == nullptr || refuses_writes_); }

  /// Opens the block on a transaction, or on a snapshot when it is read-only.
  Status Begin(storage::Store& store, bool read_only);
  /// Ends the block. Returns false when it had failed and was rolled back instead.
  Result<bool> Commit(storage::Durability durability);
  void Rollback();
  void Fail() { failed_ = active(); }
  /// Refuses writes from now on; what has been written is committed.
  void RefuseWrites() { refuses_writes_ = active(); }

  /// Errors: kNotFound (3B001) for an unknown savepoint.
  Status Savepoint(std::string_view name);
  Status Release(std::string_view name);
  Status RollbackTo(std::string_view name);

  /// Sharers: the block and the statements that run in it.
  std::shared_ptr<const storage::View> view() const { return view_; }
  /// Null in a block that was read-only from its beginning.
  storage::Transaction* transaction() const { return transaction_.get(); }

 private:
  Result<std::size_t> Find(std::string_view name) const;

  bool failed_ = false;
  bool refuses_writes_ = false;
  // Sharers: see view(). The same object as view_, or null.
  std::shared_ptr<storage::Transaction> transaction_;
  std::shared_ptr<const storage::View> view_;
  std::vector<std::string> savepoints_;
};

}  // namespace dashi::sql
