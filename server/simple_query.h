#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/status.h"
#include "server/client_session.h"
#include "server/copy_inbox.h"
#include "server/extended_messages.h"
#include "server/message_sink.h"
#include "server/reply_buffer.h"
#include "sql/shell/statement_runner.h"
#include "sql/shell/statement_splitter.h"

namespace dashi {

/// Answers one Query message: runs its statements and sends their results, one error at most, and
/// ReadyForQuery. Several statements are one transaction, as ClientSession has it: an error undoes
/// them all.
///
/// Threads: one thread at a time.
class SimpleQuery {
 public:
  /// All must outlive it. `inbox` has the input of a COPY.
  SimpleQuery(ClientSession& session, MessageSink& sink, CopyInbox& inbox)
      : session_(session), inbox_(inbox), replies_(sink) {}

  /// Returns kSynced or kLost.
  ///
  /// Errors: kUnavailable when the client is gone; errors of statements are sent, not returned.
  Result<SeriesEnd> Run(std::string_view query);

 private:
  Status RunStatements(const std::vector<ScriptStatement>& statements, std::string_view query);
  Status RunStatement(const ScriptStatement& statement, ClientSession::Place place);
  Status SendRows(std::unique_ptr<StatementResult> result);
  /// Undoes what is to be undone because of an error, and tells it.
  void Fail(const Status& status, const ScriptStatement& statement, std::string_view query);
  void AppendFailure(const Status& status, std::size_t position);

  ClientSession& session_;
  CopyInbox& inbox_;
  ReplyBuffer replies_;
  std::optional<std::string> last_tag_;  // held back until the series is committed
};

}  // namespace dashi
