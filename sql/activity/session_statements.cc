// CANCEL SESSION and TERMINATE SESSION.

#include <memory>

#include <fmt/format.h>

#include "base/status.h"
#include "sql/activity/session_directory.h"
#include "sql/database_impl.h"
#include "sql/own_statements.h"
#include "sql/roles/statement_rights.h"

namespace dashi::sql {

StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const EndSessionStatement& node) {
  const std::shared_ptr<SessionEntry> entry =
      node.id > UINT32_MAX ? nullptr
                           : session.database.sessions().Find(static_cast<std::uint32_t>(node.id));
  if (entry == nullptr) {
    return statement.At(Status::NotFound(fmt::format("there is no session {}", node.id))
                            .WithSqlState("42704")
                            .WithHint("SHOW SESSIONS lists them."),
                        node.offset);
  }
  const bool own = entry->Get().user == session.user;
  if (!own && !session.unrestricted && !session.rights.admin) {
    return Status::FailedPrecondition(
               fmt::format("permission denied: session {} is another role's", node.id))
        .WithSqlState("42501")
        .WithHint("It needs the role admin.");
  }
  if (!node.terminates) {
    entry->Cancel();
    return Finished("CANCEL SESSION");
  }
  if (!entry->Terminate()) {
    return Status::Unimplemented(
               fmt::format("session {} is of the program that has the database open", node.id))
        .WithSqlState("0A000")
        .WithHint("CANCEL SESSION ends what it runs.");
  }
  return Finished("TERMINATE SESSION");
}

}  // namespace dashi::sql
