// Measures how long searches take while labels come: refresh_latency DATABASE QUERIES LABELS [S]
//
// Not a Google Benchmark: one thread asks topk() for ten labels of one line of the file QUERIES
// after the other, for S seconds (5) alone; then beside a session that copies the labels of the
// file LABELS (jsonl) into the database, until they are embedded and, where they are many, sealed;
// then alone again. DATABASE has one published model.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/status.h"
#include "dashi/database.h"

namespace dashi {
namespace {

Result<std::vector<std::string>> ReadLines(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    lines.push_back(line);
  }
  return lines.empty() ? Result<std::vector<std::string>>(Status::IoError("no lines in " + path))
                       : lines;
}

/// The value of a query's first column and row.
Result<Value> Ask(Session& session, std::string_view sql, std::span<const Value> values = {}) {
  DASHI_ASSIGN_OR_RETURN(ResultSet result, session.Execute(sql, values));
  Row row;
  DASHI_ASSIGN_OR_RETURN(const bool more, result.Next(&row));
  return more ? row[0] : Value::Null();
}

class Searcher {
 public:
  Searcher(Database& database, std::vector<std::string> queries)
      : session_(std::move(database.NewSession()).value()), queries_(std::move(queries)) {}

  /// Searches until told to stop and prints how long that took.
  Status Run(std::string_view name, const std::function<bool()>& stop) {
    std::vector<double> millis;
    const Stopwatch all;
    while (!stop()) {
      const std::vector<Value> values{Value::Text(queries_[next_++ % queries_.size()])};
      const Stopwatch one;
      DASHI_RETURN_IF_ERROR(Ask(*session_, "SELECT count(*) FROM topk($1, 10)", values).status());
      constexpr double kMillis = 1000;
      millis.push_back(one.Seconds() * kMillis);
    }
    std::sort(millis.begin(), millis.end());
    const auto at = [&](double share) {
      return millis.empty()
                 ? 0.0
                 : millis[static_cast<std::size_t>(share * static_cast<double>(millis.size() - 1))];
    };
    fmt::print(
        "{:24} {:7.2f} s {:7} searches, p50 {:.2f} ms, p99 {:.2f} ms, the longest {:.2f} ms\n",
        name, all.Seconds(), millis.size(), at(0.5), at(0.99), at(1));
    return Status::Ok();
  }

 private:
  const std::unique_ptr<Session> session_;
  const std::vector<std::string> queries_;
  std::size_t next_ = 0;
};

Status Measure(const std::string& directory, const std::string& queries_path,
               const std::string& labels_path, double seconds) {
  DASHI_ASSIGN_OR_RETURN(std::vector<std::string> queries, ReadLines(queries_path));
  DASHI_ASSIGN_OR_RETURN(const auto database, Database::Open(directory));
  Searcher searcher(*database, std::move(queries));
  const auto alone = [&](std::string_view name) {
    const Stopwatch stopwatch;
    return searcher.Run(name, [&] { return stopwatch.Seconds() > seconds; });
  };
  DASHI_RETURN_IF_ERROR(alone("begin"));
  DASHI_RETURN_IF_ERROR(alone("alone"));
  std::atomic<bool> copied{false};
  std::atomic<bool> settled{false};
  Status failed;
  Mutex mutex;
  CondVar pause;  // Nobody ends it.
  std::thread writer([&] {
    const auto run = [&]() -> Status {
      DASHI_ASSIGN_OR_RETURN(const auto session, database->NewSession());
      DASHI_ASSIGN_OR_RETURN(const Value published,
                             Ask(*session, "SELECT model FROM releases WHERE published"));
      const std::string model(published.text());
      const Stopwatch stopwatch;
      DASHI_RETURN_IF_ERROR(session
                                ->Execute("COPY labels FROM '" + labels_path +
                                          "' WITH (FORMAT jsonl, unknown = 'ignore')")
                                .status());
      fmt::print("copied after {:.2f} s\n", stopwatch.Seconds());
      copied = true;
      const auto wait = [&](std::string_view what, std::string_view condition) -> Status {
        const std::string sql = fmt::format("SELECT {} FROM releases WHERE published", condition);
        for (;;) {
          DASHI_ASSIGN_OR_RETURN(const Value done, Ask(*session, sql));
          if (!done.is_null() && done.integer() != 0) {
            fmt::print("{} after {:.2f} s\n", what, stopwatch.Seconds());
            return Status::Ok();
          }
          const MutexLock lock(mutex);
          pause.WaitFor(mutex, std::chrono::milliseconds(20));
        }
      };
      DASHI_RETURN_IF_ERROR(session->Execute("REFRESH MODEL " + model).status());
      fmt::print("embedded after {:.2f} s\n", stopwatch.Seconds());
      return wait("sealed", "new_labels - sealed_labels < (SELECT seal_rows FROM models)");
    };
    failed = run();
    copied = settled = true;
  });
  Status searched = searcher.Run("beside COPY", [&] { return copied.load(); });
  if (searched.ok()) {
    searched = searcher.Run("beside the refresh", [&] { return settled.load(); });
  }
  writer.join();
  DASHI_RETURN_IF_ERROR(failed);
  DASHI_RETURN_IF_ERROR(searched);
  return alone("alone again");
}

}  // namespace
}  // namespace dashi

int main(int argc, char** argv) {
  if (argc < 4) {
    fmt::print(stderr, "usage: refresh_latency DATABASE QUERIES LABELS [SECONDS]\n");
    return EXIT_FAILURE;
  }
  const dashi::Status status =
      dashi::Measure(argv[1], argv[2], argv[3], argc > 4 ? std::atof(argv[4]) : 5);
  if (!status.ok()) {
    fmt::print(stderr, "{}\n", status.ToString());
  }
  return status.ok() ? EXIT_SUCCESS : EXIT_FAILURE;
}
