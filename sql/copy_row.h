#pragma once

#include <cstdint>
#include <string>

#include "dashi/status.h"
#include "storage/entity.h"
#include "storage/graph/edge.h"

namespace dashi::sql {

/// A record of a file that is ready for a load: what it has depends on the target of the COPY.
struct CopyRow {
  /// The row's first line in the file, counted from 1.
  std::uint64_t line = 0;
  /// Why the record is no row of the table. The rest counts only when this is OK.
  Status error;
  storage::EntityRow entity;   ///< of rows
  std::string source;          ///< of pairs, edges and clicks
  std::string target;          ///< of the same
  storage::EdgeValues values;  ///< of edges; of pairs the weight, of clicks the time
  std::string event_id;        ///< of clicks
};

/// Returns about how much memory the row's texts take.
std::size_t BytesOf(const CopyRow& row);

}  // namespace dashi::sql
