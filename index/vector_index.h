#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/thread_pool.h"
#include "dashi/status.h"

namespace dashi::index {

/// Row-major binary16 vectors, borrowed.  Shape: [rows, dim].
struct HalfMatrixView {
  const std::uint16_t* data = nullptr;
  std::size_t rows = 0;
  std::size_t dim = 0;
};

/// Row-major float32 vectors, borrowed.  Shape: [rows, dim].
struct FloatMatrixView {
  const float* data = nullptr;
  std::size_t rows = 0;
  std::size_t dim = 0;
};

/// A position in an index: the row number that the vectors were given in, from 0. The caller maps
/// positions to ordinals.
using Position = std::uint32_t;

struct Candidate {
  Position position = 0;
  float score = 0;  ///< inner product; higher is better
};

/// At most m candidates, best first; ties break by ascending position.
using Shortlist = std::vector<Candidate>;

class PositionSet;

struct SearchOptions {
  std::size_t m = 10;  ///< candidates wanted
  /// HNSW beam: how many candidates that may be found it holds; 0 = the index's choice. At least m
  /// is used.
  std::size_t ef = 0;
  bool exact = false;  ///< scan all that may be found, whatever the index
  /// Fail with kFailedPrecondition (55000) rather than scan more than ScanRowsMax(dim) rows, or any
  /// number in place of a graph that cannot be used. Not with `exact`.
  bool require_index = false;
  /// When set, only these count: a set over the index's positions, borrowed. The contract is m
  /// candidates if m positions pass.
  const PositionSet* passing = nullptr;
  /// When set, only positions for which it returns true count. A graph asks it for every position
  /// before each search: a PositionSet can be made once. Called from the searching thread.
  std::function<bool(Position)> filter;
  /// When set, polled every few hundred vectors or queries; true ends the search with kCancelled.
  /// SearchBatch calls it from the pool's threads.
  std::function<bool()> should_stop;
};

/// The way that an answer was found.
enum class SearchPath : std::uint8_t {
  kScan,           ///< all vectors were scored
  kSubsetScan,     ///< those that pass a filter were
  kGraph,          ///< the graph was walked
  kWidenedGraph,   ///< with a beam that became wider, because rows near the query do not pass
  kGraphThenScan,  ///< it was, and gave too little: all that may be found was scanned in the end
};

/// "exact scan", "exact scan of the subset", "graph", "graph, widened", "graph, then exact scan".
std::string_view SearchPathName(SearchPath path);

/// How a search went, for EXPLAIN.
struct SearchStatistics {
  std::size_t num_visited = 0;  ///< vectors whose score was computed
  std::size_t num_refills = 0;  ///< searches that began once more because too little was found
  bool exact = true;
  SearchPath path = SearchPath::kScan;
};

/// Maximum inner product search over a fixed set of vectors.
///
/// Errors:  kInvalidArgument if the query's dim differs or a query holds a value that is not
/// finite;
///          kCancelled when `should_stop` says so.
/// Threads: const methods may be called at once.
class VectorIndex {
 public:
  virtual ~VectorIndex() = default;
  virtual std::size_t num_vectors() const = 0;
  virtual std::size_t dim() const = 0;
  /// "exact" or "hnsw".
  virtual std::string_view kind() const = 0;
  virtual std::uint64_t memory_bytes() const = 0;

  /// Returns the best candidates of one query.  Shape: query [dim] float32.
  virtual Result<Shortlist> Search(std::span<const float> query, const SearchOptions& options,
                                   SearchStatistics* statistics) const = 0;
  /// The same for many queries, sharing memory traffic.  Shape: queries [n, dim], result [n].
  virtual Result<std::vector<Shortlist>> SearchBatch(FloatMatrixView queries,
                                                     const SearchOptions& options,
                                                     ThreadPool& pool) const = 0;
  /// The stored vector at a position, as float32 [dim].
  ///
  /// Errors: where the index stands in a file, those of a damaged one.
  virtual Status Reconstruct(Position position, float* out) const = 0;
};

/// An index that keeps the vectors and scans them all.
///
/// Cost: num_vectors * dim * 2 bytes of memory traffic a query.
std::unique_ptr<VectorIndex> MakeExactIndex(std::vector<std::uint16_t> vectors, std::size_t dim);

struct HnswOptions {
  std::size_t num_links = 16;  ///< M: 2M links at level 0
  std::size_t ef_construction = 200;
  std::size_t ef_search = 128;
  /// How wide a beam on level 1 looks for entries to level 0, in percent of the search's own; 0:
  /// one entry; at most 100. Unless it is set, building finds out (ChooseEntryPercent).
  std::optional<std::uint32_t> entry_percent;
  std::uint64_t seed = 1;
  int num_threads = 1;  ///< the graph is the same with any number
};

/// Called during a build with vectors added so far; returning false cancels it.
using BuildProgress = std::function<bool(std::size_t done, std::size_t total)>;

/// Builds an HNSW graph over the vectors and keeps both.
///
/// Errors: kCancelled, kResourceExhausted, kInvalidArgument for options out of range.
/// Paper:  Malkov & Yashunin 2018. Inner product over vectors that need not be unit length.
Result<std::unique_ptr<VectorIndex>> BuildHnswIndex(std::vector<std::uint16_t> vectors,
                                                    std::size_t dim, const HnswOptions& options,
                                                    const BuildProgress& progress);

/// Loads the graph file of a program from before segments, over the same vectors. The file's length
/// and xxh3-128 checksum are verified before anything in it is trusted, and so is that it belongs
/// to these vectors.
///
/// Errors: kCorruption naming the file and what is wrong (length, checksum, magic, version, shape,
///         other vectors); kNotFound when it is absent. The caller then rebuilds or scans.
Result<std::unique_ptr<VectorIndex>> LoadHnswIndex(const std::string& path,
                                                   std::vector<std::uint16_t> vectors,
                                                   std::size_t dim);

/// As many rows as are scanned in about 3 ms.
std::size_t ScanRowsMax(std::size_t dim);

/// Picks the kind for a label count: exact up to ScanRowsMax.
std::string_view ChooseIndexKind(std::size_t num_vectors, std::size_t dim);

}  // namespace dashi::index
