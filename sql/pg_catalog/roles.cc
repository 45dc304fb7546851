#include "sql/pg_catalog/roles.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/clock.h"
#include "base/status.h"
#include "sql/token.h"

namespace dashi::sql::pg_catalog {

namespace {

constexpr std::string_view kRightNames[] = {"reader", "writer", "trainer", "admin"};

}  // namespace

Result<std::vector<Role>> ListRoles(const StatementContext& statement) {
  Role owner;
  owner.oid = kOwnerRole;
  owner.name = "dashi";
  owner.rights = Rights::All();
  std::vector<Role> roles{owner};
  DASHI_ASSIGN_OR_RETURN(const Roles stored, ReadRoles(*statement.view));
  roles.reserve(stored.all.size() + std::size(kRightNames) + 1);
  for (const StoredRole& one : stored.all) {
    Role role;
    role.oid = one.name == owner.name ? kOwnerRole : OidOf("role", one.name);
    role.name = one.name;
    role.rights = one.rights;
    role.can_login = one.login;
    role.num_connections_max = one.num_connections_max;
    role.valid_until = one.valid_until_micros ? FormatTimestamp(*one.valid_until_micros) : "";
    for (const std::string_view right : kRightNames) {
      Rights rights = one.rights;
      if (*RightNamed(right, &rights)) {
        role.member_of.push_back(OidOf("right", right));
      }
    }
    if (role.oid == kOwnerRole) {
      roles.front() = std::move(role);
    } else {
      roles.push_back(std::move(role));
    }
  }
  for (const std::string_view right : kRightNames) {
    if (stored.all.empty()) {
      break;
    }
    Role group;
    group.oid = OidOf("right", right);
    group.name = right;
    group.can_login = false;
    *RightNamed(right, &group.rights) = true;
    roles.push_back(std::move(group));
  }
  return roles;
}

bool MayUseTables(const Rights& rights, std::string_view privileges) {
  while (!privileges.empty()) {
    const std::size_t comma = privileges.find(',');
    std::string_view word = privileges.substr(0, comma);
    privileges.remove_prefix(comma == std::string_view::npos ? privileges.size() : comma + 1);
    word.remove_prefix(std::min(word.find_first_not_of(' '), word.size()));
    word = word.substr(0, word.find(' '));  // Behind it: WITH GRANT OPTION.
    const bool reads = EqualsIgnoreCase(word, "select");
    const bool writes = EqualsIgnoreCase(word, "insert") || EqualsIgnoreCase(word, "update") ||
                        EqualsIgnoreCase(word, "delete");
    const bool may = rights.admin ||
                     (reads && (rights.reader || rights.writer || rights.trainer)) ||
                     (writes && rights.writer);
    if (may) {  // One of them is enough.
      return true;
    }
  }
  return false;
}

}  // namespace dashi::sql::pg_catalog
