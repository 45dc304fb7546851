#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "sql/database_impl.h"
#include "sql/graph/graph_lookup.h"
#include "sql/graph/graph_options.h"
#include "sql/own_statements.h"

namespace dashi::sql {

using storage::GraphRecord;

StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const CreateGraphStatement& create) {
  DASHI_RETURN_IF_ERROR(RequireWritable(session, "CREATE GRAPH"));
  DASHI_ASSIGN_OR_RETURN(GraphRecord graph, ReadGraphDeclaration(statement, create));
  graph.created_at_micros = Clock::System().NowMicros();
  std::vector<std::string> notices;
  const auto write = [&](storage::Transaction& transaction) -> Status {
    notices.clear();
    DASHI_ASSIGN_OR_RETURN(const std::optional<GraphRecord> existing,
                           transaction.GetGraph(graph.name));
    if (existing && create.if_not_exists) {
      notices.push_back("there is a graph of that name already: " + graph.name + ", skipping");
      return Status();
    }
    Status created = transaction.CreateGraph(graph).status();
    return created.ok() ? created : statement.At(std::move(created), create.name_offset);
  };
  DASHI_RETURN_IF_ERROR(WriteAtomically(session, write));
  return Finished("CREATE GRAPH", std::move(notices));
}

StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const DropGraphStatement& drop) {
  DASHI_RETURN_IF_ERROR(RequireWritable(session, "DROP GRAPH"));
  std::vector<std::string> notices;
  const auto write = [&](storage::Transaction& transaction) -> Status {
    notices.clear();
    const Result<GraphRecord> graph = FindGraph(transaction, drop.name);
    if (graph.ok()) {
      return transaction.DropGraph(drop.name);
    }
    if (graph.status().sqlstate() != "42704" || !drop.if_exists) {
      return statement.At(graph.status(), drop.name_offset);
    }
    notices.push_back(std::string(graph.status().message()) + ", skipping");
    return Status();
  };
  DASHI_RETURN_IF_ERROR(WriteAtomically(session, write));
  session.database.WakeIndexBuilder();  // It removes the edges.
  return Finished("DROP GRAPH", std::move(notices));
}

}  // namespace dashi::sql
