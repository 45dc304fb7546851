#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "dashi/status.h"
#include "sql/copy_options.h"
#include "sql/copy_row.h"
#include "sql/import_reader.h"
#include "sql/row_reader.h"

namespace dashi::sql {

/// Reads the records of a file as the rows that a COPY loads.
///
/// Errors:  Next: those of the ImportReader. A record that is no row of the table is read as a row
///          whose `error` says so (22P02, 22008, 22023, 23502, 42703, 42804).
/// Threads: one thread at a time. The plan must outlive it.
class CopyRowReader final : public RowReader<CopyRow> {
 public:
  CopyRowReader(std::unique_ptr<ImportReader> reader, const CopyPlan& plan);

  Result<bool> Next(CopyRow* row) override;
  std::uint64_t bytes_read() const override { return reader_->bytes_read(); }
  std::uint64_t bytes_total() const override { return reader_->bytes_total(); }

 private:
  Status Convert(CopyRow* row);
  // `place`: of the field within its record, whose columns come in the same order most of the time.
  Status Take(const ImportField& field, std::size_t place, CopyRow* row);
  Status TakeUser(const storage::ColumnRecord& column, const Value& given, CopyRow* row);
  std::string_view ValueOf(CopyColumn column) const {
    return values_[static_cast<std::size_t>(column)];
  }
  bool Has(CopyColumn column) const { return present_[static_cast<std::size_t>(column)]; }
  Status Require(CopyColumn column) const;
  Status ConvertEntity(storage::EntityRow* row) const;
  Status ConvertEnds(CopyRow* row) const;
  Status ConvertEdge(CopyRow* row) const;
  Status ConvertClick(CopyRow* row) const;
  Status CheckGraph() const;
  // Read the value of a column, which must be there.
  Result<float> ReadWeight() const;
  Result<std::int64_t> ReadTime(CopyColumn column) const;

  const std::unique_ptr<ImportReader> reader_;
  const CopyPlan& plan_;
  const std::int64_t started_at_micros_;
  // Of the record that is converted.
  ImportRecord record_;
  std::array<std::string_view, kNumCopyColumns> values_;  // of record_ or of printed_
  std::array<std::string, kNumCopyColumns> printed_;      // of values that are no text
  std::array<bool, kNumCopyColumns> present_{};
};

}  // namespace dashi::sql
