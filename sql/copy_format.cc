#include "sql/copy_format.h"

#include <algorithm>
#include <span>
#include <utility>

#include "base/nearest_name.h"
#include "base/status.h"
#include "sql/token.h"

namespace dashi::sql {

Status BadOptionValue(const OptionNode& option, std::string_view allowed) {
  return Status::InvalidArgument("invalid value for the option " + option.name + ": \"" +
                                 option.value + "\"")
      .WithHint("Allowed: " + std::string(allowed) + ".");
}

Status NoCopyStream(std::string_view direction, std::string_view instead) {
  return Status::Unimplemented("COPY ... " + std::string(direction) + " is not supported here")
      .WithSqlState("0A000")
      .WithHint("Write " + std::string(instead) +
                ", or use the shell, `dashi exec` or Session::ExecuteWithStreams.");
}

Status NoBinaryFile(std::string_view direction) {
  return Status::Unimplemented("FORMAT binary is not for files")
      .WithSqlState("0A000")
      .WithHint("It is for rows of a program: COPY ... " + std::string(direction) +
                " through the server or Session::ExecuteWithStreams.");
}

Status ReadSwitch(const OptionNode& option, bool* value) {
  for (const std::string_view word : {"on", "true", "1", "yes"}) {
    if (EqualsIgnoreCase(option.value, word)) {
      *value = true;
      return Status();
    }
  }
  for (const std::string_view word : {"off", "false", "0", "no"}) {
    if (EqualsIgnoreCase(option.value, word)) {
      *value = false;
      return Status();
    }
  }
  return BadOptionValue(option, "on or off");
}

Status ReadDelimiter(const OptionNode& option, char* delimiter) {
  std::string_view value = option.value;
  if (value == "\\t" || value == "tab") {
    value = "\t";
  }
  const bool good = value.size() == 1 && static_cast<unsigned char>(value[0]) < 0x80 &&
                    std::string_view("\"\r\n\\").find(value[0]) == std::string_view::npos;
  if (!good) {
    return BadOptionValue(option, "one ASCII character other than quote, backslash or line break");
  }
  *delimiter = value[0];
  return Status();
}

Status CheckNullOption(const OptionNode& option, std::string_view format) {
  if ((format == "tsv" && option.value == "\\N") || (format == "csv" && option.value.empty())) {
    return Status();
  }
  return Status::Unimplemented("a NULL has one spelling in FORMAT " + std::string(format))
      .WithSqlState("0A000")
      .WithHint("It is \\N in tsv (text), an empty field without quotes in csv, null in jsonl.");
}

Result<std::string> ReadFormatOption(const OptionNode& option, bool reads) {
  static constexpr std::string_view kFormats[] = {"jsonl", "csv", "tsv", "text", "binary", "xc"};
  const std::string format = ToLowerAscii(option.value);
  const std::span<const std::string_view> known =
      reads ? std::span(kFormats) : std::span(kFormats).first(5);
  if (std::find(known.begin(), known.end(), format) != known.end()) {
    return format == "text" ? "tsv" : format;
  }
  if (format == "xc") {
    return Status::Unimplemented("COPY does not write FORMAT xc").WithSqlState("0A000");
  }
  Status status = Status::InvalidArgument("unknown format: " + option.value);
  const std::string_view nearest = NearestName(option.value, known);
  return std::move(status).WithHint(
      !nearest.empty() ? "Did you mean " + std::string(nearest) + "?"
      : reads          ? "The formats are jsonl, csv, tsv (or text), binary and xc."
                       : "The formats are jsonl, csv, tsv (or text) and binary.");
}

std::string FormatOfPath(std::string_view path) {
  for (const std::string_view compression : {".gz", ".zst"}) {
    if (path.ends_with(compression)) {
      path.remove_suffix(compression.size());
    }
  }
  static constexpr std::pair<std::string_view, std::string_view> kExtensions[] = {
      {".jsonl", "jsonl"}, {".ndjson", "jsonl"}, {".csv", "csv"}, {".tsv", "tsv"}};
  for (const auto& [extension, format] : kExtensions) {
    if (path.ends_with(extension)) {
      return std::string(format);
    }
  }
  return "";
}

}  // namespace dashi::sql
