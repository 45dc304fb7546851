// Builds an HNSW graph over the vectors of a file and times searches, one query after the other.
//
// Usage: graph_search FOLDER DIM [ef=16,32,...] [k=10] [threads=1]
// FOLDER has base.f32 and query.f32, rows of DIM float32. Writes the positions that were found to
// FOLDER/dashi_<ef>.u32 ([queries, k]) and prints seconds as lines of JSON. `threads` builds.
// bench/peers/graph_search.py makes such a folder, and compares.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/status.h"
#include "index/vector_index.h"
#include "index/vector_kernels.h"

namespace dashi::index {
namespace {

constexpr int kPasses = 3;

struct Arguments {
  std::string folder;
  std::size_t dim = 0;
  std::vector<std::size_t> beams = {16, 24, 32, 48, 64, 96, 128, 192, 256, 512};
  std::size_t k = 10;
  int num_threads = 1;
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
    return Status::InvalidArgument("usage: graph_search FOLDER DIM [ef=...] [k=10] [threads=1]");
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
    if (numbers.empty() || (name != "ef" && name != "k" && name != "threads")) {
      return Status::InvalidArgument("unknown argument: " + std::string(argument));
    }
    if (name == "ef") {
      arguments.beams = numbers;
    } else if (name == "k") {
      arguments.k = numbers[0];
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

/// Answers all queries with a beam, several times; prints the least time.
Status TimeBeam(const VectorIndex& index, const std::vector<float>& queries,
                const Arguments& arguments, std::size_t ef) {
  const std::size_t num_queries = queries.size() / arguments.dim;
  std::vector<std::uint32_t> found(num_queries * arguments.k, UINT32_MAX);
  SearchOptions options;
  options.m = arguments.k;
  options.ef = ef;
  double seconds = 0;
  std::size_t num_visited = 0;
  for (int pass = 0; pass < kPasses; ++pass) {
    num_visited = 0;
    const Stopwatch stopwatch;
    for (std::size_t q = 0; q < num_queries; ++q) {
      SearchStatistics statistics;
      DASHI_ASSIGN_OR_RETURN(
          const Shortlist shortlist,
          index.Search({queries.data() + q * arguments.dim, arguments.dim}, options, &statistics));
      num_visited += statistics.num_visited;
      for (std::size_t i = 0; i < std::min(shortlist.size(), arguments.k); ++i) {
        found[q * arguments.k + i] = shortlist[i].position;
      }
    }
    const double taken = stopwatch.Seconds();
    seconds = pass == 0 ? taken : std::min(seconds, taken);
  }
  std::ofstream file(fmt::format("{}/dashi_{}.u32", arguments.folder, ef), std::ios::binary);
  file.write(reinterpret_cast<const char*>(found.data()),
             static_cast<std::streamsize>(found.size() * sizeof(found[0])));
  fmt::print("{{\"ef\": {}, \"seconds\": {:.6f}, \"visited\": {:.1f}}}\n", ef, seconds,
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
