#include "server/operations/database_metrics.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/logging.h"
#include "base/status.h"

namespace dashi {

namespace {

std::string TextOf(const Value& value) {
  return value.type() == ValueType::kText ? std::string(value.text()) : value.ToString();
}

Result<std::vector<Row>> RowsOf(Session& session, std::string_view sql) {
  DASHI_ASSIGN_OR_RETURN(ResultSet result, session.Execute(sql));
  std::vector<Row> rows;
  Row row;
  for (;;) {
    DASHI_ASSIGN_OR_RETURN(const bool more, result.Next(&row));
    if (!more) {
      return rows;
    }
    rows.push_back(std::exchange(row, Row()));
  }
}

void ForEachRow(Session& session, std::string_view sql,
                const std::function<void(const Row& row)>& take) {
  const Result<std::vector<Row>> rows = RowsOf(session, sql);
  if (!rows.ok()) {
    LogWarning("metrics: {}", rows.status().ToString());
    return;
  }
  std::for_each(rows->begin(), rows->end(), take);
}

void AppendReleases(Session& session, PrometheusText* out) {
  constexpr std::string_view kQuery =
      "SELECT name, labels, documents, refresh_lag, metrics FROM releases WHERE published";
  std::vector<Row> rows;
  ForEachRow(session, kQuery, [&rows](const Row& row) { rows.push_back(row); });
  struct Column {
    std::size_t at;
    std::string_view name;
    std::string_view help;
  };
  constexpr Column kColumns[] = {
      {1, "dashi_release_labels", "labels of a published release"},
      {2, "dashi_release_documents", "documents that a published release was made of"},
      {3, "dashi_refresh_lag_seconds", "age of the oldest change that a release does not show"}};
  for (const Column& column : kColumns) {
    out->Metric(column.name, "gauge", column.help);
    for (const Row& row : rows) {
      if (!row[column.at].is_null()) {
        out->Sample(column.name, {{"release", row[0].text()}}, row[column.at].real());
      }
    }
  }
  out->Metric("dashi_release_metric", "gauge",
              "what was measured of a published release: accuracy, recall of its index, times");
  for (const Row& row : rows) {
    const auto metrics = nlohmann::json::parse(TextOf(row[4]), nullptr, /*allow_exceptions=*/false);
    for (const auto& [name, value] : metrics.items()) {
      if (value.is_number()) {
        out->Sample("dashi_release_metric", {{"release", row[0].text()}, {"metric", name}},
                    value.get<double>());
      }
    }
  }
}

void AppendJobs(Session& session, PrometheusText* out) {
  out->Metric("dashi_jobs", "gauge", "training jobs by state");
  ForEachRow(session, "SELECT kind, state, count(*) FROM jobs GROUP BY kind, state",
             [out](const Row& row) {
               out->Sample("dashi_jobs", {{"kind", row[0].text()}, {"state", row[1].text()}},
                           row[2].real());
             });
  out->Metric("dashi_job_progress_ratio", "gauge", "how far the phase of a running job is");
  ForEachRow(session, "SELECT id, phase, done, total FROM jobs WHERE state = 'running'",
             [out](const Row& row) {
               const double total = row[3].real();
               out->Sample("dashi_job_progress_ratio",
                           {{"job", TextOf(row[0])}, {"phase", TextOf(row[1])}},
                           total > 0 ? row[2].real() / total : 0.0);
             });
}

void AppendStorageFigures(Session& session, PrometheusText* out) {
  ForEachRow(
      session, "SELECT name, value, description FROM storage_figures", [out](const Row& row) {
        out->Gauge(fmt::format("dashi_storage_{}", row[0].text()), row[2].text(), row[1].real());
      });
}

void AppendSearchTimes(Session& session, PrometheusText* out) {
  constexpr std::string_view kSeconds = "dashi_topk_seconds";
  out->Metric(kSeconds, "histogram", "what the parts of a topk take: encode, search, rank");
  std::uint64_t searches = 0;  // of this part, in this bucket and below
  double seconds = 0;
  ForEachRow(
      session,
      "SELECT part, up_to, searches, seconds FROM search_times "
      "ORDER BY part, up_to NULLS LAST",
      [&, out](const Row& row) {
        const std::string_view part = row[0].text();
        const bool is_last = row[1].is_null();
        searches += static_cast<std::uint64_t>(row[2].integer());
        seconds += row[3].real();
        const std::string up_to = is_last ? "+Inf" : fmt::format("{:g}", row[1].real());
        out->Sample(fmt::format("{}_bucket", kSeconds), {{"part", part}, {"le", up_to}}, searches);
        if (is_last) {
          out->Sample(fmt::format("{}_sum", kSeconds), {{"part", part}}, std::exchange(seconds, 0));
          out->Sample(fmt::format("{}_count", kSeconds), {{"part", part}},
                      std::exchange(searches, 0));
        }
      });
}

}  // namespace

void AppendDatabaseMetrics(Session& session, PrometheusText* out) {
  out->Metric("dashi_memory_bytes", "gauge", "what the database keeps in memory, by use");
  ForEachRow(session, "SELECT name, bytes FROM memory", [out](const Row& row) {
    out->Sample("dashi_memory_bytes", {{"use", row[0].text()}}, row[1].real());
  });
  out->Metric("dashi_role_memory_bytes", "gauge",
              "what the sessions of a role and their statements hold");
  ForEachRow(session,
             "SELECT user, sum(memory_bytes) FROM sessions WHERE user <> 'dashi_probe' "
             "GROUP BY user",
             [out](const Row& row) {
               out->Sample("dashi_role_memory_bytes", {{"role", row[0].text()}}, row[1].real());
             });
  out->Metric("dashi_role_memory_limit_bytes", "gauge", "of roles that have a MEMORY LIMIT");
  ForEachRow(
      session, "SELECT name, memory_limit FROM roles WHERE memory_limit IS NOT NULL",
      [out](const Row& row) {
        out->Sample("dashi_role_memory_limit_bytes", {{"role", row[0].text()}}, row[1].real());
      });
  out->Metric("dashi_sessions", "gauge", "open sessions by state");
  ForEachRow(session,
             "SELECT state, count(*) FROM sessions WHERE user <> 'dashi_probe' GROUP BY state",
             [out](const Row& row) {
               out->Sample("dashi_sessions", {{"state", row[0].text()}}, row[1].real());
             });
  AppendStorageFigures(session, out);
  AppendSearchTimes(session, out);
  AppendJobs(session, out);
  AppendReleases(session, out);
}

void AppendProcessMetrics(PrometheusText* out) {
  rusage usage = {};
  if (::getrusage(RUSAGE_SELF, &usage) == 0) {
    const auto seconds = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
    };
    out->Metric("process_cpu_seconds_total", "counter", "processor time");
    out->Sample("process_cpu_seconds_total", {}, seconds(usage.ru_utime) + seconds(usage.ru_stime));
  }
  std::uint64_t pages = 0;
  std::uint64_t resident = 0;
  if (std::ifstream("/proc/self/statm") >> pages >> resident) {
    const auto page = static_cast<double>(::sysconf(_SC_PAGESIZE));
    out->Gauge("process_resident_memory_bytes", "resident memory",
               static_cast<double>(resident) * page);
  }
  std::error_code error;
  std::filesystem::directory_iterator descriptors("/proc/self/fd", error);
  if (!error) {
    out->Gauge("process_open_fds", "open file descriptors",
               static_cast<double>(std::distance(begin(descriptors), end(descriptors))));
  }
}

}  // namespace dashi
