#include "sql/activity/session_end.h"

#include <memory>

#include <fmt/format.h>

#include "base/status.h"
#include "sql/activity/session_directory.h"
#include "sql/database_impl.h"

namespace dashi::sql {

Status EndSession(const SessionState& by, std::uint64_t id, bool terminates) {
  const std::shared_ptr<SessionEntry> entry =
      id > UINT32_MAX ? nullptr : by.database.sessions().Find(static_cast<std::uint32_t>(id));
  if (entry == nullptr) {
    return Status::NotFound(fmt::format("there is no session {}", id))
        .WithSqlState("42704")
        .WithHint("SHOW SESSIONS lists them.");
  }
  if (entry->Get().user != by.user && !by.unrestricted && !by.rights.admin) {
    return Status::FailedPrecondition(
               fmt::format("permission denied: session {} is another role's", id))
        .WithSqlState("42501")
        .WithHint("It needs the role admin.");
  }
  if (!terminates) {
    entry->Cancel();
  } else if (!entry->Terminate()) {
    return Status::Unimplemented(
               fmt::format("session {} is of the program that has the database open", id))
        .WithSqlState("0A000")
        .WithHint("CANCEL SESSION ends what it runs.");
  }
  return Status();
}

}  // namespace dashi::sql
