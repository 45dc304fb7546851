// What a client that is not let in may send, and the small files that the server reads: nothing of
// it lets anybody in, and what is read is written as it was.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/base64.h"
#include "base/status.h"
#include "server/auth/access_rules.h"
#include "server/auth/login.h"
#include "server/config_file.h"
#include "server/protocol_machine.h"

namespace {

using dashi::ProtocolMachine;
using Action = ProtocolMachine::Step::Action;

// The role has the password "pencil" and may not log in, so that even the right proof is refused.
dashi::ScramSecrets Secrets(bool has_channel) {
  static const dashi::ScramVerifier verifier =
      dashi::MakeScramVerifier("pencil", "salt of 16 bytes");
  dashi::ScramSecrets secrets;
  secrets.verifier = verifier;
  secrets.end_point_hash = has_channel ? std::string(32, 'h') : std::string();
  secrets.nonce = "nonce";
  return secrets;
}

void LogIn(std::string_view bytes, std::size_t piece, bool has_tls) {
  ProtocolMachine machine(has_tls);
  std::optional<dashi::Login> login;
  while (!bytes.empty()) {
    machine.Receive(bytes.substr(0, piece));
    bytes.remove_prefix(std::min(piece, bytes.size()));
    for (bool more = true; more;) {
      const ProtocolMachine::Step step = machine.Advance();
      DASHI_CHECK(!machine.let_in());
      switch (step.action) {
        case Action::kClose:
        case Action::kCancelOther:
          return;
        case Action::kStartTls:
          DASHI_CHECK(has_tls && machine.num_pending_bytes() == 0);
          machine.TlsStarted();
          break;
        case Action::kOpenSession:
          DASHI_CHECK(!login);
          login.emplace(machine.parameters().user, Secrets(has_tls));
          DASHI_CHECK(!machine.BeginLogin(login->Begin()).empty());
          break;
        case Action::kLogIn: {
          const dashi::Login::Step said = login->Receive(step.query);
          DASHI_CHECK(said.next != dashi::Login::Step::Next::kLetIn);
          if (said.next == dashi::Login::Step::Next::kRefuse) {
            DASHI_CHECK(!said.refusal.ok());
            DASHI_CHECK(!machine.SessionRefused(said.refusal).empty());
          }
          break;
        }
        default:
          more = step.action == Action::kContinue;
      }
    }
  }
}

void ReadFiles(std::string_view text) {
  const dashi::Status rules = dashi::AccessRules::Parse(text, "f").status();
  DASHI_CHECK(rules.ok() || rules.sqlstate() == "22023");
  if (const auto lines = dashi::ParseConfigFile(text, "f"); lines.ok()) {
    for (const dashi::ConfigLine& line : *lines) {
      const auto again =
          dashi::ParseConfigFile(line.name + " = " + dashi::QuotedConfigValue(line.value), "f");
      DASHI_CHECK(again.ok() && again->size() == 1 && again->front().value == line.value);
    }
  }
  if (const auto verifier = dashi::ParseScramVerifier(text)) {
    DASHI_CHECK(dashi::ParseScramVerifier(verifier->ToString()).has_value());
  }
  if (const auto decoded = dashi::FromBase64(text)) {
    DASHI_CHECK(dashi::Base64Of(*decoded) == text);
  }
  static_cast<void>(dashi::PreparedPassword(text));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 4 < 2) {
    LogIn(rest, data[0] / 4 + std::size_t{1}, data[0] % 2 == 1);
  } else {
    ReadFiles(rest);
  }
  return 0;
}
