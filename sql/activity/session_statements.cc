// CANCEL SESSION and TERMINATE SESSION.

#include "base/status.h"
#include "sql/activity/session_end.h"
#include "sql/own_statements.h"

namespace dashi::sql {

StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const EndSessionStatement& node) {
  Status status = EndSession(session, node.id, node.terminates);
  if (!status.ok()) {
    return statement.At(std::move(status), node.offset);
  }
  return Finished(node.terminates ? "TERMINATE SESSION" : "CANCEL SESSION");
}

}  // namespace dashi::sql
