#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/status.h"
#include "sql/object_comments.h"
#include "sql/own_statements.h"

namespace dashi::sql {

StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const CommentStatement& comment) {
  DASHI_RETURN_IF_ERROR(RequireWritable(session, "COMMENT"));
  const std::string text = comment.text.value_or("");
  if (text.size() > kCommentBytesMax) {
    return statement.At(
        Status::InvalidArgument(
            fmt::format("a comment has at most {} bytes: got {}", kCommentBytesMax, text.size()))
            .WithSqlState("54000"),
        comment.text_offset);
  }
  const auto write = [&](storage::Transaction& transaction) -> Status {
    DASHI_ASSIGN_OR_RETURN(const UserSchemas schemas, UserSchemas::Read(transaction));
    Result<CommentedObject> object =
        FindCommentedObject(transaction, schemas, comment.kind, comment.name);
    if (!object.ok()) {
      return statement.At(std::move(object).status(), comment.name_offset);
    }
    return transaction.PutSetting(object->setting, text);
  };
  DASHI_RETURN_IF_ERROR(WriteAtomically(session, write));
  return Finished("COMMENT");
}

}  // namespace dashi::sql
