#include <utility>

#include "base/status.h"
#include "query/compare.h"
#include "sql/database_impl.h"
#include "sql/option_nodes.h"
#include "sql/own_columns.h"
#include "sql/own_statements.h"

namespace dashi::sql {

namespace {

StatementResult MetricRows(const CompareStatement& compare, const query::Comparison& comparison) {
  std::vector<std::vector<Value>> rows;
  for (const trainer::MetricDifference& one : comparison.metrics) {
    rows.push_back({Value::Text(one.slice), Value::Text(std::string(MetricName(one.metric))),
                    Value::Integer(one.k), Value::Real(one.first), Value::Real(one.second),
                    Value::Real(one.second - one.first), Value::Real(one.low),
                    Value::Real(one.high), Value::Real(one.better),
                    Value::Integer(static_cast<std::int64_t>(one.num_documents))});
  }
  return Finished("COMPARE", OwnColumns(compare), std::move(rows));
}

StatementResult DocumentRows(const CompareStatement& compare, const query::Comparison& comparison) {
  std::vector<std::vector<Value>> rows;
  for (const query::ChangedDocument& one : comparison.documents) {
    rows.push_back({Value::Text(one.id), Value::Integer(comparison.k), Value::Real(one.first),
                    Value::Real(one.second), Value::Real(one.second - one.first)});
  }
  return Finished("COMPARE", OwnColumns(compare), std::move(rows));
}

}  // namespace

StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const CompareStatement& compare) {
  query::CompareRequest request;
  request.model = compare.release.model;
  request.release = compare.release.release;
  request.other_model = compare.other.model;
  request.other_release = compare.other.release;
  request.split = compare.split.value_or("test");
  request.options = ToOptionMap(compare.options);
  DASHI_ASSIGN_OR_RETURN(const auto view, ReadView(session));
  Result<query::Comparison> comparison =
      query::Compare(*view, session.database.releases(), request, session.on_progress,
                     [&] { return session.interruption.Poll(); });
  if (!comparison.ok()) {
    return AtOption(statement, std::move(comparison).status(), compare.options);
  }
  return comparison->shows_documents ? DocumentRows(compare, *comparison)
                                     : MetricRows(compare, *comparison);
}

}  // namespace dashi::sql
