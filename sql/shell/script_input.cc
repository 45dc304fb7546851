#include "sql/shell/script_input.h"

#include "dashi/status.h"

namespace dashi {

int RunInputs(const std::vector<ScriptInput>& inputs, ScriptRunner& runner) {
  for (const ScriptInput& input : inputs) {
    const Status status = input.kind == ScriptInput::Kind::kText ? runner.RunScript(input.value, "")
                                                                 : runner.RunFileAt(input.value);
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
