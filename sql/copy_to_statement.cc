// COPY ... TO: a method of SessionImpl, since the rows are those of a query of the session.
#include <memory>
#include <string>
#include <utility>

#include "base/status.h"
#include "sql/copy_format.h"
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

/// Where the lines of a COPY TO go.
class LineSink {
 public:
  virtual ~LineSink() = default;
  virtual Status Write(std::string_view line) = 0;
  virtual Status Finish() = 0;
};

class FileLines final : public LineSink {
 public:
  explicit FileLines(std::unique_ptr<sql::ExportFile> file) : file_(std::move(file)) {}
  Status Write(std::string_view line) override { return file_->Append(line); }
  Status Finish() override { return file_->Finish(); }

 private:
  const std::unique_ptr<sql::ExportFile> file_;
};

class StreamLines final : public LineSink {
 public:
  explicit StreamLines(const CopyStreams& streams) : streams_(streams) {}
  Status Write(std::string_view line) override {
    return CatchAsStatus("the application's writer of a COPY",
                         [&] { return streams_.write(line); });
  }
  Status Finish() override { return Status(); }

 private:
  const CopyStreams& streams_;
};

/// Opens the file, or tells the application that the output begins.
Result<std::unique_ptr<LineSink>> OpenSink(const sql::CopyToStatement& copy,
                                           const CopyStreams* streams,
                                           const sql::ExportFormat& format,
                                           const std::vector<Column>& columns) {
  if (!copy.to_output) {
    DASHI_ASSIGN_OR_RETURN(auto file, sql::ExportFile::Create(copy.path));
    return std::unique_ptr<LineSink>(std::make_unique<FileLines>(std::move(file)));
  }
  if (streams->begin != nullptr) {
    const CopyStart start{/*from_input=*/false, format.format, columns, std::nullopt};
    DASHI_RETURN_IF_ERROR(
        CatchAsStatus("the application's begin of a COPY", [&] { return streams->begin(start); }));
  }
  return std::unique_ptr<LineSink>(std::make_unique<StreamLines>(*streams));
}

}  // namespace

Result<std::unique_ptr<RowSource>> SessionImpl::RunCopyTo(const sql::ParsedStatement& statement,
                                                          const sql::CopyToStatement& copy,
                                                          std::span<const Value> values) {
  DASHI_ASSIGN_OR_RETURN(const sql::ExportFormat format, ReadExportFormat(statement, copy));
  const bool binary = format.format == "binary";
  if (copy.to_output &&
      (state_.streams == nullptr ||
       (binary ? state_.streams->write_row == nullptr : state_.streams->write == nullptr))) {
    return statement.At(
        sql::NoCopyStream(binary ? "TO STDOUT (FORMAT binary)" : "TO STDOUT", "COPY ... TO 'path'"),
        copy.path_offset);
  }
  DASHI_ASSIGN_OR_RETURN(const auto view, ReadView(state_));
  DASHI_ASSIGN_OR_RETURN(const sql::UserSchemas schemas, sql::UserSchemas::Read(*view));
  DASHI_ASSIGN_OR_RETURN(sql::ParsedStatement query, ExportQuery(statement, copy, schemas));
  DASHI_ASSIGN_OR_RETURN(const std::unique_ptr<RowSource> rows,
                         RunQuery(std::make_shared<const sql::ParsedStatement>(std::move(query)),
                                  values, nullptr, "COPY"));
  if (format.format == "jsonl") {
    DASHI_RETURN_IF_ERROR(CheckNames(rows->columns()));
  }
  DASHI_ASSIGN_OR_RETURN(const std::unique_ptr<LineSink> sink,
                         OpenSink(copy, state_.streams, format, rows->columns()));
  sql::ProgressMeter meter(state_.on_progress,
                           copy.to_output ? "COPY TO STDOUT" : "COPY TO " + copy.path);
  meter.BeginPhase("writing", "rows", /*total=*/0);
  std::string bytes;
  format.AppendHeader(rows->columns(), &bytes);
  if (!bytes.empty()) {
    DASHI_RETURN_IF_ERROR(sink->Write(bytes));
  }
  std::uint64_t num_rows = 0;
  for (Row row;; ++num_rows) {
    DASHI_ASSIGN_OR_RETURN(const bool more, rows->Next(&row));
    if (!more) {
      break;
    }
    if (binary) {
      DASHI_RETURN_IF_ERROR(CatchAsStatus("the application's writer of a COPY",
                                          [&] { return state_.streams->write_row(row); }));
    } else {
      bytes.clear();
      format.AppendRow(rows->columns(), row, &bytes);
      DASHI_RETURN_IF_ERROR(sink->Write(bytes));
    }
    if (num_rows % kRowsPerReport == 0) {
      meter.Update(num_rows);
    }
  }
  DASHI_RETURN_IF_ERROR(sink->Finish());
  meter.EndPhase(num_rows);
  return sql::Finished("COPY " + std::to_string(num_rows));
}

}  // namespace dashi::internal
