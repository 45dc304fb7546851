#include "sql/session_state.h"

#include "base/status.h"
#include "sql/database_impl.h"

namespace dashi::sql {

StatementResult Finished(std::string command_tag, std::vector<std::string> notices) {
  return Finished(std::move(command_tag), {}, {}, std::move(notices));
}

StatementResult Finished(std::string command_tag, std::vector<Column> columns,
                         std::vector<Row> rows, std::vector<std::string> notices,
                         MemoryCharge memory) {
  return std::unique_ptr<internal::RowSource>(std::make_unique<internal::FinishedRows>(
      std::move(command_tag), std::move(columns), std::move(rows), std::move(notices),
      std::move(memory)));
}

Status RefuseInBlock(const SessionState& session, const char* statement) {
  if (!session.block.active()) {
    return Status();
  }
  return Status::FailedPrecondition(std::string(statement) +
                                    " cannot run inside a transaction block")
      .WithSqlState("25001")
      .WithHint("COMMIT or ROLLBACK first.");
}

Status RequireWritable(const SessionState& session, const char* statement) {
  if (session.database.store().read_only()) {
    return Status::FailedPrecondition("the database is open for reading only: cannot run " +
                                      std::string(statement))
        .WithSqlState("25006");
  }
  const bool read_only = session.block.active() ? session.block.read_only()
                                                : session.settings.default_transaction_read_only();
  if (read_only) {
    return Status::FailedPrecondition("the transaction is read-only: cannot run " +
                                      std::string(statement))
        .WithSqlState("25006");
  }
  return Status();
}

Result<std::shared_ptr<const storage::View>> ReadView(SessionState& session) {
  if (session.block.active()) {
    return session.block.view();
  }
  return session.database.store().NewSnapshot();
}

storage::Durability CommitDurability(const SessionState& session) {
  return session.settings.synchronous_commit() ? storage::Durability::kNow
                                               : storage::Durability::kSoon;
}

Status WriteAtomically(SessionState& session,
                       const std::function<Status(storage::Transaction&)>& write) {
  if (!session.block.active()) {
    DASHI_ASSIGN_OR_RETURN(const std::unique_ptr<storage::Transaction> transaction,
                           session.database.store().Begin());
    DASHI_RETURN_IF_ERROR(write(*transaction));
    return transaction->Commit(CommitDurability(session));
  }
  storage::Transaction& transaction = *session.block.transaction();
  transaction.SetSavepoint();
  Status status = write(transaction);
  if (status.ok()) {
    transaction.ReleaseSavepoint();
    return status;
  }
  Status undone = transaction.RollbackToSavepoint();
  return undone.ok() ? std::move(status) : std::move(undone).WithContext("undoing a statement");
}

}  // namespace dashi::sql
