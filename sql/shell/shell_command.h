#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dashi/status.h"

namespace dashi {

/// A backslash command, cut into words.
struct ShellCommand {
  std::string name;                    ///< without the backslash: "dt"
  std::string rest;                    ///< what follows, as it was typed
  std::vector<std::string> arguments;  ///< the words of it, without their quotes
};

/// Cuts a command that begins with a backslash into words. A word may stand in single or double
/// quotes, which are doubled inside. Semicolons at the end are no part of it.
///
/// Errors: kInvalidArgument for a quote that is not closed.
Result<ShellCommand> ParseShellCommand(std::string_view line);

}  // namespace dashi
