// COPY ... TO: a method of SessionImpl, since the rows are those of a query of the session.
#include <memory>
#include <string>
#include <utility>

#include "base/status.h"
#include "sql/copy_to_options.h"
#include "sql/export_file.h"
#include "sql/progress_meter.h"
#include "sql/session_impl.h"

namespace dashi::internal {

namespace {

/// Rows between two looks at the clock.
constexpr std::uint64_t kRowsPerReport = 64;

Status CheckNames(const std::vector<Column>& columns) {
  for (std::size_t i = 0; i < columns.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (columns[i].name == columns[j].name) {
        return Status::InvalidArgument("two columns have the name " + columns[i].name)
            .WithSqlState("42701")
            .WithHint("Name one of them with AS: a row of jsonl has each name once.");
      }
    }
  }
  return Status();
}

}  // namespace

Result<std::unique_ptr<RowSource>> SessionImpl::RunCopyTo(const sql::ParsedStatement& statement,
                                                          const sql::CopyToStatement& copy,
                                                          std::span<const Value> values) {
  DASHI_ASSIGN_OR_RETURN(const sql::ExportFormat format, ReadExportFormat(statement, copy));
  DASHI_ASSIGN_OR_RETURN(const auto view, ReadView(state_));
  DASHI_ASSIGN_OR_RETURN(const sql::UserSchemas schemas, sql::UserSchemas::Read(*view));
  DASHI_ASSIGN_OR_RETURN(sql::ParsedStatement query, ExportQuery(statement, copy, schemas));
  DASHI_ASSIGN_OR_RETURN(const std::unique_ptr<RowSource> rows,
                         RunQuery(std::make_shared<const sql::ParsedStatement>(std::move(query)),
                                  values, nullptr, "COPY"));
  if (format.format == "jsonl") {
    DASHI_RETURN_IF_ERROR(CheckNames(rows->columns()));
  }
  DASHI_ASSIGN_OR_RETURN(const auto file, sql::ExportFile::Create(copy.path));
  sql::ProgressMeter meter(state_.on_progress, "COPY TO " + copy.path);
  meter.BeginPhase("writing", "rows", /*total=*/0);
  std::string bytes;
  format.AppendHeader(rows->columns(), &bytes);
  std::uint64_t num_rows = 0;
  for (Row row;; ++num_rows) {
    DASHI_ASSIGN_OR_RETURN(const bool more, rows->Next(&row));
    if (!more) {
      break;
    }
    format.AppendRow(rows->columns(), row, &bytes);
    DASHI_RETURN_IF_ERROR(file->Append(bytes));
    bytes.clear();
    if (num_rows % kRowsPerReport == 0) {
      meter.Update(num_rows);
    }
  }
  DASHI_RETURN_IF_ERROR(file->Append(bytes));  // The header, where there are no rows.
  DASHI_RETURN_IF_ERROR(file->Finish());
  meter.EndPhase(num_rows);
  return sql::Finished("COPY " + std::to_string(num_rows));
}

}  // namespace dashi::internal
