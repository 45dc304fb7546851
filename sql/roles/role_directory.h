#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/scram_verifier.h"
#include "dashi/database.h"
#include "dashi/status.h"

namespace dashi::internal {

/// What a server that lets somebody in is to know of a role.
struct RoleLogin {
  bool any_roles = false;  ///< whether there are roles at all
  bool exists = false;
  bool may_log_in = false;  ///< with the LOGIN option, and not outdated
  bool is_admin = false;
  std::optional<ScramVerifier> verifier;  ///< nullopt: without a password
  int num_connections_max = -1;
  std::string mock_secret;  ///< see Roles; empty without roles
  std::map<std::string, std::string> settings;
};

/// The roles of a database, for the server. What it says is in no table.
///
/// Threads: all methods may be called at once.
class RoleDirectory {
 public:
  static Result<RoleLogin> Find(Database& database, const std::string& name,
                                std::int64_t now_micros);
};

}  // namespace dashi::internal
