// Builds an HNSW graph over the vectors of a file and times searches, one query after the other.
//
// Usage: graph_search FOLDER DIM [ef=16,32,...] [k=10] [threads=1] [search=1,2,...]
// [entry=0|...|100] FOLDER has base.f32 and query.f32, rows of DIM float32. Writes the positions
// that were found to FOLDER/dashi_<ef>.u32 ([queries, k]) and prints lines of JSON: the seconds of
// all queries for each number of threads in `search`. `threads` builds. `entry` is
// HnswOptions::entry_percent. bench/peers/graph_search.py makes such a folder, and compares.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/clock.h"
#include "base/status.h"
#include "base/thread_pool.h"
#include "index/vector_index.h"
#include "index/vector_kernels.h"

namespace dashi::index {
namespace {

constexpr int kPasses = 3;
constexpr std::size_t kQueriesAChunk = 8;

struct Arguments {
  std::string folder;
  std::size_t dim = 0;
  std::vector<std::size_t> beams = {16, 24, 32, 48, 64, 96, 128, 192, 256, 512};
  std::size_t k = 10;
  int num_threads = 1;
  std::vector<std::size_t> search_threads = {1};
  std::optional<std::uint32_t> entry_percent;
};

std::vector<std::size_t> Numbers(std::string_view list) {
  std::vector<std::size_t> numbers;
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(','), list.size());
    numbers.push_back(std::strtoull(std::string(list.substr(0, end)).c_str(), nullptr, 10));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return numbers;
}

Result<Arguments> ParseArguments(std::span<char*> given) {
  if (given.size() < 3) {
    return Status::InvalidArgument(
        "usage: graph_search FOLDER DIM [ef=...] [k=10] [threads=1] [search=1] [entry=N]");
  }
  Arguments arguments;
  arguments.folder = given[1];
  const std::vector<std::size_t> dims = Numbers(given[2]);
  arguments.dim = dims.empty() ? 0 : dims[0];
  for (const std::string_view argument : given.subspan(3)) {
    const std::size_t equals = std::min(argument.find('='), argument.size());
    const std::vector<std::size_t> numbers =
        Numbers(argument.substr(std::min(equals + 1, argument.size())));
    const std::string_view name = argument.substr(0, equals);
    if (numbers.empty() ||
        (name != "ef" && name != "k" && name != "threads" && name != "search" && name != "entry")) {
      return Status::InvalidArgument("unknown argument: " + std::string(argument));
    }
    if (name == "ef") {
      arguments.beams = numbers;
    } else if (name == "k") {
      arguments.k = numbers[0];
    } else if (name == "entry") {
      arguments.entry_percent = static_cast<std::uint32_t>(numbers[0]);
    } else if (name == "search") {
      arguments.search_threads = numbers;
    } else {
      arguments.num_threads = static_cast<int>(numbers[0]);
    }
  }
  return arguments.dim > 0 ? Result<Arguments>(arguments)
                           : Status::InvalidArgument("DIM must be above 0");
}

Result<std::vector<float>> ReadRows(const std::string& path, std::size_t dim) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  const auto size = static_cast<std::size_t>(std::max<std::streamoff>(file.tellg(), 0));
  std::vector<float> rows(size / sizeof(float));
  file.seekg(0);
  file.read(reinterpret_cast<char*>(rows.data()), static_cast<std::streamsize>(size));
  if (!file || rows.empty() || size % (dim * sizeof(float)) != 0) {
    return Status::IoError("no rows of that many float32: " + path);
  }
  return rows;
}

