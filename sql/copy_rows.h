#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "dashi/status.h"
#include "sql/copy_options.h"
#include "sql/import_reader.h"
#include "storage/bulk_load.h"

namespace dashi::sql {

/// Hands the records of a file to a load, edges many at a time.
///
/// Threads: one thread at a time. The plan and the load must outlive it.
/// Cost:    memory for 256 edges, or for fewer whose ids have 256 KiB and the one that goes beyond.
class CopyRows {
 public:
  /// Is called with each row that could not be added, in the order of the file. What it returns
  /// ends the copy, unless that is OK.
  using OnBadRow = std::function<Status(std::uint64_t line, Status error)>;

  CopyRows(const CopyPlan& plan, storage::BulkLoad& load, OnBadRow on_bad_row);

  /// Adds one record, which may wait for more. Errors: those that OnBadRow returns.
  Status Add(const ImportRecord& record);
  /// Adds what waits.
  Status Flush();

 private:
  struct WaitingEdge {
    std::uint64_t line = 0;
    std::string source;
    std::string target;
    storage::EdgeValues values;
  };
  Status Convert(const ImportRecord& record);
  std::string& ValueOf(CopyColumn column) { return values_[static_cast<std::size_t>(column)]; }
  bool Has(CopyColumn column) const { return present_[static_cast<std::size_t>(column)]; }
  Status Require(CopyColumn column) const;
  // `place`: of the field within its record, whose columns come in the same order most of the time.
  Status Take(const ImportField& field, std::size_t place);
  Status TakeUser(const storage::ColumnRecord& column, const Value& given);
  Status AddRow();
  Status AddPair();
  Status AddEdge(std::uint64_t line);
  Status AddClick();
  Status CheckGraph();
  // Read the value of a column, which must be there.
  Result<float> ReadWeight();
  Result<std::int64_t> ReadTime(CopyColumn column);

  const CopyPlan& plan_;
  storage::BulkLoad& load_;
  const OnBadRow on_bad_row_;
  const std::int64_t started_at_micros_;
  std::array<std::string, kNumCopyColumns> values_;
  std::array<bool, kNumCopyColumns> present_{};
  std::vector<storage::Attribute> attributes_;
  storage::EntityRow row_;
  std::vector<WaitingEdge> edges_;  // the first num_edges_ count; the rest is memory to reuse
  std::size_t num_edges_ = 0;
  std::size_t id_bytes_ = 0;  // of those
  std::vector<storage::BulkLoad::NamedEdge> named_edges_;
};

}  // namespace dashi::sql
