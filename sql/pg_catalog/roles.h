#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/status.h"
#include "sql/pg_catalog/oid.h"
#include "sql/roles/roles.h"
#include "sql/statement_context.h"

namespace dashi::sql::pg_catalog {

/// A row of pg_roles.
struct Role {
  Oid oid = 0;
  std::string name;
  Rights rights;
  bool can_login = true;
  std::int32_t num_connections_max = -1;
  std::string valid_until;  ///< of the password; empty: for ever
  std::vector<Oid> member_of;
};

/// The roles of the database: "dashi", which owns everything, those that CREATE ROLE made, and
/// where there are some of these the rights that they may have, of which they are members.
///
/// Errors: those of reading the stored roles.
Result<std::vector<Role>> ListRoles(const StatementContext& statement);

/// Whether a role may do what one of PostgreSQL's words for privileges of tables says, such as
/// "SELECT" or "INSERT, UPDATE".
bool MayUseTables(const Rights& rights, std::string_view privileges);

}  // namespace dashi::sql::pg_catalog
