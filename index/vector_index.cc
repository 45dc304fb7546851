#include "index/vector_index.h"

#include <algorithm>

namespace dashi::index {

std::string_view SearchPathName(SearchPath path) {
  switch (path) {
    case SearchPath::kScan:
      return "exact scan";
    case SearchPath::kSubsetScan:
      return "exact scan of the subset";
    case SearchPath::kGraph:
      return "graph";
    case SearchPath::kWidenedGraph:
      return "graph, widened";
    case SearchPath::kGraphThenScan:
      return "graph, then exact scan";
  }
  return "";
}

std::size_t ScanRowsMax(std::size_t dim) {
  // A scan reads about 13 GB/s on one core, so 40 MB take 3 ms.
  constexpr std::size_t kScanBytesMax = 40'000'000;
  return kScanBytesMax / (std::max<std::size_t>(dim, 1) * sizeof(std::uint16_t));
}

std::string_view ChooseIndexKind(std::size_t num_vectors, std::size_t dim) {
  return num_vectors <= ScanRowsMax(dim) ? "exact" : "hnsw";
}

}  // namespace dashi::index
