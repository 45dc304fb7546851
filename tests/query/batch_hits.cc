#include "tests/query/batch_hits.h"

#include <string>
#include <utility>

#include "base/status.h"

namespace dashi::query {

Result<std::vector<std::vector<TopKHit>>> BatchHits(std::shared_ptr<const storage::View> view,
                                                    ReleaseCache& releases,
                                                    std::span<const std::string_view> texts,
                                                    std::size_t k, const TopKOptions& options) {
  DASHI_ASSIGN_OR_RETURN(
      const auto batch,
      OpenTopKBatch(std::move(view), releases, std::vector<std::string>(texts.begin(), texts.end()),
                    k, options));
  std::vector<std::vector<TopKHit>> all;
  while (!batch->at_end()) {
    DASHI_ASSIGN_OR_RETURN(const auto cursor, batch->OpenNext());
    std::vector<TopKHit>& hits = all.emplace_back();
    for (TopKHit hit; hits.size() < k;) {
      DASHI_ASSIGN_OR_RETURN(const bool more, cursor->Next(&hit));
      if (!more) {
        break;
      }
      hits.push_back(std::move(hit));
    }
  }
  return all;
}

}  // namespace dashi::query
