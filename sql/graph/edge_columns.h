#pragma once

#include <map>
#include <string>
#include <string_view>

#include <sqlite3.h>

#include "dashi/status.h"
#include "sql/id_cache.h"
#include "storage/graph/edge.h"
#include "storage/graph/graph_record.h"

namespace dashi::sql {

/// The ids of nodes of any kind. As IdCache.
class NodeIds {
 public:
  explicit NodeIds(const storage::View& view);
  /// Valid until the next call.
  Result<std::string_view> Find(storage::GraphNode node);

 private:
  IdCache documents_;
  IdCache labels_;
  IdCache anchors_;
};

/// A weight as SQL shows it: as at the time, with the fewest digits where a float holds it.
double ShownWeight(const storage::EdgeValues& values, const storage::GraphRecord& graph,
                   std::int64_t now_micros);

}  // namespace dashi::sql
