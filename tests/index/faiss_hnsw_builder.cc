#include "tests/index/faiss_hnsw_builder.h"

#include <algorithm>
#include <limits>
#include <omp.h>
#include <utility>

#include <faiss/IndexHNSW.h>
#include <faiss/impl/DistanceComputer.h>

#include "base/status.h"
#include "index/vector_kernels.h"

namespace dashi::index {

namespace {

/// Vectors added between two calls of the progress function.
constexpr std::size_t kBlockRows = 2048;

/// The vectors to link: FAISS numbers them from 0.
struct LinkedVectors {
  HalfMatrixView vectors;
  std::span<const Position> rows;

  const std::uint16_t* Row(faiss::Index::idx_t i) const {
    return vectors.data + static_cast<std::size_t>(rows[static_cast<std::size_t>(i)]) * vectors.dim;
  }
};

/// FAISS asks for similarities of stored vectors through this; its own computers are SSE2 only.
class HalfDistanceComputer : public faiss::DistanceComputer {
 public:
  explicit HalfDistanceComputer(const LinkedVectors& linked) : linked_(linked) {}

  void set_query(const float* x) override { query_ = x; }
  float operator()(idx_t i) override {
    return DotHalf(query_, linked_.Row(i), linked_.vectors.dim);
  }
  float symmetric_dis(idx_t i, idx_t j) override {
    return DotHalves(linked_.Row(i), linked_.Row(j), linked_.vectors.dim);
  }

 private:
  const LinkedVectors& linked_;
  const float* query_ = nullptr;
};

/// The vectors as FAISS sees them; only their number grows.
class HalfStorage : public faiss::Index {
 public:
  explicit HalfStorage(const LinkedVectors& linked)
      : Index(static_cast<idx_t>(linked.vectors.dim), faiss::METRIC_INNER_PRODUCT),
        linked_(linked) {}

  void add(idx_t n, const float* /*x*/) override { ntotal += n; }
  void reset() override { ntotal = 0; }
  void search(idx_t /*n*/, const float* /*x*/, idx_t /*k*/, float* /*distances*/, idx_t* /*labels*/,
              const faiss::SearchParameters* /*params*/) const override {
    DASHI_CHECK(false && "only the builder uses this storage");
  }
  faiss::DistanceComputer* get_distance_computer() const override {
    return new HalfDistanceComputer(linked_);  // FAISS deletes it.
  }

 private:
  const LinkedVectors& linked_;
};

/// Sets the number of OpenMP threads that this thread starts, for a scope.
class OmpThreads {
 public:
  explicit OmpThreads(int num_threads) : before_(omp_get_max_threads()) {
    omp_set_num_threads(std::max(1, num_threads));
  }
  ~OmpThreads() { omp_set_num_threads(before_); }
  OmpThreads(const OmpThreads&) = delete;
  OmpThreads& operator=(const OmpThreads&) = delete;

 private:
  const int before_;
};

Status CheckArguments(HalfMatrixView vectors, const HnswOptions& options) {
  DASHI_RETURN_IF_ERROR(CheckHnswOptions(options));
  if (vectors.rows > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    return Status::ResourceExhausted("too many vectors for one HNSW graph: " +
                                     std::to_string(vectors.rows));
  }
  return Status::Ok();
}

/// Turns FAISS's numbers into rows.
HnswGraph CopyGraph(const faiss::HNSW& built, const LinkedVectors& linked, std::size_t num_links) {
  std::vector<std::uint8_t> levels(linked.vectors.rows, 0);
  for (std::size_t i = 0; i < linked.rows.size(); ++i) {
    levels[linked.rows[i]] = static_cast<std::uint8_t>(built.levels[i] - 1);
  }
  const Position entry_point = linked.rows[static_cast<std::size_t>(built.entry_point)];
  HnswGraph graph(num_links, std::move(levels), entry_point);
  for (std::size_t i = 0; i < linked.rows.size(); ++i) {
    const Position node = linked.rows[i];
    for (std::uint32_t level = 0; level <= graph.level(node); ++level) {
      std::size_t begin = 0;
      std::size_t end = 0;
      built.neighbor_range(static_cast<faiss::Index::idx_t>(i), static_cast<int>(level), &begin,
                           &end);
      const std::span<Position> room = graph.Room(node, level);
      DASHI_CHECK(room.size() == end - begin);
      for (std::size_t r = 0; r < room.size() && built.neighbors[begin + r] >= 0; ++r) {
        room[r] = linked.rows[static_cast<std::size_t>(built.neighbors[begin + r])];
      }
    }
  }
  return graph;
}

}  // namespace

Result<HnswGraph> BuildFaissGraph(HalfMatrixView vectors, std::span<const Position> linked_rows,
                                  const HnswOptions& options, const BuildProgress& progress) {
  DASHI_RETURN_IF_ERROR(CheckArguments(vectors, options));
  const std::size_t total = linked_rows.size();
  if (total == 0) {
    return HnswGraph(options.num_links, std::vector<std::uint8_t>(vectors.rows), 0);
  }
  return CatchAsStatus("HNSW build", [&]() -> Result<HnswGraph> {
    const OmpThreads threads(options.num_threads);
    const LinkedVectors linked{vectors, linked_rows};
    HalfStorage storage(linked);
    faiss::IndexHNSW index(&storage, static_cast<int>(options.num_links));
    index.hnsw.efConstruction = static_cast<int>(options.ef_construction);
    index.hnsw.rng = faiss::RandomGenerator(static_cast<std::int64_t>(options.seed));
    std::vector<float> block(std::min(kBlockRows, total) * vectors.dim);
    for (std::size_t done = 0; done < total;) {
      if (progress && !progress(done, total)) {
        return Status::Cancelled("HNSW build cancelled");
      }
      const std::size_t size = std::min(kBlockRows, total - done);
      for (std::size_t i = 0; i < size; ++i) {
        FromHalf(linked.Row(static_cast<faiss::Index::idx_t>(done + i)),
                 block.data() + i * vectors.dim, vectors.dim);
      }
      index.add(static_cast<faiss::Index::idx_t>(size), block.data());
      done += size;
    }
    if (progress && !progress(total, total)) {
      return Status::Cancelled("HNSW build cancelled");
    }
    return CopyGraph(index.hnsw, linked, options.num_links);
  });
}

}  // namespace dashi::index
