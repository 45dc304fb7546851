// Searches of the embedded API, for peers/server_search.py: embedded_search DATABASE QUERIES
//
// Not a Google Benchmark: asks topk() for ten labels of the lines of the file QUERIES, as lines of
// its input say, and answers each with a line:
//
//   one        one thread asks each line once: the seconds of each, with blanks between them
//   many T S   T threads ask for S seconds: how many they have asked

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/status.h"
#include "dashi/database.h"

namespace dashi {
namespace {

class Searcher {
 public:
  Searcher(Database& database, const std::vector<std::string>& queries)
      : queries_(queries),
        session_(std::move(database.NewSession()).value()),
        statement_(std::move(session_->Prepare("SELECT label, score FROM topk($1, 10)")).value()) {}

  /// Reads the ten labels of a query. Returns how many there were.
  Result<std::size_t> Ask(std::size_t query) {
    const std::vector<Value> values{Value::Text(queries_[query % queries_.size()])};
    DASHI_ASSIGN_OR_RETURN(ResultSet result, statement_.Execute(values));
    Row row;
    std::size_t num_rows = 0;
    for (;;) {
      DASHI_ASSIGN_OR_RETURN(const bool more, result.Next(&row));
      if (!more) {
        return num_rows;
      }
      ++num_rows;
    }
  }

 private:
  const std::vector<std::string>& queries_;
  const std::unique_ptr<Session> session_;
  PreparedStatement statement_;
};

Status AskOne(Database& database, const std::vector<std::string>& queries) {
  Searcher searcher(database, queries);
  DASHI_RETURN_IF_ERROR(searcher.Ask(0).status());
  std::string line;
  for (std::size_t i = 0; i < queries.size(); ++i) {
    const Stopwatch stopwatch;
    DASHI_RETURN_IF_ERROR(searcher.Ask(i).status());
    line += fmt::format("{:.7f} ", stopwatch.Seconds());
  }
  std::cout << line << std::endl;
  return Status();
}

Status AskMany(Database& database, const std::vector<std::string>& queries, std::size_t num_threads,
               double seconds) {
  std::atomic<std::size_t> num_asked = 0;
  std::atomic<bool> failed = false;
  const Stopwatch stopwatch;
  std::vector<std::thread> threads;
  threads.reserve(num_threads);
  for (std::size_t i = 0; i < num_threads; ++i) {
    threads.emplace_back([&, i] {
      Searcher searcher(database, queries);
      for (std::size_t query = i * queries.size() / num_threads; stopwatch.Seconds() < seconds;
           ++query) {
        if (!searcher.Ask(query).ok()) {
          failed = true;
          return;
        }
        ++num_asked;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  std::cout << num_asked << std::endl;
  return failed ? Status::Internal("a search has failed") : Status();
}

Status Obey(const std::string& directory, const std::string& queries_path) {
  std::ifstream file(queries_path);
  std::vector<std::string> queries;
  for (std::string line; std::getline(file, line);) {
    queries.push_back(line);
  }
  if (queries.empty()) {
    return Status::IoError("no lines in " + queries_path);
  }
  DASHI_ASSIGN_OR_RETURN(const auto database, Database::Open(directory));
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string what;
    std::size_t num_threads = 1;
    double seconds = 1;
    words >> what >> num_threads >> seconds;
    DASHI_RETURN_IF_ERROR(what == "one" ? AskOne(*database, queries)
                                        : AskMany(*database, queries, num_threads, seconds));
  }
  return Status();
}

}  // namespace
}  // namespace dashi

int main(int argc, char** argv) {
  if (argc != 3) {
    fmt::print(stderr, "usage: embedded_search DATABASE QUERIES\n");
    return EXIT_FAILURE;
  }
  const dashi::Status status = dashi::Obey(argv[1], argv[2]);
  if (!status.ok()) {
    fmt::print(stderr, "{}\n", status.ToString());
  }
  return status.ok() ? EXIT_SUCCESS : EXIT_FAILURE;
}
