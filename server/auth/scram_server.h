#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/scram_verifier.h"
#include "dashi/status.h"

namespace dashi {

/// What a login with SCRAM goes on with.
struct ScramSecrets {
  /// Of the role; of one that may not log in, or is not there, MockScramVerifier.
  ScramVerifier verifier;
  /// Whether the right password lets the client in.
  bool may_log_in = false;
  /// See TlsContext::end_point_hash: of the connection's certificate. Empty: there is no channel to
  /// bind to.
  std::string end_point_hash;
  /// Printable and not guessable, of this login alone.
  std::string nonce;
};

/// The server's side of one login with SCRAM-SHA-256 or SCRAM-SHA-256-PLUS (RFC 5802, 7677), as
/// PostgreSQL speaks it. Pure: no sockets, no clock, no randomness.
///
/// Threads: one thread at a time.
class ScramServer {
 public:
  explicit ScramServer(ScramSecrets secrets);

  /// What is offered, the best first: with a channel, both; without, the one without PLUS.
  std::vector<std::string> mechanisms() const;

  /// Takes the client's first message. Returns the server's.
  ///
  /// Errors: kInvalidArgument (08P01) for what is no such message, or a mechanism that is not
  ///         offered; 28000 when channel binding was taken away on the way (the client says that it
  ///         would have bound, had it been offered).
  Result<std::string> Start(std::string_view mechanism, std::string_view client_first);

  /// Takes the client's last message. Returns the server's, which proves that it knows the
  /// verifier; the client is let in.
  ///
  /// Errors: 08P01 as above; kFailedPrecondition (28P01) for a wrong proof, whatever the reason:
  ///         the message is the caller's to make.
  Result<std::string> Finish(std::string_view client_last);

 private:
  Result<std::string> CheckChannel(bool plus, std::string_view* rest);

  const ScramSecrets secrets_;
  std::string expected_channel_;  // c= of the last message, decoded
  std::string nonce_;             // the client's, then ours
  std::string client_first_bare_;
  std::string server_first_;
};

/// Returns a verifier that stands for a role that is not there: the same each time for the same
/// name, so that nobody learns from it which names are there.
ScramVerifier MockScramVerifier(std::string_view user, std::string_view server_secret);

}  // namespace dashi
