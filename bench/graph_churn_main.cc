// Compares the graph of a release whose rows were deleted and updated, beside a second graph of
// what came after, with the same after the first was linked anew for the rows that are left, and
// with one graph that is built anew: graph_churn FOLDER DIM [SHARE] [THREADS]
//
// Not a Google Benchmark. FOLDER has base.f32 and query.f32 (bench/peers/graph_search.py makes such
// a folder), and is where a segment is written. The first 60 % of base.f32 are the release; of
// these SHARE (.3) are deleted and as many updated, with vectors from the rest of base.f32. Prints
// for beams of several widths the recall@10 against the exact scan of the rows that are there, and
// searches a second of one thread; and what building and linking took.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/file_gate.h"
#include "base/random.h"
#include "base/status.h"
#include "base/thread_pool.h"
#include "index/position_set.h"
#include "index/search_plan.h"
#include "index/segment/mapped_segment.h"
#include "index/segment/segment_index.h"
#include "index/segment/segment_relink.h"
#include "index/vector_index.h"
#include "index/vector_kernels.h"

namespace dashi::index {
namespace {

constexpr std::size_t kWanted = 10;

Result<std::vector<float>> ReadFloats(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  std::vector<float> values(static_cast<std::size_t>(std::max<std::streamoff>(file.tellg(), 0)) /
                            sizeof(float));
  file.seekg(0);
  file.read(reinterpret_cast<char*>(values.data()),
            static_cast<std::streamsize>(values.size() * sizeof(float)));
  return file && !values.empty() ? Result<std::vector<float>>(std::move(values))
                                 : Status::IoError("no float32 values: " + path);
}

/// Rows by their number, each with a vector.
struct Rows {
  std::vector<std::uint32_t> numbers;  ///< of the vectors in base.f32
  std::vector<std::uint16_t> vectors;  ///< [numbers.size(), dim]

