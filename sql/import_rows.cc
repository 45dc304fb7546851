#include "sql/import_rows.h"

#include <cstddef>
#include <utility>

#include <fmt/format.h>

#include "base/status.h"

namespace dashi::sql {

namespace {

class RowsReader final : public ImportReader {
 public:
  RowsReader(ImportSource source, const std::vector<std::string>& columns)
      : source_(std::move(source)), columns_(columns) {}

  Result<bool> Next(ImportRecord* record) override {
    DASHI_ASSIGN_OR_RETURN(const bool more, source_.read_row(&row_));
    if (!more) {
      return false;
    }
    record->line = ++num_rows_;
    if (row_.size() != columns_.size()) {
      return Status::InvalidArgument(fmt::format("bad row: {}: the number of values is wrong: got "
                                                 "{}, want {}",
                                                 source_.PlaceOf(num_rows_), row_.size(),
                                                 columns_.size()))
          .WithSqlState("22P04");
    }
    record->fields.resize(columns_.size());
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      record->fields[i].name = columns_[i];
      record->fields[i].value = std::move(row_[i]);
    }
    return true;
  }

  std::uint64_t bytes_read() const override { return 0; }
  std::uint64_t bytes_total() const override { return 0; }

 private:
  const ImportSource source_;
  const std::vector<std::string> columns_;
  Row row_;
  std::uint64_t num_rows_ = 0;
};

}  // namespace

Result<std::unique_ptr<ImportReader>> OpenRowsReader(const ImportSource& source,
                                                     const std::vector<std::string>& columns) {
  return std::unique_ptr<ImportReader>(std::make_unique<RowsReader>(source, columns));
}

}  // namespace dashi::sql
