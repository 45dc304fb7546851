#include "sql/copy_to_options.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "base/nearest_name.h"
#include "base/status.h"
#include "base/value_format.h"
#include "base/vector_codec.h"
#include "sql/copy_format.h"
#include "sql/inner_query.h"
#include "sql/schema_names.h"
#include "sql/table_catalog.h"
#include "sql/table_columns.h"
#include "sql/token.h"

namespace dashi::sql {

namespace {

/// Columns that the database keeps, of rows and of edges, so that COPY FROM could not load them.
constexpr std::string_view kNotLoaded[] = {"updated_at", "source_table", "target_table"};
constexpr std::string_view kOptions[] = {"format", "header", "delimiter", "null"};

Status ReadOption(const OptionNode& option, ExportFormat* format, bool* delimited) {
  if (option.name == "header") {
    *delimited = true;
    return ReadSwitch(option, &format->header);
  }
  if (option.name == "delimiter") {
    *delimited = true;
    return ReadDelimiter(option, &format->delimiter);
  }
  if (option.name == "null") {  // Checked when the format is known.
    *delimited = true;
    return Status();
  }
  if (option.name != "format") {
    return WithNearestName(Status::InvalidArgument("unknown option of COPY ... TO: " + option.name),
                           option.name, kOptions);
  }
  DASHI_ASSIGN_OR_RETURN(format->format, ReadFormatOption(option, /*reads=*/false));
  return Status();
}

/// Adds a comma, or what stands between fields, before all but the first.
void Separate(std::size_t field, char separator, std::string* out) {
  if (field > 0) {
    *out += separator;
  }
}

/// The columns of a table that are written.
Result<std::vector<std::string>> ExportColumns(const ParsedStatement& statement,
                                               const CopyToStatement& copy,
                                               const UserSchemas& schemas) {
  std::vector<std::string> all = ColumnNames(copy.table, schemas);
  if (all.empty()) {
    std::vector<std::string_view> tables;
    for (const TableDefinition& table : AllTables()) {
      tables.emplace_back(table.name);
    }
    return statement.At(
        WithNearestName(Status::NotFound("no such table: " + copy.table).WithSqlState("42P01"),
                        copy.table, tables),
        copy.table_offset);
  }
  if (copy.columns.empty()) {
    std::erase_if(all, [](const std::string& name) {
      return std::find(std::begin(kNotLoaded), std::end(kNotLoaded), name) != std::end(kNotLoaded);
    });
    return all;
  }
  for (std::size_t i = 0; i < copy.columns.size(); ++i) {
    const std::string& name = copy.columns[i];
    const auto same = [&name](const std::string& other) { return EqualsIgnoreCase(name, other); };
    if (std::none_of(all.begin(), all.end(), same)) {
      const std::vector<std::string_view> names(all.begin(), all.end());
      return statement.At(
          WithNearestName(Status::NotFound("table " + copy.table + " has no column named " + name)
                              .WithSqlState("42703"),
                          name, names),
          copy.column_offsets[i]);
    }
    if (std::any_of(copy.columns.begin(), copy.columns.begin() + static_cast<std::ptrdiff_t>(i),
                    same)) {
      return statement.At(
          Status::InvalidArgument("the column is named twice: " + name).WithSqlState("42701"),
          copy.column_offsets[i]);
    }
  }
  return copy.columns;
}

}  // namespace

void ExportFormat::AppendHeader(const std::vector<Column>& columns, std::string* out) const {
  if (!header) {
    return;
  }
  for (std::size_t i = 0; i < columns.size(); ++i) {
    Separate(i, delimiter, out);
    format == "csv" ? AppendCsvText(out, columns[i].name, delimiter)
                    : AppendTsvText(out, columns[i].name, delimiter);
  }
  *out += '\n';
}

void ExportFormat::AppendRow(const std::vector<Column>& columns, const Row& row,
                             std::string* out) const {
  const bool json = format == "jsonl";
  *out += json ? "{" : "";
  for (std::size_t i = 0; i < row.size(); ++i) {
    Separate(i, json ? ',' : delimiter, out);
    const bool is_vector =
        columns[i].sql_type == SqlType::kVector && row[i].type() == ValueType::kBlob;
    if (json) {
      AppendJsonString(out, columns[i].name);
      *out += ':';
      is_vector ? AppendVectorText(out, row[i].bytes()) : AppendJsonValue(out, row[i]);
    } else if (is_vector) {
      const std::string text = VectorText(row[i].bytes());
      format == "csv" ? AppendCsvText(out, text, delimiter) : AppendTsvText(out, text, delimiter);
    } else if (format == "csv") {
      AppendCsvField(out, row[i], delimiter);
    } else {
      AppendTsvField(out, row[i], delimiter);
    }
  }
  *out += json ? "}\n" : "\n";
}

Result<ExportFormat> ReadExportFormat(const ParsedStatement& statement,
                                      const CopyToStatement& copy) {
  ExportFormat format;
  const OptionNode* delimited = nullptr;
  for (const OptionNode& option : copy.options) {
    bool is_delimited = false;
    Status status = ReadOption(option, &format, &is_delimited);
    if (!status.ok()) {
      return statement.At(std::move(status), option.offset);
    }
    delimited = is_delimited ? &option : delimited;
  }
  if (format.format.empty()) {
    format.format = copy.to_output ? "tsv" : FormatOfPath(copy.path);
  }
  if (format.format.empty()) {
    return Status::InvalidArgument("the format is not told by the name of the file: " + copy.path)
        .WithHint("Add WITH (FORMAT jsonl), csv or tsv.");
  }
  if (!copy.to_output && format.format == "binary") {
    return statement.At(NoBinaryFile("TO STDOUT"), copy.path_offset);
  }
  if (delimited != nullptr && format.format != "csv" && format.format != "tsv") {
    return statement.At(Status::InvalidArgument("the option " + delimited->name +
                                                " is not for FORMAT " + format.format),
                        delimited->offset);
  }
  for (const OptionNode& option : copy.options) {
    Status status = option.name == "null" ? CheckNullOption(option, format.format) : Status();
    if (!status.ok()) {
      return statement.At(std::move(status), option.offset);
    }
  }
  if (format.delimiter == '\0') {
    format.delimiter = format.format == "csv" ? ',' : '\t';
  }
  return format;
}

Result<ParsedStatement> ExportQuery(const ParsedStatement& statement, const CopyToStatement& copy,
                                    const UserSchemas& schemas) {
  if (copy.query) {
    return StatementOf(statement, *copy.query);
  }
  DASHI_ASSIGN_OR_RETURN(const std::vector<std::string> columns,
                         ExportColumns(statement, copy, schemas));
  std::string select = "SELECT ";
  for (std::size_t i = 0; i < columns.size(); ++i) {
    select += (i == 0 ? "" : ", ") + QuotedName(columns[i]);
  }
  return ParseOne(select + " FROM " + QuotedName(copy.table));
}

}  // namespace dashi::sql
