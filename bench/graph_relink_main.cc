// Relinks a graph from one generation of vectors to the next, and compares it with fresh ones.
//
// Usage: graph_relink FOLDER DIM [ef=16,32,64,128] [k=10] [threads=1] [fresh=last|all|none]
// FOLDER has base0.f32, base1.f32, ... with the same rows of DIM float32 under one model after the
// other, and query1.f32, ... with queries. A graph is built over base0 and relinked for each of the
// others, from the relinked one before. For each it prints recall@k against the exact scan, vectors
// scored a query, processor seconds and dot products a row of
//   stale     the graph of the generation before, with the new vectors
//   relinked  that graph relinked
//   never     the first graph, never relinked
//   fresh     a graph that BuildGraph builds over the new vectors (`fresh`: of which generations)
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <vector>

#include <fmt/format.h>

#include "base/status.h"
#include "base/thread_pool.h"
#include "index/duplicate_rows.h"
#include "index/exact_scan.h"
#include "index/graph_build.h"
#include "index/graph_relink.h"
#include "index/graph_transfer.h"
#include "index/hnsw_search.h"
#include "index/vector_kernels.h"

namespace dashi::index {
namespace {

struct Arguments {
  std::string folder;
  std::size_t dim = 0;
  std::vector<std::size_t> beams = {16, 32, 64, 128};
  std::size_t k = 10;
  HnswOptions options;
  std::string fresh = "last";
};

double ProcessorSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

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
  Arguments arguments;
  if (given.size() < 3 || Numbers(given[2]).empty() || Numbers(given[2])[0] == 0) {
    return Status::InvalidArgument("usage: graph_relink FOLDER DIM [option=value ...]");
  }
  arguments.folder = given[1];
  arguments.dim = Numbers(given[2])[0];
  for (const std::string_view argument : given.subspan(3)) {
    const std::size_t equals = std::min(argument.find('='), argument.size());
    const std::string_view name = argument.substr(0, equals);
    const std::string value(argument.substr(std::min(equals + 1, argument.size())));
    const std::vector<std::size_t> numbers = Numbers(value);
    if (name == "fresh") {
      arguments.fresh = value;
    } else if (name == "ef" && !numbers.empty()) {
      arguments.beams = numbers;
    } else if (name == "k" && !numbers.empty()) {
      arguments.k = numbers[0];
    } else if (name == "threads" && !numbers.empty()) {
      arguments.options.num_threads = static_cast<int>(numbers[0]);
    } else {
      return Status::InvalidArgument("unknown argument: " + std::string(argument));
    }
  }
  return arguments;
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

/// The vectors of one generation and the true answers among them.
struct Generation {
  std::size_t number = 0;
  std::vector<std::uint16_t> vectors;
  std::vector<float> queries;
  std::vector<Shortlist> truth;
  HalfMatrixView view;
  DuplicateRows duplicates;
  std::vector<Position> linked_rows;
};

Result<Generation> ReadGeneration(const Arguments& arguments, std::size_t number) {
  Generation generation;
  generation.number = number;
  DASHI_ASSIGN_OR_RETURN(
      const std::vector<float> base,
      ReadRows(fmt::format("{}/base{}.f32", arguments.folder, number), arguments.dim));
  generation.vectors.resize(base.size());
  ToHalf(base.data(), generation.vectors.data(), base.size());
  generation.view = {generation.vectors.data(), base.size() / arguments.dim, arguments.dim};
  generation.duplicates = DuplicateRows::Find(generation.view);
  generation.linked_rows = generation.duplicates.FirstRows(generation.view.rows);
  if (number > 0) {
    DASHI_ASSIGN_OR_RETURN(
        generation.queries,
        ReadRows(fmt::format("{}/query{}.f32", arguments.folder, number), arguments.dim));
    SearchOptions options;
    options.m = arguments.k;
    ThreadPool pool(arguments.options.num_threads);
    DASHI_ASSIGN_OR_RETURN(
        generation.truth,
        ScanBatchExactly(
            generation.view,
            {generation.queries.data(), generation.queries.size() / arguments.dim, arguments.dim},
            options, pool));
  }
  return generation;
}

/// Unknown figures are 0.
struct Cost {
  double seconds = 0;
  std::uint64_t num_scored = 0;
};

std::string Describe(const HnswGraph& graph, Cost cost) {
  std::size_t num_links = 0;
  for (Position node = 0; node < graph.num_nodes(); ++node) {
    num_links += graph.Links(node, 0).size();
  }
  const auto rows = static_cast<double>(graph.num_nodes());
  return fmt::format("{:8.2f} CPU-s {:6.0f} dots/row {:5.2f} links/row", cost.seconds,
                     static_cast<double>(cost.num_scored) / rows,
                     static_cast<double>(num_links) / rows);
}

/// Prints recall and vectors scored for each beam. Only true answers that are linked count.
Status PrintRecall(const Arguments& arguments, const Generation& generation, const HnswGraph& graph,
                   std::string_view name, Cost cost) {
  const HnswSearcher searcher(graph, generation.view);
  fmt::print("{:2} {:9} {}", generation.number, name, Describe(graph, cost));
  for (const std::size_t ef : arguments.beams) {
    std::size_t num_visited = 0;
    std::size_t hits = 0;
    std::size_t wanted = 0;
    for (std::size_t q = 0; q < generation.truth.size(); ++q) {
      DASHI_ASSIGN_OR_RETURN(
          const Shortlist found,
          searcher.Search({generation.queries.data() + q * arguments.dim, arguments.dim}, ef,
                          arguments.k, {}, &num_visited));
      for (const Candidate& answer : generation.truth[q]) {
        if (std::binary_search(generation.linked_rows.begin(), generation.linked_rows.end(),
                               answer.position)) {
          ++wanted;
          const auto end =
              found.begin() + static_cast<std::ptrdiff_t>(std::min(found.size(), arguments.k));
          hits += std::any_of(found.begin(), end,
                              [&](const Candidate& candidate) {
                                return candidate.position == answer.position;
                              })
                      ? 1
                      : 0;
        }
      }
    }
    fmt::print("  ef {} {:.4f} ({:.0f})", ef,
               static_cast<double>(hits) / static_cast<double>(std::max<std::size_t>(wanted, 1)),
               static_cast<double>(num_visited) /
                   static_cast<double>(std::max<std::size_t>(generation.truth.size(), 1)));
  }
  fmt::print("\n");
  std::fflush(stdout);
  return Status::Ok();
}

Result<HnswGraph> FreshGraph(const Arguments& arguments, const Generation& generation, Cost* cost) {
  const double before = ProcessorSeconds();
  std::atomic<std::uint64_t> num_scored{0};
  DASHI_ASSIGN_OR_RETURN(HnswGraph graph, BuildGraph(generation.view, generation.linked_rows,
                                                     arguments.options, {}, &num_scored));
  *cost = {ProcessorSeconds() - before, num_scored.load()};
  return graph;
}

/// Prints a generation, and replaces the graph of the one before by its own.
Status RunGeneration(const Arguments& arguments, std::size_t number, bool is_last,
                     const HnswGraph& first_graph, HnswGraph* graph) {
  DASHI_ASSIGN_OR_RETURN(const Generation generation, ReadGeneration(arguments, number));
  std::vector<Position> same(generation.view.rows);
  std::iota(same.begin(), same.end(), 0);
  DASHI_ASSIGN_OR_RETURN(const TransferredGraph stale,
                         TransferGraph(*graph, same, generation.linked_rows));
  DASHI_RETURN_IF_ERROR(PrintRecall(arguments, generation, stale.graph, "stale", {}));
  const double before = ProcessorSeconds();
  std::atomic<std::uint64_t> num_scored{0};
  DASHI_ASSIGN_OR_RETURN(*graph, RelinkGraph(*graph, same, generation.view, generation.linked_rows,
                                             arguments.options, {}, &num_scored));
  const Cost relinked{ProcessorSeconds() - before, num_scored.load()};
  DASHI_RETURN_IF_ERROR(PrintRecall(arguments, generation, *graph, "relinked", relinked));
  if (number > 1) {
    DASHI_RETURN_IF_ERROR(PrintRecall(arguments, generation, first_graph, "never", {}));
  }
  if (arguments.fresh == "all" || (arguments.fresh == "last" && is_last)) {
    Cost cost;
    DASHI_ASSIGN_OR_RETURN(const HnswGraph fresh, FreshGraph(arguments, generation, &cost));
    DASHI_RETURN_IF_ERROR(PrintRecall(arguments, generation, fresh, "fresh", cost));
  }
  return Status::Ok();
}

Status Run(std::span<char*> given) {
  DASHI_ASSIGN_OR_RETURN(const Arguments arguments, ParseArguments(given));
  HnswGraph first_graph;
  {
    DASHI_ASSIGN_OR_RETURN(const Generation generation, ReadGeneration(arguments, 0));
    Cost cost;
    DASHI_ASSIGN_OR_RETURN(first_graph, FreshGraph(arguments, generation, &cost));
    fmt::print("{} rows, {} linked; graph over base0: {}\n", generation.view.rows,
               generation.linked_rows.size(), Describe(first_graph, cost));
  }
  HnswGraph graph = first_graph;
  const auto exists = [&](std::size_t number) {
    return std::filesystem::exists(fmt::format("{}/base{}.f32", arguments.folder, number));
  };
  for (std::size_t number = 1; exists(number); ++number) {
    DASHI_RETURN_IF_ERROR(
        RunGeneration(arguments, number, !exists(number + 1), first_graph, &graph));
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
  }
  return status.ok() ? EXIT_SUCCESS : EXIT_FAILURE;
}
