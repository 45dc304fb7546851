#include "sql/shell/script_input.h"

#include "dashi/status.h"

namespace dashi {

namespace {

Status RunInput(const ScriptInput& input, ScriptRunner& runner, Shell* shell) {
  if (input.kind == ScriptInput::Kind::kFile) {
    return shell == nullptr ? runner.RunFileAt(input.value) : shell->RunFileAt(input.value);
  }
  const bool may_hold_command = input.value.find('\\') != std::string::npos;
  return shell != nullptr && may_hold_command ? shell->RunText(input.value)
                                              : runner.RunScript(input.value, "");
}

}  // namespace

int RunInputs(const std::vector<ScriptInput>& inputs, ScriptRunner& runner, Shell* shell) {
  for (const ScriptInput& input : inputs) {
    if (!RunInput(input, runner, shell).ok()) {
      return 1;
    }
  }
  if (runner.runner().in_transaction()) {
    runner.Print("WARNING:  the input ended inside a transaction, which is rolled back");
  }
  return 0;
}

}  // namespace dashi