/// Answers all queries once, each by one search, on the pool's threads; writes found ([queries, k])
/// and adds what was visited.
Status AnswerAll(const VectorIndex& index, const std::vector<float>& queries, std::size_t ef,
                 const Arguments& arguments, ThreadPool& pool, std::vector<std::uint32_t>& found,
                 std::atomic<std::size_t>& num_visited) {
  const std::size_t num_queries = queries.size() / arguments.dim;
  SearchOptions options;
  options.m = arguments.k;
  options.ef = ef;
  std::vector<Status> statuses(num_queries);
  pool.ParallelFor(num_queries, kQueriesAChunk, [&](std::size_t begin, std::size_t end) {
    for (std::size_t q = begin; q < end; ++q) {
      SearchStatistics statistics;
      const Result<Shortlist> shortlist =
          index.Search({queries.data() + q * arguments.dim, arguments.dim}, options, &statistics);
      statuses[q] = shortlist.status();
      num_visited += statistics.num_visited;
      for (std::size_t i = 0; shortlist.ok() && i < std::min(shortlist->size(), arguments.k); ++i) {
        found[q * arguments.k + i] = (*shortlist)[i].position;
      }
    }
  });
  for (const Status& status : statuses) {
    DASHI_RETURN_IF_ERROR(status);
  }
  return Status::Ok();
}

/// Answers all queries with a beam, several times; prints the least time of each number of threads.
Status TimeBeam(const VectorIndex& index, const std::vector<float>& queries,
                const Arguments& arguments, std::size_t ef) {
  const std::size_t num_queries = queries.size() / arguments.dim;
  std::vector<std::uint32_t> found(num_queries * arguments.k, UINT32_MAX);
  std::vector<double> seconds;
  seconds.reserve(arguments.search_threads.size());
  std::atomic<std::size_t> num_visited = 0;
  for (const std::size_t num_threads : arguments.search_threads) {
    ThreadPool pool(static_cast<int>(num_threads));
    double least = 0;
    for (int pass = 0; pass < kPasses; ++pass) {
      num_visited = 0;
      const Stopwatch stopwatch;
      DASHI_RETURN_IF_ERROR(AnswerAll(index, queries, ef, arguments, pool, found, num_visited));
      const double taken = stopwatch.Seconds();
      least = pass == 0 ? taken : std::min(least, taken);
    }
    seconds.push_back(least);
  }
  std::ofstream file(fmt::format("{}/dashi_{}.u32", arguments.folder, ef), std::ios::binary);
  file.write(reinterpret_cast<const char*>(found.data()),
             static_cast<std::streamsize>(found.size() * sizeof(found[0])));
  fmt::print("{{\"ef\": {}, \"seconds\": [{:.6f}], \"visited\": {:.1f}}}\n", ef,
             fmt::join(seconds, ", "),
             static_cast<double>(num_visited) / static_cast<double>(num_queries));
  return file ? Status::Ok() : Status::IoError("cannot write into " + arguments.folder);
}

Status Run(std::span<char*> given) {
  DASHI_ASSIGN_OR_RETURN(const Arguments arguments, ParseArguments(given));
  DASHI_ASSIGN_OR_RETURN(const std::vector<float> base,
                         ReadRows(arguments.folder + "/base.f32", arguments.dim));
  DASHI_ASSIGN_OR_RETURN(const std::vector<float> queries,
                         ReadRows(arguments.folder + "/query.f32", arguments.dim));
  std::vector<std::uint16_t> vectors(base.size());
  ToHalf(base.data(), vectors.data(), base.size());
  HnswOptions options;
  options.num_threads = arguments.num_threads;
  options.entry_percent = arguments.entry_percent;
  const Stopwatch stopwatch;
  DASHI_ASSIGN_OR_RETURN(const std::unique_ptr<VectorIndex> index,
                         BuildHnswIndex(std::move(vectors), arguments.dim, options, {}));
  fmt::print("{{\"build_seconds\": {:.1f}, \"memory_bytes\": {}}}\n", stopwatch.Seconds(),
             index->memory_bytes());
  for (const std::size_t ef : arguments.beams) {
    DASHI_RETURN_IF_ERROR(TimeBeam(*index, queries, arguments, ef));
  }
  return Status::Ok();
}

}  // namespace
}  // namespace dashi::index

int main(int argc, char** argv) {
  const dashi::Status status =
      dashi::index::Run(std::span<char*>(argv, static_cast<std::size_t>(argc)));
  if (!status.ok()) {
    fmt::print(stderr, "{}\n", status.ToString());
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}
