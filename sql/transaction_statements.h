#pragma once

#include "sql/ast.h"
#include "sql/session_state.h"

namespace dashi::sql {

/// BEGIN, COMMIT, ROLLBACK and savepoints.
///
/// Errors: 25P01 for savepoints outside a block, 3B001 for an unknown one, 40001 from COMMIT.
StatementResult ExecuteBegin(SessionState& session, const BeginStatement& statement);
StatementResult ExecuteCommit(SessionState& session);
StatementResult ExecuteRollback(SessionState& session);
StatementResult ExecuteSavepoint(SessionState& session, const SavepointStatement& statement);
StatementResult ExecuteReleaseSavepoint(SessionState& session,
                                        const ReleaseSavepointStatement& statement);
StatementResult ExecuteRollbackTo(SessionState& session, const RollbackToStatement& statement);
StatementResult ExecuteSetTransaction(SessionState& session,
                                      const SetTransactionStatement& statement);

}  // namespace dashi::sql
