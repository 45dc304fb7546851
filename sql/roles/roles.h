#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/status.h"
#include "storage/view.h"

namespace dashi::sql {

/// What roles may be given: GRANT reader TO ann. Stored by name.
struct Rights {
  bool reader = false;   ///< read rows
  bool writer = false;   ///< and change them
  bool trainer = false;  ///< read rows; make models and indexes, and publish
  bool admin = false;    ///< everything

  static Rights All() { return {true, true, true, true}; }
  /// `reader, writer`; empty without any.
  std::string ToString() const;
};

/// Returns the member that a name stands for; null for other names.
bool* RightNamed(std::string_view name, Rights* rights);

/// A role, which is a user when it may log in.
struct StoredRole {
  std::string name;
  bool login = false;
  std::string verifier;  ///< ScramVerifier::ToString; empty: without a password
  Rights rights;
  int num_connections_max = -1;                      ///< -1: as many as there are
  std::uint64_t memory_bytes_max = 0;                ///< of its sessions; 0: no limit
  std::optional<std::int64_t> valid_until_micros;    ///< of the password; nullopt: for ever
  std::map<std::string, std::string> settings = {};  ///< what its sessions begin with
};

/// The most roles that there can be.
inline constexpr std::size_t kRolesMax = 1000;

/// All roles of a database, sorted by name.
struct Roles {
  std::vector<StoredRole> all;
  /// What the salts of roles that are not there are made of; empty before the first role.
  std::string mock_secret;

  StoredRole* Find(std::string_view name);
  const StoredRole* Find(std::string_view name) const;
};

/// Errors: those of reading; kCorruption for what is no list of roles.
Result<Roles> ReadRoles(const storage::View& view);
Status WriteRoles(const Roles& roles, storage::Transaction* transaction);

}  // namespace dashi::sql
