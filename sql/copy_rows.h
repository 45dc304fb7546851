#pragma once

#include <array>
#include <string>
#include <vector>

#include "dashi/status.h"
#include "sql/copy_options.h"
#include "sql/import_reader.h"
#include "storage/bulk_load.h"

namespace dashi::sql {

/// Hands the records of a file to a load.
///
/// Threads: one thread at a time. The plan must outlive it.
class CopyRows {
 public:
  explicit CopyRows(const CopyPlan& plan);

  /// Adds one record. Errors: those of the row.
  Status Add(const ImportRecord& record, storage::BulkLoad& load);

 private:
  std::string& ValueOf(CopyColumn column) { return values_[static_cast<std::size_t>(column)]; }
  bool Has(CopyColumn column) const { return present_[static_cast<std::size_t>(column)]; }
  Status Require(CopyColumn column) const;
  // `place`: of the field within its record, whose columns come in the same order most of the time.
  Status Take(const ImportField& field, std::size_t place);
  Status TakeUser(const storage::ColumnRecord& column, const Value& given);
  Status AddRow(storage::BulkLoad& load);
  Status AddPair(storage::BulkLoad& load);
  Status AddEdge(storage::BulkLoad& load);
  Status AddClick(storage::BulkLoad& load);
  Status CheckGraph();
  // Read the value of a column, which must be there.
  Result<float> ReadWeight();
  Result<std::int64_t> ReadTime(CopyColumn column);

  const CopyPlan& plan_;
  const std::int64_t started_at_micros_;
  std::array<std::string, kNumCopyColumns> values_;
  std::array<bool, kNumCopyColumns> present_{};
  std::vector<storage::Attribute> attributes_;
  storage::EntityRow row_;
};

}  // namespace dashi::sql
