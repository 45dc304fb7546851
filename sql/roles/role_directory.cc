#include "sql/roles/role_directory.h"

#include "base/status.h"
#include "sql/database_impl.h"
#include "sql/roles/roles.h"

namespace dashi::internal {

Result<RoleLogin> RoleDirectory::Find(Database& database, const std::string& name,
                                      std::int64_t now_micros) {
  DASHI_ASSIGN_OR_RETURN(const auto view, database.impl_->store().NewSnapshot());
  DASHI_ASSIGN_OR_RETURN(const sql::Roles roles, sql::ReadRoles(*view));
  RoleLogin login;
  login.any_roles = !roles.all.empty();
  login.mock_secret = roles.mock_secret;
  const sql::StoredRole* role = roles.Find(name);
  if (role == nullptr) {
    return login;
  }
  login.exists = true;
  login.may_log_in =
      role->login && (!role->valid_until_micros || now_micros < *role->valid_until_micros);
  login.is_admin = role->rights.admin;
  login.verifier = ParseScramVerifier(role->verifier);
  login.num_connections_max = role->num_connections_max;
  login.settings = role->settings;
  return login;
}

}  // namespace dashi::internal
