#include "server/operations/statement_metrics.h"

#include <algorithm>

#include <fmt/format.h>

namespace dashi {

void StatementMetrics::Note(const StatementReport& report) {
  const std::int64_t micros = report.duration.count();
  const auto* bucket = std::lower_bound(kBuckets.begin(), kBuckets.end(), micros);
  const MutexLock lock(mutex_);
  if (report.kind.empty()) {
    ++unparsed_[std::string(report.sqlstate)];
    return;
  }
  auto found = series_.find(report.kind);
  if (found == series_.end()) {
    found = series_.emplace(std::string(report.kind), Series()).first;
  }
  Series& series = found->second;
  ++series.count;
  series.micros += micros;
  series.num_rows += report.num_rows;
  series.num_slow += report.slow ? 1 : 0;
  if (bucket != kBuckets.end()) {
    ++series.counts[static_cast<std::size_t>(bucket - kBuckets.begin())];
  }
  if (report.sqlstate != "00000") {
    ++errors_[{std::string(report.kind), std::string(report.sqlstate)}];
  }
}

void StatementMetrics::Append(PrometheusText* out) const {
  const MutexLock lock(mutex_);
  constexpr std::string_view kSeconds = "dashi_statement_seconds";
  out->Metric(kSeconds, "histogram", "from a statement's begin to its last row, as it was read");
  for (const auto& [kind, series] : series_) {
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < kBuckets.size(); ++i) {
      below += series.counts[i];
      out->Sample(
          fmt::format("{}_bucket", kSeconds),
          {{"kind", kind}, {"le", fmt::format("{}", static_cast<double>(kBuckets[i]) / 1e6)}},
          below);
    }
    out->Sample(fmt::format("{}_bucket", kSeconds), {{"kind", kind}, {"le", "+Inf"}}, series.count);
    out->Sample(fmt::format("{}_sum", kSeconds), {{"kind", kind}},
                static_cast<double>(series.micros) / 1e6);
    out->Sample(fmt::format("{}_count", kSeconds), {{"kind", kind}}, series.count);
  }
  out->Metric("dashi_statement_rows_total", "counter", "rows that statements returned");
  for (const auto& [kind, series] : series_) {
    out->Sample("dashi_statement_rows_total", {{"kind", kind}}, series.num_rows);
  }
  out->Metric("dashi_slow_statements_total", "counter",
              "statements that took slow_statement or longer");
  for (const auto& [kind, series] : series_) {
    out->Sample("dashi_slow_statements_total", {{"kind", kind}}, series.num_slow);
  }
  out->Metric("dashi_statement_errors_total", "counter", "statements that ended with an error");
  for (const auto& [key, count] : errors_) {
    out->Sample("dashi_statement_errors_total", {{"kind", key.first}, {"sqlstate", key.second}},
                count);
  }
  out->Metric("dashi_statements_unparsed_total", "counter",
              "texts that do not parse, and statements that cannot be prepared");
  for (const auto& [sqlstate, count] : unparsed_) {
    out->Sample("dashi_statements_unparsed_total", {{"sqlstate", sqlstate}}, count);
  }
}

}  // namespace dashi
