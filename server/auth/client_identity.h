#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/scram_verifier.h"
#include "dashi/status.h"
#include "sql/roles/role_directory.h"

namespace dashi {

/// Who a client is, once it is let in.
struct ClientIdentity {
  std::string user;
  std::string database;       ///< as the client named it
  bool unrestricted = false;  ///< there are no roles: everybody may do everything
  bool is_admin = false;
  std::string address;  ///< `10.0.0.1`, `local`
  std::vector<std::string> file_directories;
};

/// How others end what a client's session does. They are called by any thread, and do nothing once
/// the client has gone.
struct ClientControls {
  std::uint32_t process_id = 0;  ///< the number by which the client knows its session
  std::function<void()> cancel;
  std::function<void()> terminate;
};

/// How a login ended.
struct LoginEvent {
  std::string user;
  std::string database;
  std::string address;
  bool encrypted = false;
  std::string rule;  ///< of the access rules; empty when none fits
  Status outcome;
};

/// Returns what a database knows of a role. Called by many threads at once.
///
/// Errors: kNotFound (3D000) when there is no such database.
using RoleLookup = std::function<Result<internal::RoleLogin>(const std::string& database,
                                                             const std::string& user)>;

/// Is told of every login. Called by many threads at once, and must be quick.
using LoginObserver = std::function<void(const LoginEvent& event)>;

}  // namespace dashi
