// Searches of a graph for what passes a filter, beside the exact scan of what passes, k = 10.
//
// DASHI_BENCH_VECTORS names a folder with base.f32 and query.f32, rows of DASHI_BENCH_DIM float32,
// as bench/peers/graph_search.py makes it; the graph is built once and kept there as
// filtered_search.segment. Without it: 50,000 clustered vectors of 128 values, seed 1.
//
// Filters, made for each of 100 queries (20 where they make searches slow):
//   0 random   rows drawn evenly
//   1 near     those nearest to the query
//   2 far      those farthest from it
//   3 behind   random ones, without the thousandth of all rows that is nearest
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include "base/file_gate.h"
#include "base/random.h"
#include "index/position_set.h"
#include "index/segment/segment_index.h"
#include "index/vector_index.h"
#include "index/vector_kernels.h"
#include "tests/index/random_vectors.h"

namespace dashi::index {
namespace {

constexpr std::size_t kQueriesMax = 100;
constexpr std::size_t kSlowQueriesMax = 20;

enum Shape : std::int64_t { kRandom = 0, kNear = 1, kFar = 2, kBehind = 3 };

template <typename T>
T Must(Result<T> result) {
  if (!result.ok()) {
    std::cerr << result.status().ToString() << "\n";
    std::exit(EXIT_FAILURE);
  }
  return std::move(result).value();
}

std::vector<float> ReadRows(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  std::vector<float> rows(static_cast<std::size_t>(std::max<std::streamoff>(file.tellg(), 0)) /
                          sizeof(float));
  file.seekg(0);
  file.read(reinterpret_cast<char*>(rows.data()),
            static_cast<std::streamsize>(rows.size() * sizeof(float)));
  return rows;
}

struct Data {
  std::size_t dim = 128;
  std::size_t num_rows = 50'000;
  std::vector<float> queries;
  std::unique_ptr<VectorIndex> exact;
  std::unique_ptr<VectorIndex> graph;

