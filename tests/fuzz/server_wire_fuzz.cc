// Bytes of a hostile client, in pieces, through the decoder and the protocol's state machine.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/status.h"
#include "server/protocol_machine.h"

using dashi::ProtocolMachine;

namespace {

// Does what the server does with a step, with the engine left out.
void Act(ProtocolMachine& machine, const ProtocolMachine::Step& step) {
  using Action = ProtocolMachine::Step::Action;
  if (step.action == Action::kOpenSession) {
    static_cast<void>(SettingStatements(machine.parameters()));
    DASHI_CHECK(!machine.SessionOpened(/*process_id=*/1, /*secret=*/2).empty());
  } else if (step.action == Action::kRunQuery) {
    DASHI_CHECK(step.query.find('\0') == std::string::npos);
    machine.AnswerDone(dashi::TransactionStatus::kIdle, dashi::SeriesEnd::kSynced);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::size_t piece = data[0] + std::size_t{1};
  std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  ProtocolMachine machine;
  while (!rest.empty()) {
    machine.Receive(rest.substr(0, piece));
    rest.remove_prefix(std::min(piece, rest.size()));
    for (bool more = true; more;) {
      const ProtocolMachine::Step step = machine.Advance();
      using Action = ProtocolMachine::Step::Action;
      if (step.action == Action::kClose || step.action == Action::kCancelOther) {
        DASHI_CHECK(machine.num_pending_bytes() == 0);
        return 0;
      }
      more = step.action != Action::kWait;
      Act(machine, step);
    }
  }
  return 0;
}
