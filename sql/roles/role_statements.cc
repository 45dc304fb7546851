// CREATE, ALTER and DROP ROLE, GRANT and REVOKE.

#include <algorithm>
#include <functional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/nearest_name.h"
#include "base/scram_verifier.h"
#include "base/secret_bytes.h"
#include "base/status.h"
#include "base/timestamp.h"
#include "sql/own_statements.h"
#include "sql/roles/roles.h"
#include "sql/settings.h"

namespace dashi::sql {

namespace {

constexpr std::size_t kNameBytesMax = 63;  // As in PostgreSQL.
constexpr std::size_t kPasswordBytesMax = 1024;
constexpr std::size_t kSecretBytes = 32;

// Changes the roles and writes them.
Status ChangeRoles(SessionState& session, const char* statement,
                   const std::function<Status(Roles&)>& change) {
  DASHI_RETURN_IF_ERROR(RequireWritable(session, statement));
  const auto write = [&](storage::Transaction& transaction) -> Status {
    DASHI_ASSIGN_OR_RETURN(Roles roles, ReadRoles(transaction));
    DASHI_RETURN_IF_ERROR(change(roles));
    return WriteRoles(roles, &transaction);
  };
  session.roles_changed = true;
  return WriteAtomically(session, write);
}

Status CheckNewName(const std::string& name) {
  Rights rights;
  const bool reserved = RightNamed(name, &rights) != nullptr || name.starts_with("pg_") ||
                        name == "public" || name == "none";
  if (reserved) {
    return Status::InvalidArgument(fmt::format("role name \"{}\" is reserved", name))
        .WithSqlState("42939");
  }
  if (name.empty() || name.size() > kNameBytesMax) {
    return Status::InvalidArgument(fmt::format("the name of a role has 1 to {} bytes: got {}",
                                               kNameBytesMax, name.size()))
        .WithSqlState("42602");
  }
  return Status();
}

Status NoSuchRole(const Roles& roles, const std::string& name) {
  std::vector<std::string_view> names;
  names.reserve(roles.all.size());
  for (const StoredRole& role : roles.all) {
    names.push_back(role.name);
  }
  Status status =
      Status::NotFound(fmt::format("role \"{}\" does not exist", name)).WithSqlState("42704");
  const std::string_view nearest = NearestName(name, names);
  return nearest.empty() ? std::move(status)
                         : std::move(status).WithHint(fmt::format("Did you mean {}?", nearest));
}

// What is kept of a password, or of a verifier that the client has made.
Result<std::string> VerifierOf(const std::string& password) {
  if (password.starts_with("SCRAM-SHA-256$")) {
    return ParseScramVerifier(password)
               ? Result<std::string>(password)
               : Status::InvalidArgument(
                     fmt::format("not a verifier of SCRAM-SHA-256 with {} to {} iterations",
                                 kScramIterations, kScramIterationsMax))
                     .WithSqlState("22023");
  }
  if (password.size() == 35 && password.starts_with("md5")) {
    return Status::InvalidArgument("passwords are not kept as MD5")
        .WithSqlState("22023")
        .WithHint("Give the password, or a verifier that begins with SCRAM-SHA-256.");
  }
  if (password.empty() || password.size() > kPasswordBytesMax) {
    return Status::InvalidArgument(fmt::format("a password has 1 to {} bytes", kPasswordBytesMax))
        .WithSqlState("22023");
  }
  return MakeScramVerifier(password, SecretBytes(kScramSaltBytes)).ToString();
}

// A verifier takes milliseconds: it is made before the transaction, not in it.
Status Apply(const ParsedStatement& statement, const RoleChanges& changes,
             const std::string& verifier, StoredRole* role) {
  role->login = changes.login.value_or(role->login);
  if (changes.sets_password) {
    role->verifier = verifier;
  }
  role->num_connections_max = changes.num_connections_max.value_or(role->num_connections_max);
  role->memory_bytes_max = changes.memory_bytes_max.value_or(role->memory_bytes_max);
  if (!changes.valid_until) {
    return Status();
  }
  role->valid_until_micros = ParseTimestamp(*changes.valid_until);
  if (!role->valid_until_micros && *changes.valid_until != "infinity") {
    return statement.At(
        Status::InvalidArgument(fmt::format("not a time: \"{}\"", *changes.valid_until))
            .WithSqlState("22007"),
        changes.valid_until_offset);
  }
  return Status();
}

Result<std::string> VerifierOf(const ParsedStatement& statement, const RoleChanges& changes) {
  if (!changes.password) {
    return std::string();
  }
  Result<std::string> verifier = VerifierOf(*changes.password);
  return verifier.ok() ? std::move(verifier)
                       : statement.At(std::move(verifier).status(), changes.password_offset);
}

Status ApplySetting(const ParsedStatement& statement, const AlterRoleStatement& alter,
                    StoredRole* role) {
  if (alter.resets_all) {
    role->settings.clear();
  }
  if (!alter.setting) {
    return Status();
  }
  Settings trial;
  Status allowed = trial.Set(*alter.setting, alter.setting_value);
  if (!allowed.ok()) {
    return statement.At(std::move(allowed), alter.setting_offset);
  }
  if (alter.setting_value) {
    role->settings[*alter.setting] = *alter.setting_value;
  } else {
    role->settings.erase(*alter.setting);
  }
  return Status();
}

Result<StoredRole*> FindRole(const ParsedStatement& statement, Roles& roles,
                             const std::string& name, std::size_t offset) {
  StoredRole* role = roles.Find(name);
  return role != nullptr ? Result<StoredRole*>(role)
                         : statement.At(NoSuchRole(roles, name), offset);
}

bool AnyAdmin(const Roles& roles) {
  return std::any_of(roles.all.begin(), roles.all.end(), [](const StoredRole& role) {
    return role.rights.admin && role.login && !role.verifier.empty();
  });
}

constexpr const char* kNoAdmin =
    "from now on clients log in as a role; none of them that has a password is an admin";

}  // namespace

StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const CreateRoleStatement& create) {
  DASHI_ASSIGN_OR_RETURN(const std::string verifier, VerifierOf(statement, create.changes));
  std::vector<std::string> notices;
  const auto change = [&](Roles& roles) -> Status {
    Status named = CheckNewName(create.name);
    if (named.ok() && roles.Find(create.name) != nullptr) {
      if (create.if_not_exists) {
        notices = {fmt::format("role \"{}\" already exists, skipping", create.name)};
        return Status();
      }
      named = Status::AlreadyExists(fmt::format("role \"{}\" already exists", create.name))
                  .WithSqlState("42710");
    }
    if (!named.ok()) {
      return statement.At(std::move(named), create.name_offset);
    }
    if (roles.all.size() >= kRolesMax) {
      return Status::ResourceExhausted(fmt::format("there are at most {} roles", kRolesMax))
          .WithSqlState("54000");
    }
    const bool is_first = roles.all.empty();
    if (roles.mock_secret.empty()) {
      roles.mock_secret = SecretBytes(kSecretBytes);
    }
    StoredRole role;
    role.name = create.name;
    DASHI_RETURN_IF_ERROR(Apply(statement, create.changes, verifier, &role));
    roles.all.push_back(std::move(role));
    if (is_first) {
      notices = {kNoAdmin};
    }
    return Status();
  };
  DASHI_RETURN_IF_ERROR(ChangeRoles(session, "CREATE ROLE", change));
  return Finished("CREATE ROLE", std::move(notices));
}

StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const AlterRoleStatement& alter) {
  DASHI_ASSIGN_OR_RETURN(const std::string verifier, VerifierOf(statement, alter.changes));
  const auto change = [&](Roles& roles) -> Status {
    DASHI_ASSIGN_OR_RETURN(StoredRole * role,
                           FindRole(statement, roles, alter.name, alter.name_offset));
    DASHI_RETURN_IF_ERROR(Apply(statement, alter.changes, verifier, role));
    DASHI_RETURN_IF_ERROR(ApplySetting(statement, alter, role));
    if (!alter.new_name) {
      return Status();
    }
    Status named = CheckNewName(*alter.new_name);
    if (named.ok() && roles.Find(*alter.new_name) != nullptr) {
      named = Status::AlreadyExists(fmt::format("role \"{}\" already exists", *alter.new_name))
                  .WithSqlState("42710");
    }
    if (!named.ok()) {
      return statement.At(std::move(named), alter.new_name_offset);
    }
    role->name = *alter.new_name;
    return Status();
  };
  DASHI_RETURN_IF_ERROR(ChangeRoles(session, "ALTER ROLE", change));
  return Finished("ALTER ROLE");
}

StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const DropRoleStatement& drop) {
  std::vector<std::string> notices;
  const auto change = [&](Roles& roles) -> Status {
    if (drop.if_exists && roles.Find(drop.name) == nullptr) {
      notices = {fmt::format("role \"{}\" does not exist, skipping", drop.name)};
      return Status();
    }
    DASHI_ASSIGN_OR_RETURN(const StoredRole* role,
                           FindRole(statement, roles, drop.name, drop.name_offset));
    if (!session.unrestricted && drop.name == session.user) {
      return Status::FailedPrecondition("current user cannot be dropped").WithSqlState("55006");
    }
    roles.all.erase(roles.all.begin() + (role - roles.all.data()));
    return Status();
  };
  DASHI_RETURN_IF_ERROR(ChangeRoles(session, "DROP ROLE", change));
  return Finished("DROP ROLE", std::move(notices));
}

StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const GrantStatement& grant) {
  std::vector<std::string> notices;
  const auto change = [&](Roles& roles) -> Status {
    for (std::size_t i = 0; i < grant.roles.size(); ++i) {
      DASHI_ASSIGN_OR_RETURN(StoredRole * role,
                             FindRole(statement, roles, grant.roles[i], grant.role_offsets[i]));
      for (std::size_t j = 0; j < grant.rights.size(); ++j) {
        bool* right = RightNamed(grant.rights[j], &role->rights);
        if (right == nullptr) {
          return statement.At(
              Status::NotFound(fmt::format("role \"{}\" cannot be granted", grant.rights[j]))
                  .WithSqlState("0LP01")
                  .WithHint("reader, writer, trainer and admin can."),
              grant.right_offsets[j]);
        }
        *right = !grant.revokes;
      }
    }
    if (grant.revokes && !AnyAdmin(roles)) {
      notices = {"no role that has a password is an admin any more"};
    }
    return Status();
  };
  const char* tag = grant.revokes ? "REVOKE ROLE" : "GRANT ROLE";
  DASHI_RETURN_IF_ERROR(ChangeRoles(session, tag, change));
  return Finished(tag, std::move(notices));
}

}  // namespace dashi::sql
