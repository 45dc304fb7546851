#include "sql/transaction_statements.h"

#include <utility>

#include "base/status.h"
#include "sql/database_impl.h"

namespace dashi::sql {

namespace {

Status RequireBlock(const SessionState& session, const char* statement) {
  if (session.block.active()) {
    return Status();
  }
  return Status::FailedPrecondition(std::string(statement) +
                                    " can only be used in a transaction block")
      .WithSqlState("25P01")
      .WithHint("BEGIN opens one.");
}

// Puts back what SET LOCAL replaced, and everything that SET changed when the block is undone.
void EndSettings(SessionState& session, bool committed) {
  if (committed) {
    for (auto& [name, value] : session.local_settings) {
      session.settings.Set(name, value).IgnoreError("the value was valid before");
    }
  } else {
    session.settings = session.settings_at_begin;
  }
  session.local_settings.clear();
}

}  // namespace

StatementResult ExecuteBegin(SessionState& session, const BeginStatement& statement) {
  const char* tag = statement.start ? "START TRANSACTION" : "BEGIN";
  if (session.block.active()) {
    return Finished(tag, {"there is already a transaction in progress"});
  }
  const bool read_only =
      session.database.store().read_only() ||
      statement.modes.read_only.value_or(session.settings.default_transaction_read_only());
  DASHI_RETURN_IF_ERROR(session.block.Begin(session.database.store(), read_only));
  session.settings_at_begin = session.settings;
  return Finished(tag);
}

StatementResult ExecuteCommit(SessionState& session) {
  if (!session.block.active()) {
    return Finished("COMMIT", {"there is no transaction in progress"});
  }
  Result<bool> committed = session.block.Commit(CommitDurability(session));
  EndSettings(session, committed.ok() && *committed);
  if (!committed.ok()) {
    return std::move(committed).status();
  }
  if (*committed) {
    session.database.WakeIndexBuilder();
  }
  return Finished(*committed ? "COMMIT" : "ROLLBACK");
}

StatementResult ExecuteRollback(SessionState& session) {
  if (!session.block.active()) {
    return Finished("ROLLBACK", {"there is no transaction in progress"});
  }
  session.block.Rollback();
  EndSettings(session, /*committed=*/false);
  return Finished("ROLLBACK");
}

StatementResult ExecuteSavepoint(SessionState& session, const SavepointStatement& statement) {
  DASHI_RETURN_IF_ERROR(RequireBlock(session, "SAVEPOINT"));
  DASHI_RETURN_IF_ERROR(session.block.Savepoint(statement.name));
  return Finished("SAVEPOINT");
}

StatementResult ExecuteReleaseSavepoint(SessionState& session,
                                        const ReleaseSavepointStatement& statement) {
  DASHI_RETURN_IF_ERROR(RequireBlock(session, "RELEASE SAVEPOINT"));
  DASHI_RETURN_IF_ERROR(session.block.Release(statement.name));
  return Finished("RELEASE");
}

StatementResult ExecuteRollbackTo(SessionState& session, const RollbackToStatement& statement) {
  DASHI_RETURN_IF_ERROR(RequireBlock(session, "ROLLBACK TO SAVEPOINT"));
  DASHI_RETURN_IF_ERROR(session.block.RollbackTo(statement.name));
  return Finished("ROLLBACK");
}

StatementResult ExecuteSetTransaction(SessionState& session,
                                      const SetTransactionStatement& statement) {
  const std::optional<bool> read_only = statement.modes.read_only;
  if (statement.session) {
    if (read_only) {
      DASHI_RETURN_IF_ERROR(
          session.settings.Set("default_transaction_read_only", *read_only ? "on" : "off"));
    }
    return Finished("SET");
  }
  if (!session.block.active()) {
    return Finished("SET", {"SET TRANSACTION has no effect outside a transaction block"});
  }
  if (read_only && !*read_only && session.block.read_only()) {
    return Status::Unimplemented("a block that is read-only stays so")
        .WithHint("Write BEGIN READ WRITE.");
  }
  if (read_only && *read_only) {
    session.block.RefuseWrites();
  }
  return Finished("SET");
}

}  // namespace dashi::sql