  void Add(std::uint32_t number, const std::vector<std::uint16_t>& all, std::size_t dim) {
    numbers.push_back(number);
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(number * dim);
    vectors.insert(vectors.end(), begin, begin + static_cast<std::ptrdiff_t>(dim));
  }
};

/// An index, the numbers of its rows, and which of them are there.
struct Part {
  std::unique_ptr<VectorIndex> index;
  std::vector<std::uint32_t> numbers;
  PositionSet live;
};

struct Found {
  float score = 0;
  std::uint32_t number = 0;
};

Result<std::vector<Found>> SearchParts(std::span<const Part* const> parts,
                                       std::span<const float> query, std::size_t ef, bool exact) {
  std::vector<Found> found;
  std::size_t num_all = 0;
  for (const Part* part : parts) {
    num_all += part->live.size();
  }
  for (const Part* part : parts) {
    SearchOptions options;
    options.m = kWanted;
    options.ef = BeamForShare(ef, part->live.size(), num_all);
    options.exact = exact;
    options.passing = part->live.size() == part->numbers.size() ? nullptr : &part->live;
    DASHI_ASSIGN_OR_RETURN(const Shortlist best, part->index->Search(query, options, nullptr));
    for (const Candidate& candidate : best) {
      found.push_back({candidate.score, part->numbers[candidate.position]});
    }
  }
  std::sort(found.begin(), found.end(),
            [](const Found& a, const Found& b) { return a.score > b.score; });
  found.resize(std::min(found.size(), kWanted));
  return found;
}

/// Processor seconds of this process.
double ProcessorSeconds() {
  return static_cast<double>(std::clock()) / static_cast<double>(CLOCKS_PER_SEC);
}

/// As MakePart, in a segment, which is then linked anew for the rows that are there.
Status MakeSegmentParts(const Rows& rows, const std::string& path, std::size_t dim, int num_threads,
                        std::span<const Position> gone, Part* before, Part* after) {
  HnswOptions options;
  options.num_threads = num_threads;
  const double started = ProcessorSeconds();
  DASHI_RETURN_IF_ERROR(BuildSegment(path, {rows.vectors.data(), rows.numbers.size(), dim},
                                     {rows.numbers, {}, {}, 0}, options, {}, FileGate::System()));
  const double built = ProcessorSeconds();
  for (Part* part : {before, after}) {
    part->live = PositionSet::AllBut(gone, rows.numbers.size());
    part->numbers = rows.numbers;
  }
  DASHI_ASSIGN_OR_RETURN(const std::shared_ptr<const MappedSegment> old, MappedSegment::Open(path));
  DASHI_RETURN_IF_ERROR(old->blocks().VerifyAll(nullptr));
  const double begun = ProcessorSeconds();
  DASHI_RETURN_IF_ERROR(RewriteSegment(*old, path, after->live, options, {}, FileGate::System()));
  fmt::print("processor time: {:.1f} s built, {:.1f} s linked anew\n", built - started,
             ProcessorSeconds() - begun);
  DASHI_ASSIGN_OR_RETURN(const std::shared_ptr<const MappedSegment> made,
                         MappedSegment::Open(path));
  DASHI_RETURN_IF_ERROR(made->blocks().VerifyAll(nullptr));
  before->index = MakeSegmentIndex(old);
  after->index = MakeSegmentIndex(made);
  return Status::Ok();
}

Result<Part> MakePart(Rows rows, std::size_t dim, int num_threads, std::span<const Position> gone) {
  Part part;
  part.live = PositionSet::AllBut(gone, rows.numbers.size());
  part.numbers = std::move(rows.numbers);
  HnswOptions options;
  options.num_threads = num_threads;
  DASHI_ASSIGN_OR_RETURN(part.index, BuildHnswIndex(std::move(rows.vectors), dim, options, {}));
  return part;
}

Status Print(std::string_view name, std::span<const Part* const> parts, const Part& truth,
             const std::vector<float>& queries, std::size_t dim) {
  const Part* const all[] = {&truth};
  for (const std::size_t ef : {32UL, 64UL, 128UL, 256UL}) {
    std::size_t hits = 0;
    std::size_t wanted = 0;
    std::size_t num_queries = 0;
    double seconds = 0;
    for (std::size_t begin = 0; begin < queries.size(); begin += dim) {
      const std::span<const float> query(queries.data() + begin, dim);
      DASHI_ASSIGN_OR_RETURN(const std::vector<Found> right, SearchParts(all, query, 0, true));
      const Stopwatch stopwatch;
      DASHI_ASSIGN_OR_RETURN(const std::vector<Found> found, SearchParts(parts, query, ef, false));
      seconds += stopwatch.Seconds();
      ++num_queries;
      wanted += right.size();
      for (const Found& answer : right) {
        hits += std::any_of(found.begin(), found.end(), [&](const Found& candidate) {
          return candidate.number == answer.number;
        });
      }
    }
    fmt::print("{:21} ef {:3}: recall@10 {:.4f}, {:.0f} searches/s\n", name, ef,
               static_cast<double>(hits) / static_cast<double>(wanted),
               static_cast<double>(num_queries) / seconds);
  }
  return Status::Ok();
}

Status Run(const std::string& folder, std::size_t dim, double share, int num_threads) {
  DASHI_ASSIGN_OR_RETURN(const std::vector<float> base, ReadFloats(folder + "/base.f32"));
  DASHI_ASSIGN_OR_RETURN(const std::vector<float> queries, ReadFloats(folder + "/query.f32"));
  std::vector<std::uint16_t> halves(base.size());
  ToHalf(base.data(), halves.data(), base.size());
  const std::size_t num_rows = base.size() / dim;
  const std::size_t num_release = num_rows * 3 / 5;
  const auto num_each = static_cast<std::size_t>(share * static_cast<double>(num_release));
  if (num_release + num_each > num_rows || 2 * num_each > num_release) {
    return Status::InvalidArgument("the share is too large for base.f32");
  }
  std::vector<Position> order(num_release);
  for (std::size_t i = 0; i < num_release; ++i) {
    order[i] = static_cast<Position>(i);
  }
  Random random(1);
  random.Shuffle(std::span<Position>(order));
  std::vector<Position> gone(order.begin(),
                             order.begin() + static_cast<std::ptrdiff_t>(2 * num_each));
  std::sort(gone.begin(), gone.end());
  Rows release;
  Rows updated;
  Rows live;
  for (std::uint32_t i = 0; i < num_release; ++i) {
    release.Add(i, halves, dim);
    if (!std::binary_search(gone.begin(), gone.end(), i)) {
      live.Add(i, halves, dim);
    }
  }
  for (std::size_t i = 0; i < num_each; ++i) {
    updated.Add(static_cast<std::uint32_t>(num_release + i), halves, dim);
    live.Add(static_cast<std::uint32_t>(num_release + i), halves, dim);
  }
  fmt::print("{} rows, of which {} are deleted and {} updated\n", num_release, num_each, num_each);
  Part old;
  Part linked;
  DASHI_RETURN_IF_ERROR(
      MakeSegmentParts(release, folder + "/churn.segment", dim, num_threads, gone, &old, &linked));
  DASHI_ASSIGN_OR_RETURN(const Part sealed, MakePart(std::move(updated), dim, num_threads, {}));
  DASHI_ASSIGN_OR_RETURN(const Part fresh, MakePart(std::move(live), dim, num_threads, {}));
  const Part* const levels[] = {&old, &sealed};
  const Part* const relinked[] = {&linked, &sealed};
  const Part* const anew[] = {&fresh};
  DASHI_RETURN_IF_ERROR(Print("two graphs", levels, fresh, queries, dim));
  DASHI_RETURN_IF_ERROR(Print("the first linked anew", relinked, fresh, queries, dim));
  return Print("one built anew", anew, fresh, queries, dim);
}

}  // namespace
}  // namespace dashi::index

int main(int argc, char** argv) {
  if (argc < 3) {
    fmt::print(stderr, "usage: graph_churn FOLDER DIM [SHARE] [THREADS]\n");
    return EXIT_FAILURE;
  }
  const dashi::Status status =
      dashi::index::Run(argv[1], std::strtoull(argv[2], nullptr, 10),
                        argc > 3 ? std::atof(argv[3]) : 0.3, argc > 4 ? std::atoi(argv[4]) : 1);
  if (!status.ok()) {
    fmt::print(stderr, "{}\n", status.ToString());
  }
  return status.ok() ? EXIT_SUCCESS : EXIT_FAILURE;
}
