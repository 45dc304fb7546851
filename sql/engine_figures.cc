#include "sql/engine_figures.h"

#include <cstdint>
#include <string>

#include "base/status.h"
#include "query/search_times.h"
#include "sql/database_impl.h"

namespace dashi::sql {

namespace {

constexpr double kSecondsPerMicro = 1e-6;

Value IntegerOf(std::uint64_t value) { return Value::Integer(static_cast<std::int64_t>(value)); }

}  // namespace

Result<std::vector<Row>> LoadStorageFigures(StatementContext& statement) {
  const std::vector<storage::StorageFigure> figures = statement.database->store().Figures();
  std::vector<Row> rows;
  rows.reserve(figures.size());
  for (const storage::StorageFigure& figure : figures) {
    rows.push_back({Value::Text(std::string(figure.name)), IntegerOf(figure.value),
                    Value::Text(std::string(figure.description))});
  }
  return rows;
}

Result<std::vector<Row>> LoadSearchTimes(StatementContext& statement) {
  const query::SearchTimes& times = statement.database->releases().search_times();
  std::vector<Row> rows;
  rows.reserve(query::kNumSearchParts * (query::SearchTimes::kBuckets.size() + 1));
  for (const query::SearchPart part : query::kSearchParts) {
    for (const query::SearchTimes::Bucket& bucket : times.Of(part)) {
      rows.push_back({Value::Text(std::string(query::SearchPartName(part))),
                      bucket.up_to_micros ? Value::Real(static_cast<double>(*bucket.up_to_micros) *
                                                        kSecondsPerMicro)
                                          : Value::Null(),
                      IntegerOf(bucket.num_searches),
                      Value::Real(static_cast<double>(bucket.micros) * kSecondsPerMicro)});
    }
  }
  return rows;
}

}  // namespace dashi::sql
