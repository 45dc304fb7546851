// One top-k request end to end inside the process: encode, scan, read the rows.
//
// Limit: an exact scan reads num_labels * 256 * 2 bytes, at about 14 GB/s a core.
#include "query/top_k.h"

#include <memory>
#include <string>

#include <benchmark/benchmark.h>

#include "base/random.h"
#include "base/thread_pool.h"
#include "tests/testing/tiny_database.h"

namespace dashi::query {
namespace {

constexpr std::size_t kQueryWords = 20;
constexpr std::uint64_t kVocabulary = 50'000;

std::string RandomText(Random& random, std::size_t num_words) {
  std::string text;
  for (std::size_t i = 0; i < num_words; ++i) {
    // Squaring a uniform number gives the skew of words in real texts, roughly.
    const double u = random.UniformReal();
    text += "w" + std::to_string(static_cast<std::uint64_t>(u * u * kVocabulary)) + " ";
  }
  return text;
}

struct Fixture {
  explicit Fixture(int num_labels) : store(testing::OpenStore(directory.path())) {
    Random random(1);
    std::vector<std::pair<std::string, std::string>> labels;
    labels.reserve(static_cast<std::size_t>(num_labels));
    for (int i = 0; i < num_labels; ++i) {
      labels.emplace_back("L" + std::to_string(i), RandomText(random, kQueryWords));
    }
    testing::AddRows(*store, labels, {});
    testing::AddRelease(*store, "m", {.dim = 256, .hidden = 256});
    releases = std::make_unique<ReleaseCache>(store.get(), &pool);
  }

  testing::TemporaryDirectory directory;
  ThreadPool pool{1};
  std::unique_ptr<storage::Store> store;
  std::unique_ptr<ReleaseCache> releases;
};

void BM_TopTen(benchmark::State& state) {
  Fixture fixture(static_cast<int>(state.range(0)));
  Random random(2);
  const TopKOptions options{"m", 1, 0, false};
  for (auto _ : state) {
    const std::string text = RandomText(random, kQueryWords);
    const std::shared_ptr<const storage::View> view = fixture.store->NewSnapshot().value();
    auto cursor = OpenTopK(view, *fixture.releases, text, 10, options);
    TopKHit hit;
    for (int i = 0; i < 10 && cursor.value()->Next(&hit).value(); ++i) {
      benchmark::DoNotOptimize(hit.score);
    }
  }
  state.counters["scanned_bytes"] = benchmark::Counter(
      static_cast<double>(state.range(0)) * 256 * 2 * static_cast<double>(state.iterations()),
      benchmark::Counter::kIsRate, benchmark::Counter::kIs1024);
}
BENCHMARK(BM_TopTen)->Arg(1000)->Arg(37'000)->Unit(benchmark::kMicrosecond);

void AddNewLabels(storage::Store& store, Random& random, const std::string& prefix,
                  std::int64_t count) {
  std::vector<std::pair<std::string, std::string>> labels;
  for (std::int64_t i = 0; i < count; ++i) {
    labels.emplace_back(prefix + std::to_string(i), RandomText(random, kQueryWords));
  }
  testing::AddRows(store, labels, {});
}

void FindOne(Fixture& fixture, std::string_view text) {
  const std::shared_ptr<const storage::View> view = fixture.store->NewSnapshot().value();
  auto cursor = OpenTopK(view, *fixture.releases, text, 10, {"m", 1, 0, false});
  TopKHit hit;
  benchmark::DoNotOptimize(cursor.value()->Next(&hit).value());
}

// With so many labels that came after a release of 37,000 and are embedded already.
void BM_TopTenWithNewLabels(benchmark::State& state) {
  Fixture fixture(37'000);
  Random random(3);
  AddNewLabels(*fixture.store, random, "N", state.range(0));
  FindOne(fixture, "w1");
  for (auto _ : state) {
    FindOne(fixture, RandomText(random, kQueryWords));
  }
}
BENCHMARK(BM_TopTenWithNewLabels)->Arg(0)->Arg(1000)->Arg(20'000)->Unit(benchmark::kMicrosecond);

// The first query after so many labels were added at once, which embeds them.
void BM_FirstQueryAfterNewLabels(benchmark::State& state) {
  Fixture fixture(1000);
  Random random(4);
  FindOne(fixture, "w1");
  int round = 0;
  for (auto _ : state) {
    state.PauseTiming();
    AddNewLabels(*fixture.store, random, "N" + std::to_string(round++) + "-", state.range(0));
    state.ResumeTiming();
    FindOne(fixture, "w1");
  }
}
BENCHMARK(BM_FirstQueryAfterNewLabels)
    ->Arg(1)
    ->Arg(10'000)
    ->Iterations(3)
    ->Unit(benchmark::kMillisecond);

// The first query after one more label, when so many have come before it.
void BM_FirstQueryAfterOneMore(benchmark::State& state) {
  Fixture fixture(1000);
  Random random(5);
  AddNewLabels(*fixture.store, random, "N", state.range(0));
  FindOne(fixture, "w1");
  int round = 0;
  for (auto _ : state) {
    state.PauseTiming();
    AddNewLabels(*fixture.store, random, "M" + std::to_string(round++) + "-", 1);
    state.ResumeTiming();
    FindOne(fixture, "w1");
  }
}
BENCHMARK(BM_FirstQueryAfterOneMore)
    ->Arg(0)
    ->Arg(20'000)
    ->Iterations(100)
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace dashi::query
