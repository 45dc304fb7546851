#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/status.h"
#include "server/peer_address.h"

namespace dashi {

/// Who wants in, and how it is connected.
struct AccessRequest {
  std::string database;
  std::string user;
  PeerAddress address;
  bool encrypted = false;
};

enum class AccessMethod : std::uint8_t {
  kReject,
  kTrust,            ///< let in as whoever it says it is
  kScram,            ///< SCRAM-SHA-256, with channel binding where there is TLS
  kTrustBeforeRoles  ///< kTrust while there is no role, kScram from the first on
};

struct AccessDecision {
  AccessMethod method = AccessMethod::kReject;
  std::string rule;  ///< `access.conf:3`, `default`, or empty when none fits
};

/// Which clients are asked for what: the first rule that fits says it, and where none fits the
/// client is refused. A line is
///
///     local                     database role           method
///     host|hostssl|hostnossl    database role address   method
///
/// with lists of names separated by commas, or `all`; an address `10.0.0.0/8`, `::1/128`, one
/// without a length, or `all`; and the methods `trust`, `scram-sha-256` and `reject`. `#` begins a
/// comment, and names with other letters stand in double quotes.
///
/// Threads: not changed once made.
class AccessRules {
 public:
  /// What holds without a file: Unix socket and loopback trust while there is no role and ask for
  /// a password from then on; others are asked for one under TLS, and refused without.
  static AccessRules Default();
  /// Reads a file's text; `path` is for messages.
  ///
  /// Errors: kInvalidArgument (22023), naming file and line; also for `trust` of addresses that are
  ///         not of this machine.
  static Result<AccessRules> Parse(std::string_view text, const std::string& path);

  AccessDecision Decide(const AccessRequest& request) const;

 private:
  enum class Transport : std::uint8_t { kLocal, kAny, kEncrypted, kPlain };

  struct Rule {
    Transport transport = Transport::kLocal;
    std::vector<std::string> databases;  ///< empty: all
    std::vector<std::string> users;      ///< empty: all
    bool any_address = false;
    PeerAddress network;
    int num_bits = 0;
    AccessMethod method = AccessMethod::kReject;
    std::string where;
  };

  static Result<Rule> ParseRule(std::vector<std::string> words);
  static Status ReadAddress(const std::string& text, Rule* rule);
  static bool Fits(const Rule& rule, const AccessRequest& request);

  std::vector<Rule> rules_;
};

}  // namespace dashi
