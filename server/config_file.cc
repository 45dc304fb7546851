#include "server/config_file.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <system_error>

#include <fmt/format.h>

#include "base/file.h"
#include "base/status.h"

namespace dashi {

namespace {

constexpr std::uint64_t kConfigBytesMax = std::uint64_t{1} << 20;
constexpr std::string_view kBlanks = " \t\r";

void SkipBlanks(std::string_view* rest) {
  rest->remove_prefix(std::min(rest->find_first_not_of(kBlanks), rest->size()));
}

bool AtEnd(std::string_view rest) { return rest.empty() || rest.front() == '#'; }

bool IsNameByte(char byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '_';
}

// 'it''s'; `rest` begins with the quote.
std::optional<std::string> QuotedValue(std::string_view* rest) {
  std::string value;
  rest->remove_prefix(1);
  while (!rest->empty()) {
    const char byte = rest->front();
    rest->remove_prefix(1);
    if (byte != '\'') {
      value += byte;
    } else if (!rest->empty() && rest->front() == '\'') {
      value += byte;
      rest->remove_prefix(1);
    } else {
      return value;
    }
  }
  return std::nullopt;
}

Result<ConfigLine> ParseLine(std::string_view rest) {
  ConfigLine line;
  const auto* name_end = std::find_if_not(rest.begin(), rest.end(), IsNameByte);
  line.name.assign(rest.begin(), name_end);
  rest.remove_prefix(line.name.size());
  SkipBlanks(&rest);
  if (line.name.empty() || rest.empty() || rest.front() != '=') {
    return Status::InvalidArgument("want name = value");
  }
  rest.remove_prefix(1);
  SkipBlanks(&rest);
  if (AtEnd(rest)) {
    return Status::InvalidArgument(fmt::format("{} has no value", line.name))
        .WithHint("An empty text is ''.");
  }
  if (rest.front() == '\'') {
    std::optional<std::string> quoted = QuotedValue(&rest);
    if (!quoted) {
      return Status::InvalidArgument("a quoted value does not end in its line");
    }
    line.value = std::move(*quoted);
  } else {
    const std::size_t end = std::min(rest.find_first_of(" \t\r#'"), rest.size());
    line.value = rest.substr(0, end);
    rest.remove_prefix(end);
  }
  SkipBlanks(&rest);
  if (!AtEnd(rest)) {
    return Status::InvalidArgument(fmt::format("too much behind the value of {}", line.name))
        .WithHint("Values with blanks stand in single quotes.");
  }
  return line;
}

}  // namespace

Result<std::string> ReadConfigText(const std::string& path) {
  std::error_code error;
  if (std::filesystem::exists(path, error) && !std::filesystem::is_regular_file(path, error)) {
    return Status::InvalidArgument(fmt::format("not a regular file: {}", path));
  }
  DASHI_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, File::OpenForReading(path));
  DASHI_ASSIGN_OR_RETURN(const std::uint64_t size, file->Size());
  if (size > kConfigBytesMax) {
    return Status::InvalidArgument(fmt::format("file longer than 1 MiB: {}", path));
  }
  std::string text(size, '\0');
  DASHI_RETURN_IF_ERROR(file->ReadAt(0, &text));
  return text;
}

Result<std::vector<ConfigLine>> ParseConfigFile(std::string_view text, const std::string& path) {
  std::vector<ConfigLine> lines;
  std::map<std::string, int> seen;
  int number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view rest = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    SkipBlanks(&rest);
    if (AtEnd(rest)) {
      continue;
    }
    Result<ConfigLine> line = ParseLine(rest);
    if (line.ok() && !seen.emplace(line->name, number).second) {
      line = Status::InvalidArgument(
          fmt::format("{} is set already in line {}", line->name, seen.at(line->name)));
    }
    if (!line.ok()) {
      return Status(line.status())
          .WithSqlState("22023")
          .WithContext(fmt::format("{}:{}", path, number));
    }
    line->number = number;
    lines.push_back(std::move(line).value());
  }
  return lines;
}

std::string QuotedConfigValue(std::string_view value) {
  const bool is_word = !value.empty() && value.find_first_of(" \t\r#'") == std::string_view::npos;
  if (is_word) {
    return std::string(value);
  }
  std::string quoted = "'";
  for (const char byte : value) {
    quoted.append(byte == '\'' ? 2 : 1, byte);
  }
  return quoted + "'";
}

}  // namespace dashi
