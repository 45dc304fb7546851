#pragma once

#include <string>
#include <vector>

#include "sql/shell/script_runner.h"
#include "sql/shell/shell.h"

namespace dashi {

/// One `-c SQL` or `-f FILE` of the command line.
struct ScriptInput {
  enum class Kind { kText, kFile };
  Kind kind = Kind::kText;
  std::string value;  ///< SQL, or a path where "-" is standard input
};

/// Runs all inputs in order, up to the first error. Returns the exit status, 0 or 1. With a shell
/// they may hold its backslash commands.
int RunInputs(const std::vector<ScriptInput>& inputs, ScriptRunner& runner, Shell* shell = nullptr);

}  // namespace dashi
