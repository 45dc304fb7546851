#include "sql/shell/script_input.h"

namespace dashi {

namespace {

bool IsCommand(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(" \t\n");
  return begin != std::string::npos && text[begin] == '\\';
}

}  // namespace

int RunInputs(const std::vector<ScriptInput>& inputs, ScriptRunner& runner,
              const std::function<Status(const std::string&)>& run_command) {
  for (const ScriptInput& input : inputs) {
    Status status;
    if (input.kind == ScriptInput::Kind::kFile) {
      status = runner.RunFileAt(input.value);
    } else if (run_command && IsCommand(input.value)) {
      status = run_command(input.value);
    } else {
      status = runner.RunScript(input.value, "");
    }
    if (!status.ok()) {
      return 1;
    }
  }
  if (runner.runner().in_transaction()) {
    runner.Print("WARNING:  the input ended inside a transaction, which is rolled back");
  }
  return 0;
}

}  // namespace dashi
