#include "index/recall_probe.h"

#include <algorithm>
#include <vector>

#include "base/status.h"

namespace dashi::index {

Result<double> ProbeRecall(const VectorIndex& index, FloatMatrixView queries, std::size_t k,
                           ThreadPool& pool, const std::function<bool()>& should_stop) {
  // Scores of a batch and of a search alone may differ in their last bits.
  constexpr float kRounding = 1e-5F;
  SearchOptions options;
  options.m = k;
  options.should_stop = should_stop;
  DASHI_ASSIGN_OR_RETURN(const std::vector<Shortlist> found,
                         index.SearchBatch(queries, options, pool));
  options.exact = true;
  DASHI_ASSIGN_OR_RETURN(const std::vector<Shortlist> best,
                         index.SearchBatch(queries, options, pool));
  std::size_t num_wanted = 0;
  std::size_t num_found = 0;
  for (std::size_t q = 0; q < queries.rows; ++q) {
    num_wanted += best[q].size();
    if (best[q].empty()) {
      continue;
    }
    const float least = best[q].back().score - kRounding;
    const auto hits = std::count_if(found[q].begin(), found[q].end(),
                                    [&](const Candidate& each) { return each.score >= least; });
    num_found += std::min(static_cast<std::size_t>(hits), best[q].size());
  }
  return num_wanted == 0 ? 1.0 : static_cast<double>(num_found) / static_cast<double>(num_wanted);
}

}  // namespace dashi::index
