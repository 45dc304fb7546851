#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "server/client_session.h"
#include "server/client_statement.h"
#include "sql/shell/statement_runner.h"

namespace dashi {

/// A ClientStatement that has been prepared.
///
/// Threads: its session's.
class ClientQuery final : public PreparedQuery {
 public:
  /// Returns null for a statement that is the database's. `session` must outlive the query.
  ///
  /// Errors: those of ParseClientStatement, and of preparing the query of a DECLARE.
  static Result<std::unique_ptr<PreparedQuery>> Make(ClientSession& session,
                                                     std::string_view statement);

  std::vector<SqlType> parameter_types() const override;
  std::vector<Column> columns() const override;
  Result<std::unique_ptr<StatementResult>> Run(std::span<const Value> values) override;

 private:
  using Outcome = ClientSession::Outcome;

  ClientQuery(ClientSession& session, ClientStatement statement)
      : session_(session), statement_(std::move(statement)) {}

  Outcome Declare(const DeclareCursor& declare, std::span<const Value> values);
  Outcome Fetch(const FetchCursor& fetch);
  Outcome Close(const CloseCursor& close);
  Outcome Prepare(const PrepareStatement& prepare);
  Outcome Execute(const ExecutePrepared& execute);
  Outcome Free(const Deallocate& deallocate);
  Outcome Reset(const Discard& discard);
  Result<std::vector<Value>> Evaluate(const ExecutePrepared& execute,
                                      const NamedStatement& statement);

  ClientSession& session_;
  const ClientStatement statement_;
  // Sharers: the cursor that a DECLARE opens.
  std::shared_ptr<PreparedQuery> query_;
};

}  // namespace dashi
