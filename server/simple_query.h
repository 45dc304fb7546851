#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/status.h"
#include "server/message_sink.h"
#include "server/wire_encoder.h"
#include "sql/shell/statement_runner.h"
#include "sql/shell/statement_splitter.h"

namespace dashi {

/// Answers one Query message: runs its statements and sends their results, one error at most, and
/// ReadyForQuery. Several statements without a BEGIN, COMMIT or ROLLBACK among them are one
/// transaction: an error undoes them all.
///
/// Threads: one thread at a time.
class SimpleQuery {
 public:
  /// Both must outlive it.
  SimpleQuery(StatementRunner& runner, MessageSink& sink) : runner_(runner), sink_(sink) {}

  /// Errors: kUnavailable when the client is gone; errors of statements are sent, not returned.
  Status Run(std::string_view query);

 private:
  Status RunStatements(const std::vector<ScriptStatement>& statements, std::string_view query);
  Status RunStatement(const ScriptStatement& statement);
  Status SendRows(StatementResult& result);
  Status SendRow(const Row& row);
  /// Runs BEGIN, COMMIT or ROLLBACK of the implicit transaction.
  Status RunQuietly(std::string_view statement);
  void AppendFailure(const Status& status, std::size_t position);
  Status FlushIfLarge();
  Status Flush();

  StatementRunner& runner_;
  MessageSink& sink_;
  std::string out_;
  std::optional<std::string> last_tag_;  // held back until the implicit transaction is committed
  bool client_gone_ = false;
};

/// Returns the status byte of ReadyForQuery.
TransactionStatus TransactionStatusOf(const StatementRunner& runner);

/// Returns the types to announce for `columns`: the declared ones, or where a column has none, the
/// narrowest type that fits its values in the `first_rows`.
std::vector<WireColumn> WireColumnsOf(const std::vector<Column>& columns,
                                      const std::vector<Row>& first_rows);

}  // namespace dashi
