#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "dashi/status.h"
#include "server/auth/scram_server.h"

namespace dashi {

/// One client's login with a password: messages in, messages out. Knows no sockets.
///
/// Threads: one thread at a time.
class Login {
 public:
  struct Step {
    enum class Next : std::uint8_t { kReceive, kLetIn, kRefuse };
    Next next = Next::kRefuse;
    std::string reply;  ///< kReceive, kLetIn
    Status refusal;     ///< kRefuse
  };

  Login(std::string user, ScramSecrets secrets);

  /// Returns the message that asks the client.
  std::string Begin() const;
  /// Takes the body of the client's next message.
  Step Receive(std::string_view body);

 private:
  Step Start(std::string_view body);
  Step Finish(std::string_view body);

  const std::string user_;
  ScramServer scram_;
  bool started_ = false;
  bool finished_ = false;
};

/// The refusal of a login, whatever was wrong with name or password.
Status WrongPassword(const std::string& user);

}  // namespace dashi
