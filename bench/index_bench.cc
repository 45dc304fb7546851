// Kernels, exact scans and HNSW searches over clustered unit vectors, seed 1.
//
// Limits to compare with: a scan reads rows * dim * 2 bytes a query (bytes_per_second against what
// one core streams); a batch does 2 * queries * rows * dim operations (items_per_second counts
// them, against the processor's peak).
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <vector>

#include <benchmark/benchmark.h>

#include "base/random.h"
#include "index/vector_index.h"
#include "index/vector_kernels.h"
#include "tests/index/random_vectors.h"

namespace dashi::index {
namespace {

constexpr std::size_t kDim = 256;
constexpr std::size_t kNumQueries = 1000;

struct Data {
  std::vector<std::uint16_t> vectors;
  std::vector<float> queries;

  FloatMatrixView View(std::size_t num_queries) const {
    return {queries.data(), num_queries, kDim};
  }
  std::span<const float> Query(std::size_t i) const {
    return {queries.data() + i % kNumQueries * kDim, kDim};
  }
};

const Data& MakeData(std::size_t rows) {
  static std::map<std::size_t, Data> made;
  Data& data = made[rows];
  if (data.vectors.empty()) {
    Random random(1);
    std::vector<float> values = ClusteredRows(rows + kNumQueries, kDim, rows / 50, 1.0F, random);
    data.queries.assign(values.end() - kNumQueries * kDim, values.end());
    values.resize(rows * kDim);
    data.vectors = HalfRows(values);
  }
  return data;
}

const VectorIndex& ExactOf(std::size_t rows) {
  static std::map<std::size_t, std::unique_ptr<VectorIndex>> made;
  auto& index = made[rows];
  if (index == nullptr) {
    index = MakeExactIndex(MakeData(rows).vectors, kDim);
  }
  return *index;
}

const VectorIndex& HnswOf(std::size_t rows) {
  static std::map<std::size_t, std::unique_ptr<VectorIndex>> made;
  auto& index = made[rows];
  if (index == nullptr) {
    auto built = BuildHnswIndex(MakeData(rows).vectors, kDim, {}, {});
    if (!built.ok()) {
      std::cerr << built.status().ToString() << "\n";
      std::abort();
    }
    index = std::move(built).value();
  }
  return *index;
}

void DotHalf(benchmark::State& state) {
  const auto dim = static_cast<std::size_t>(state.range(0));
  Random random(1);
  const std::vector<float> a = GaussianRows(1, dim, random);
  const std::vector<std::uint16_t> b = HalfRows(GaussianRows(1, dim, random));
  for (auto _ : state) {
    benchmark::DoNotOptimize(index::DotHalf(a.data(), b.data(), dim));
  }
  state.SetLabel(KernelTarget());
}
BENCHMARK(DotHalf)->ArgName("dim")->Arg(128)->Arg(256)->Arg(768);

void ExactSearch(benchmark::State& state) {
  const auto rows = static_cast<std::size_t>(state.range(0));
  const Data& data = MakeData(rows);
  const VectorIndex& index = ExactOf(rows);
  std::size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(index.Search(data.Query(i++), {}, nullptr));
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(rows * kDim * 2));
}
BENCHMARK(ExactSearch)
    ->ArgName("rows_x256")
    ->Arg(20'000)
    ->Arg(100'000)
    ->Unit(benchmark::kMillisecond);

void ExactBatch(benchmark::State& state) {
  const auto rows = static_cast<std::size_t>(state.range(0));
  const auto num_queries = static_cast<std::size_t>(state.range(1));
  const Data& data = MakeData(rows);
  const VectorIndex& index = ExactOf(rows);
  ThreadPool pool(1);
  for (auto _ : state) {
    benchmark::DoNotOptimize(index.SearchBatch(data.View(num_queries), {}, pool));
  }
  state.SetItemsProcessed(state.iterations() *
                          static_cast<std::int64_t>(2 * num_queries * rows * kDim));
}
BENCHMARK(ExactBatch)
    ->ArgNames({"rows_x256", "queries"})
    ->Args({20'000, 32})
    ->Args({20'000, 1000})
    ->Args({100'000, 1000})
    ->Unit(benchmark::kMillisecond);

void HnswSearch(benchmark::State& state) {
  const auto rows = static_cast<std::size_t>(state.range(0));
  const Data& data = MakeData(rows);
  const VectorIndex& index = HnswOf(rows);
  SearchOptions options;
  options.ef = static_cast<std::size_t>(state.range(1));
  if (state.range(2) > 1) {
    const auto modulus = static_cast<std::uint32_t>(state.range(2));
    options.filter = [modulus](Position position) {
      return (position * 2654435761U >> 8) % modulus == 0;
    };
  }
  std::size_t i = 0;
  std::size_t visited = 0;
  for (auto _ : state) {
    SearchStatistics statistics;
    benchmark::DoNotOptimize(index.Search(data.Query(i++), options, &statistics));
    visited += statistics.num_visited;
  }
  ThreadPool pool(1);
  const auto found = index.SearchBatch(data.View(kNumQueries), options, pool);
  const auto truth = ExactOf(rows).SearchBatch(data.View(kNumQueries), options, pool);
  state.counters["recall"] = found.ok() && truth.ok() ? Recall(*found, *truth) : 0;
  state.counters["visited"] = static_cast<double>(visited) / static_cast<double>(i);
}
BENCHMARK(HnswSearch)
    ->ArgNames({"rows_x256", "ef", "one_passes_in"})
    ->Args({20'000, 32, 1})
    ->Args({20'000, 64, 1})
    ->Args({20'000, 128, 1})
    ->Args({20'000, 256, 1})
    ->Args({20'000, 128, 2})
    ->Args({20'000, 128, 10})
    ->Args({20'000, 128, 100})
    ->Unit(benchmark::kMicrosecond);

void HnswBuild(benchmark::State& state) {
  const auto rows = static_cast<std::size_t>(state.range(0));
  const Data& data = MakeData(rows);
  for (auto _ : state) {
    benchmark::DoNotOptimize(BuildHnswIndex(data.vectors, kDim, {}, {}));
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(HnswBuild)
    ->ArgName("rows_x256")
    ->Arg(10'000)
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace dashi::index
