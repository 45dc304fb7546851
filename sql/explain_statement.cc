// EXPLAIN, and DESCRIBE of a query: methods of SessionImpl, since they plan statements of the
// session.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/status.h"
#include "sql/inner_query.h"
#include "sql/own_columns.h"
#include "sql/plan_analysis.h"
#include "sql/session_impl.h"
#include "sql/write_statement.h"

namespace dashi::internal {

Result<std::unique_ptr<RowSource>> SessionImpl::RunExplain(
    const std::shared_ptr<const sql::ParsedStatement>& statement, std::span<const Value> values) {
  const sql::SqliteVerb verb = std::get<sql::SqliteStatement>(statement->node).run_verb();
  std::vector<std::string> lines;
  if (verb == sql::SqliteVerb::kSelect) {
    DASHI_ASSIGN_OR_RETURN(sql::StatementContext context, NewContext());
    DASHI_ASSIGN_OR_RETURN(lines, Explain(*statement, values, context));
  } else {
    DASHI_RETURN_IF_ERROR(RequireWritable(state_, sql::WriteWord(verb)));
    const auto write = [&](storage::Transaction& transaction) -> Status {
      DASHI_ASSIGN_OR_RETURN(sql::StatementContext context,
                             NewWriteContext(*statement, transaction));
      DASHI_ASSIGN_OR_RETURN(lines, Explain(*statement, values, context));
      return Status();
    };
    DASHI_RETURN_IF_ERROR(WriteAtomically(state_, write));
  }
  std::vector<Row> rows;
  rows.reserve(lines.size());
  for (std::string& line : lines) {
    rows.push_back({Value::Text(std::move(line))});
  }
  return sql::Finished("EXPLAIN", sql::PlanColumns(), std::move(rows));
}

std::vector<std::string> SessionImpl::PlanOf(const sql::ParsedStatement& statement,
                                             sql::StatementContext& context) {
  const Result<std::vector<std::string>> lines =
      CatchAsStatus("plan of a slow statement", [&]() -> Result<std::vector<std::string>> {
        DASHI_ASSIGN_OR_RETURN(const sql::ParsedStatement explain,
                               sql::ParseOne("EXPLAIN " + std::string(statement.text())));
        // The plan is that of any values.
        const std::vector<Value> values(explain.num_parameters);
        return Explain(explain, values, context);
      });
  lines.status().IgnoreError("the log has the statement without a plan");
  return lines.ok() ? *lines : std::vector<std::string>();
}

Result<std::vector<std::string>> SessionImpl::Explain(const sql::ParsedStatement& statement,
                                                      std::span<const Value> values,
                                                      sql::StatementContext& context) {
  DASHI_ASSIGN_OR_RETURN(const sql::CompiledStatement compiled,
                         sqlite_->Compile(statement, context));
  DASHI_RETURN_IF_ERROR(sqlite_->Bind(compiled.get(), values));
  std::vector<std::pair<std::int64_t, std::size_t>> depths{{0, 0}};  // Of the nodes by their id.
  std::vector<sql::PlanLine> plan;
  Row row;
  for (;;) {
    DASHI_ASSIGN_OR_RETURN(const bool more, sqlite_->Step(compiled.get(), statement, context));
    if (!more) {
      break;
    }
    DASHI_RETURN_IF_ERROR(sql::SqliteConnection::ReadRow(compiled.get(), &row).status());
    std::size_t depth = 0;
    for (const auto& [id, node_depth] : depths) {
      depth = id == row[1].integer() ? node_depth : depth;
    }
    depths.emplace_back(row[0].integer(), depth + 1);
    plan.push_back({depth, std::string(row[3].text())});
  }
  std::vector<std::string> lines;
  if (std::get<sql::SqliteStatement>(statement.node).analyze) {
    sql::PlanAnalysis analysis;
    DASHI_ASSIGN_OR_RETURN(std::string total, Analyze(statement, values, context, &analysis));
    context.analysis = nullptr;
    lines = analysis.Lines(plan);
    lines.push_back(std::move(total));
    return lines;
  }
  lines.reserve(plan.size());
  for (const sql::PlanLine& line : plan) {
    lines.push_back(std::string(line.depth * 2, ' ') + line.text);
  }
  return lines;
}

Result<std::string> SessionImpl::Analyze(const sql::ParsedStatement& statement,
                                         std::span<const Value> values,
                                         sql::StatementContext& context,
                                         sql::PlanAnalysis* analysis) {
  constexpr double kMsPerSecond = 1000;
  context.analysis = analysis;
  const Stopwatch stopwatch;
  DASHI_ASSIGN_OR_RETURN(const sql::CompiledStatement compiled,
                         sqlite_->CompileAnalyzed(statement, context));
  if (context.transaction != nullptr) {
    DASHI_ASSIGN_OR_RETURN(const sql::WriteOutcome outcome,
                           sql::RunWriteStatement(*sqlite_, statement, values, compiled, context));
    return fmt::format("{} rows changed in {:.3f} ms", outcome.rows_changed,
                       stopwatch.Seconds() * kMsPerSecond);
  }
  DASHI_RETURN_IF_ERROR(sqlite_->Bind(compiled.get(), values));
  std::uint64_t num_rows = 0;
  for (;; ++num_rows) {
    DASHI_ASSIGN_OR_RETURN(const bool more, sqlite_->Step(compiled.get(), statement, context));
    if (!more) {
      break;
    }
  }
  return fmt::format("{} rows in {:.3f} ms", num_rows, stopwatch.Seconds() * kMsPerSecond);
}

Result<std::unique_ptr<RowSource>> SessionImpl::DescribeQuery(
    const sql::ParsedStatement& statement, const sql::DescribeStatement& describe) {
  DASHI_ASSIGN_OR_RETURN(sql::StatementContext context, NewContext());
  DASHI_ASSIGN_OR_RETURN(const sql::CompiledStatement compiled,
                         sqlite_->Compile(sql::StatementOf(statement, *describe.query), context));
  const std::vector<Column> columns = compiled.Columns();
  std::vector<Row> rows;
  rows.reserve(columns.size());
  for (const Column& column : columns) {
    const bool typed = column.sql_type != SqlType::kUnknown;
    rows.push_back(
        {Value::Text(column.name),
         typed ? Value::Text(std::string(SqlTypeName(column.sql_type))) : Value::Null()});
  }
  return sql::Finished("DESCRIBE", sql::OwnColumns(describe), std::move(rows));
}

}  // namespace dashi::internal
