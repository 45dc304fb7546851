#include "sql/copy_format.h"

#include <utility>

#include "base/status.h"
#include "sql/token.h"

namespace dashi::sql {

Status BadOptionValue(const OptionNode& option, std::string_view allowed) {
  return Status::InvalidArgument("invalid value for the option " + option.name + ": \"" +
                                 option.value + "\"")
      .WithHint("Allowed: " + std::string(allowed) + ".");
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
