#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/status.h"

namespace dashi {

/// A line of the shell that begins with a backslash, cut into words.
struct ShellCommand {
  std::string name;  ///< without the backslash: "dt"
  std::vector<std::string> arguments;
};

/// Returns the command in `line`, or nothing when the line is none. "quit", "exit" and "help" alone
/// are commands too.
std::optional<ShellCommand> ParseShellCommand(std::string_view line);

/// Returns the statement that answers a command of the \d family without arguments.
///
/// Errors: kInvalidArgument for an unknown command or for arguments, with a hint.
Result<std::string> QueryOf(const ShellCommand& command);

/// What \? prints.
std::string_view ShellHelp();

}  // namespace dashi