  std::span<const float> Query(std::size_t i) const { return {queries.data() + i * dim, dim}; }
};

Data MakeData() {
  Data data;
  const char* folder = std::getenv("DASHI_BENCH_VECTORS");
  HnswOptions options;
  options.num_threads = 2;
  if (folder == nullptr) {
    Random random(1);
    std::vector<float> rows =
        ClusteredRows(data.num_rows + kQueriesMax, data.dim, data.num_rows / 50, 1.0F, random);
    const auto end = rows.begin() + static_cast<std::ptrdiff_t>(data.num_rows * data.dim);
    data.queries.assign(end, rows.end());
    rows.erase(end, rows.end());
    const std::vector<std::uint16_t> vectors = HalfRows(rows);
    data.graph = Must(BuildHnswIndex(vectors, data.dim, options, {}));
    data.exact = MakeExactIndex(vectors, data.dim);
    return data;
  }
  const char* dim = std::getenv("DASHI_BENCH_DIM");
  data.dim = dim == nullptr ? 0 : std::strtoull(dim, nullptr, 10);
  data.queries = ReadRows(std::string(folder) + "/query.f32");
  const std::vector<float> rows = ReadRows(std::string(folder) + "/base.f32");
  if (data.dim == 0 || rows.empty() || data.queries.size() < kQueriesMax * data.dim) {
    std::cerr << "no vectors in " << folder << ", or no DASHI_BENCH_DIM\n";
    std::exit(EXIT_FAILURE);
  }
  std::vector<std::uint16_t> vectors = HalfRows(rows);
  data.num_rows = vectors.size() / data.dim;
  const std::string path = std::string(folder) + "/filtered_search.segment";
  if (!std::filesystem::exists(path)) {
    std::vector<std::uint32_t> ids(data.num_rows);
    std::iota(ids.begin(), ids.end(), 0U);
    const Status built = BuildSegment(path, {vectors.data(), data.num_rows, data.dim},
                                      {ids, {}, {}, 0}, options, {}, FileGate::System());
    std::cerr << built.ToString() << "\n";
  }
  const std::shared_ptr<const MappedSegment> segment = Must(MappedSegment::Open(path));
  segment->blocks().VerifyAll({}).IgnoreError("the first search would meet it");
  data.graph = MakeSegmentIndex(segment);
  data.exact = MakeExactIndex(std::move(vectors), data.dim);
  return data;
}

const Data& Vectors() {
  static const Data data = MakeData();
  return data;
}

/// What one benchmark searches: filters and the true answers, for each of its queries.
struct Workload {
  std::vector<PositionSet> filters;
  std::vector<Shortlist> truth;
};

PositionSet MakeFilter(Shape shape, std::size_t num_passing, std::size_t query, Random& random) {
  const Data& data = Vectors();
  const std::size_t num_rows = data.num_rows;
  std::vector<Position> order(num_rows);
  std::iota(order.begin(), order.end(), Position{0});
  std::size_t first = 0;
  if (shape != kRandom) {
    SearchOptions all;
    all.m = num_rows;
    all.exact = true;
    const Shortlist ranked = Must(data.exact->Search(data.Query(query), all, nullptr));
    std::transform(ranked.begin(), ranked.end(), order.begin(),
                   [](const Candidate& candidate) { return candidate.position; });
  }
  if (shape == kFar) {
    first = num_rows - num_passing;
  } else if (shape == kBehind) {
    first = std::min(num_rows / 1000, num_rows - num_passing);
  }
  if (shape == kRandom || shape == kBehind) {
    for (std::size_t i = first; i < first + num_passing; ++i) {
      std::swap(order[i], order[i + random.Uniform(num_rows - i)]);
    }
  }
  std::vector<Position> members(order.begin() + static_cast<std::ptrdiff_t>(first),
                                order.begin() + static_cast<std::ptrdiff_t>(first + num_passing));
  std::sort(members.begin(), members.end());
  return {std::move(members), num_rows};
}

const Workload& WorkloadOf(Shape shape, std::int64_t per_mille) {
  static std::map<std::pair<Shape, std::int64_t>, Workload> made;
  Workload& workload = made[{shape, per_mille}];
  if (workload.filters.empty()) {
    const Data& data = Vectors();
    const std::size_t num_queries =
        shape == kFar || shape == kBehind ? kSlowQueriesMax : kQueriesMax;
    const std::size_t num_passing = data.num_rows * static_cast<std::size_t>(per_mille) / 1000;
    Random random(1);
    for (std::size_t q = 0; q < num_queries; ++q) {
      workload.filters.push_back(MakeFilter(shape, num_passing, q, random));
      SearchOptions options;
      options.passing = &workload.filters.back();
      workload.truth.push_back(Must(data.exact->Search(data.Query(q), options, nullptr)));
    }
  }
  return workload;
}

void FilteredSearch(benchmark::State& state) {
  const Data& data = Vectors();
  const Workload& workload = WorkloadOf(Shape{state.range(0)}, state.range(1));
  const bool scan = state.range(2) != 0;
  const std::size_t num_queries = workload.filters.size();
  std::vector<Shortlist> found(num_queries);
  std::size_t num_searches = 0;
  std::size_t num_visited = 0;
  std::size_t num_approximate = 0;
  for (auto _ : state) {
    const std::size_t q = num_searches++ % num_queries;
    SearchOptions options;
    options.passing = &workload.filters[q];
    options.exact = scan;
    SearchStatistics statistics;
    found[q] = Must(data.graph->Search(data.Query(q), options, &statistics));
    num_visited += statistics.num_visited;
    num_approximate += statistics.exact ? 0 : 1;
  }
  const std::size_t num_answered = std::min(num_searches, num_queries);
  found.resize(num_answered);
  const auto searches = static_cast<double>(num_searches);
  state.counters["recall"] = Recall(
      found,
      {workload.truth.begin(), workload.truth.begin() + static_cast<std::ptrdiff_t>(num_answered)});
  state.counters["visited"] = static_cast<double>(num_visited) / searches;
  state.counters["walked"] = static_cast<double>(num_approximate) / searches;
}
BENCHMARK(FilteredSearch)
    ->ArgNames({"shape", "per_mille", "scan"})
    ->Apply([](benchmark::internal::Benchmark* each) {
      for (const std::int64_t shape : {kRandom, kNear, kFar, kBehind}) {
        for (const std::int64_t per_mille : {1000, 500, 200, 100, 50, 10, 1}) {
          each->Args({shape, per_mille, 0});
          each->Args({shape, per_mille, 1});
        }
      }
    })
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace dashi::index
