#include "sql/shell/shell_command.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace dashi {

namespace {

constexpr std::string_view kBlanks = " \t\r\n\f\v";

struct CatalogQuery {
  std::string_view name;
  std::string_view sql;
};

constexpr std::array<CatalogQuery, 5> kCatalogQueries = {{
    {"d", "SHOW TABLES"},
    {"dt", "SHOW TABLES"},
    {"dm", "SELECT * FROM models ORDER BY name"},
    {"dr", "SELECT * FROM releases"},
    {"dj", "SELECT * FROM jobs"},
}};

}  // namespace

std::optional<ShellCommand> ParseShellCommand(std::string_view line) {
  ShellCommand command;
  while (true) {
    const std::size_t begin = line.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos) {
      break;
    }
    line.remove_prefix(begin);
    const std::size_t end = std::min(line.find_first_of(kBlanks), line.size());
    command.arguments.emplace_back(line.substr(0, end));
    line.remove_prefix(end);
  }
  if (command.arguments.empty()) {
    return std::nullopt;
  }
  std::string& last = command.arguments.back();
  last.erase(last.find_last_not_of(';') + 1);
  if (last.empty() && command.arguments.size() > 1) {
    command.arguments.pop_back();
  }
  const std::string& first = command.arguments.front();
  if (first.starts_with('\\')) {
    command.name = first.substr(1);
  } else if (command.arguments.size() == 1 && (first == "quit" || first == "exit")) {
    command.name = "q";
  } else if (command.arguments.size() == 1 && first == "help") {
    command.name = "?";
  } else {
    return std::nullopt;
  }
  command.arguments.erase(command.arguments.begin());
  return command;
}

Result<std::string> QueryOf(const ShellCommand& command) {
  const auto* query =
      std::find_if(kCatalogQueries.begin(), kCatalogQueries.end(),
                   [&](const CatalogQuery& candidate) { return candidate.name == command.name; });
  if (query == kCatalogQueries.end()) {
    return Status::InvalidArgument(fmt::format("invalid command \\{}", command.name))
        .WithHint("Try \\? for help.");
  }
  if (!command.arguments.empty()) {
    return Status::InvalidArgument(fmt::format("too many arguments for \\{}", command.name))
        .WithHint("Try \\? for help.");
  }
  return std::string(query->sql);
}

std::string_view ShellHelp() {
  return R"(Statements may span lines and end with a semicolon. Ctrl-C stops the running statement.

  \q                  leave (also quit, exit and Ctrl-D)
  \?                  this help
  \d, \dt             tables
  \d TABLE            columns of a table
  \dm                 models
  \dr                 releases
  \dj                 jobs
  \timing [on|off]    show how long each statement takes
  \x [on|off]         show one line a value
  \i FILE             run the statements of a file

  SELECT label, text, score FROM topk('wireless earbuds', 10);
  CREATE MODEL m USING ngame;  TRAIN MODEL m;  EVALUATE MODEL m@1 ON 'test';  PUBLISH m@1;
)";
}

}  // namespace dashi
