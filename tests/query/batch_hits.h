#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "query/top_k.h"

namespace dashi::query {

/// All rows of a batch: of each text at most k, best first.
Result<std::vector<std::vector<TopKHit>>> BatchHits(std::shared_ptr<const storage::View> view,
                                                    ReleaseCache& releases,
                                                    std::span<const std::string_view> texts,
                                                    std::size_t k, const TopKOptions& options);

}  // namespace dashi::query
