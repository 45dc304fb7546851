#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "dashi/status.h"
#include "sql/copy_options.h"
#include "sql/copy_row.h"
#include "storage/bulk_load.h"

namespace dashi::sql {

/// Hands the rows of a file to a load, edges many at a time.
///
/// Threads: one thread at a time. The load must outlive it.
/// Cost:    memory for 256 edges, or for fewer whose ids have 256 KiB and the one that goes beyond.
class CopyRows {
 public:
  /// Is called with each row that could not be added, in the order of the file. What it returns
  /// ends the copy, unless that is OK.
  using OnBadRow = std::function<Status(std::uint64_t line, Status error)>;

  CopyRows(CopyTarget target, storage::BulkLoad& load, OnBadRow on_bad_row)
      : target_(target), load_(load), on_bad_row_(std::move(on_bad_row)) {}

  /// Adds one row. One that waits for more is taken, and another left for it, whose memory can be
  /// used again. Errors: those that OnBadRow returns.
  Status Add(std::unique_ptr<CopyRow>* row);
  /// Adds what waits.
  Status Flush();

 private:
  Status AddToLoad(const CopyRow& row);
  Status AddEdge(std::unique_ptr<CopyRow>* row);

  const CopyTarget target_;
  storage::BulkLoad& load_;
  const OnBadRow on_bad_row_;
  std::vector<std::unique_ptr<CopyRow>> edges_;  // the first num_edges_ wait; the rest is spare
  std::size_t num_edges_ = 0;
  std::size_t id_bytes_ = 0;  // of those
  std::vector<storage::BulkLoad::NamedEdge> named_edges_;
};

}  // namespace dashi::sql
