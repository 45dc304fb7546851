#pragma once

#include <functional>
#include <string>
#include <vector>

#include "dashi/status.h"
#include "sql/shell/script_runner.h"

namespace dashi {

/// One `-c SQL` or `-f FILE` of the command line.
struct ScriptInput {
  enum class Kind { kText, kFile };
  Kind kind = Kind::kText;
  std::string value;  ///< SQL, or a path where "-" is standard input
};

/// Runs all inputs in order, up to the first error; a text that begins with a backslash is a
/// command of the shell, which `run_command` runs. Returns the exit status, 0 or 1.
int RunInputs(const std::vector<ScriptInput>& inputs, ScriptRunner& runner,
              const std::function<Status(const std::string&)>& run_command = nullptr);

}  // namespace dashi
