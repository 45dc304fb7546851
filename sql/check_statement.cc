#include "sql/check_statement.h"

#include "base/status.h"
#include "sql/database_impl.h"
#include "sql/own_columns.h"
#include "sql/own_statements.h"
#include "sql/statement_monitor.h"

namespace dashi::sql {

std::vector<Row> CheckRows(const storage::CheckReport& report) {
  std::vector<Row> rows;
  for (const storage::CheckProblem& problem : report.problems) {
    rows.push_back({Value::Text(problem.object), Value::Text(problem.problem),
                    problem.detail.empty() ? Value::Null() : Value::Text(problem.detail)});
  }
  return rows;
}

std::vector<std::string> CheckNotices(const storage::CheckReport& report) {
  std::vector<std::string> notices = report.notes;
  if (report.num_problems > report.problems.size()) {
    notices.push_back("problems that are not listed: " +
                      std::to_string(report.num_problems - report.problems.size()));
  }
  notices.push_back("checked at commit " + std::to_string(report.commit_sequence) + ": " +
                    std::to_string(report.num_files) + " files of " +
                    std::to_string(report.num_file_bytes) + " bytes, " +
                    std::to_string(report.num_rows) + " rows, " + std::to_string(report.num_pairs) +
                    " relevance pairs, " + std::to_string(report.num_edges) + " edges, " +
                    std::to_string(report.num_embeddings) +
                    " embeddings; problems: " + std::to_string(report.num_problems));
  return notices;
}

StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& /*statement*/,
                                    const CheckDatabaseStatement& check) {
  DASHI_RETURN_IF_ERROR(RefuseInBlock(session, "CHECK DATABASE"));
  StatementMonitor monitor(session, "CHECK DATABASE");
  DASHI_ASSIGN_OR_RETURN(const storage::CheckReport report,
                         session.database.store().Check(monitor));
  return Finished("CHECK DATABASE", OwnColumns(check), CheckRows(report), CheckNotices(report));
}

}  // namespace dashi::sql
