#pragma once

#include <cstddef>

#include "index/hnsw_search.h"

namespace dashi::index {

/// Whether scanning all vectors costs less than walking a graph with a beam.
bool ScanIsCheaper(std::size_t num_vectors, std::size_t ef);

/// The beam with which a walk for a share of all rows, drawn evenly, finds as large a part of them
/// among the best of all as a walk for all rows with beam `ef` does.
std::size_t BeamForShare(std::size_t ef, std::size_t num_rows, std::size_t num_all);

/// What a search of a graph looks for.
struct FilteredTask {
  std::size_t num_vectors = 0;
  std::size_t dim = 0;
  std::size_t num_passing = 0;
  std::size_t m = 0;   ///< candidates wanted
  std::size_t ef = 0;  ///< the beam of a search without a filter
};

/// How a graph is searched for what passes a filter: by a walk, as long as that promises to cost
/// less than a scan of what passes; or by the scan. All figures that it goes by were measured
/// (docs/BENCHMARKS.md, *Filtered search*).
///
/// Threads: const methods may be called at once.
class FilteredPlan {
 public:
  explicit FilteredPlan(const FilteredTask& task);

  bool walks() const { return walks_; }
  /// How many candidates that pass the walk's beam holds: so many that it finds as large a part of
  /// the true answers as a walk without a filter, whose beam is `ef`.
  std::size_t beam() const { return beam_; }
  /// Whether a walk that has come so far should go on. No, once it has spent a small share of what
  /// the scan costs and so few of the best nodes pass that the whole of it would cost more than the
  /// scan, or would have to look far behind them: what passes is not where the query is.
  bool GoesOn(const WalkProgress& progress) const;

 private:
  const FilteredTask task_;
  const double rows_per_visit_;
  const std::size_t beam_;
  const bool walks_;
};

}  // namespace dashi::index
