#include "sql/roles/role_grammar.h"

#include <string>
#include <string_view>
#include <utility>

#include "base/byte_size.h"
#include "base/status.h"

namespace dashi::sql {

namespace {

constexpr std::uint64_t kConnectionsMax = 10'000;
constexpr std::uint64_t kMemoryBytesMax = std::uint64_t{1} << 50U;

Result<std::string> ExpectRole(TokenStream& tokens) {
  return tokens.ExpectName("the name of a role");
}

// A syntax error that does not repeat what stands there, which may be a password.
Status QuietSyntaxError(const TokenStream& tokens, const std::string& expected) {
  return Status::InvalidArgument("syntax error: expected " + expected)
      .WithSqlState("42601")
      .WithPosition(tokens.PositionOf(tokens.Peek()));
}

Status ParsePassword(TokenStream& tokens, RoleChanges* changes) {
  changes->sets_password = true;
  changes->password_offset = tokens.Peek().offset;
  if (tokens.TakeKeyword("NULL")) {
    changes->password.reset();
    return Status();
  }
  if (tokens.Peek().kind != TokenKind::kString) {
    return QuietSyntaxError(tokens, "a password in quotes, or NULL");
  }
  changes->password = tokens.Take().StringValue();
  return Status();
}

Status ParseConnectionLimit(TokenStream& tokens, RoleChanges* changes) {
  DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("LIMIT"));
  if (tokens.TakeOperator("-")) {
    DASHI_ASSIGN_OR_RETURN(std::uint64_t none, tokens.ExpectInteger("-1, which is no limit", 1));
    changes->num_connections_max = -static_cast<int>(none);
    return none == 1 ? Status() : tokens.SyntaxError("-1, which is no limit");
  }
  DASHI_ASSIGN_OR_RETURN(const std::uint64_t limit,
                         tokens.ExpectInteger("a number of connections", kConnectionsMax));
  changes->num_connections_max = static_cast<int>(limit);
  return Status();
}

Status ParseMemoryLimit(TokenStream& tokens, RoleChanges* changes) {
  static constexpr const char* kExpected = "a size such as '512MB', or -1, which is no limit";
  DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("LIMIT"));
  if (tokens.TakeOperator("-")) {
    DASHI_ASSIGN_OR_RETURN(const std::uint64_t none, tokens.ExpectInteger(kExpected, 1));
    changes->memory_bytes_max = 0;
    return none == 1 ? Status() : tokens.SyntaxError(kExpected);
  }
  if (tokens.Peek().kind != TokenKind::kString) {
    DASHI_ASSIGN_OR_RETURN(changes->memory_bytes_max,
                           tokens.ExpectInteger(kExpected, kMemoryBytesMax));
    return Status();
  }
  const Token text = tokens.Take();
  changes->memory_bytes_max = ParseByteSize(text.StringValue());
  if (changes->memory_bytes_max && *changes->memory_bytes_max <= kMemoryBytesMax) {
    return Status();
  }
  return Status::InvalidArgument("not a size to 1024TB: " + std::string(text.text))
      .WithSqlState("22023")
      .WithHint("Write '512MB', with B, kB, MB, GB or TB.")
      .WithPosition(tokens.PositionOf(text));
}

// Takes one option. Returns whether there was one.
Result<bool> ParseOption(TokenStream& tokens, RoleChanges* changes) {
  const Token word = tokens.Peek();
  if (tokens.TakeKeyword("LOGIN") || tokens.TakeKeyword("NOLOGIN")) {
    changes->login = word.IsKeyword("LOGIN");
    return true;
  }
  if (word.IsKeyword("PASSWORD") ||
      (word.IsKeyword("ENCRYPTED") && tokens.Peek(1).IsKeyword("PASSWORD"))) {
    tokens.TakeKeyword("ENCRYPTED");
    tokens.Take();
    DASHI_RETURN_IF_ERROR(ParsePassword(tokens, changes));
    return true;
  }
  if (tokens.TakeKeyword("CONNECTION")) {
    DASHI_RETURN_IF_ERROR(ParseConnectionLimit(tokens, changes));
    return true;
  }
  if (tokens.TakeKeyword("MEMORY")) {
    DASHI_RETURN_IF_ERROR(ParseMemoryLimit(tokens, changes));
    return true;
  }
  if (tokens.TakeKeyword("VALID")) {
    DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("UNTIL"));
    changes->valid_until_offset = tokens.Peek().offset;
    DASHI_ASSIGN_OR_RETURN(changes->valid_until,
                           tokens.ExpectString("a time in quotes, or 'infinity'"));
    return true;
  }
  static constexpr std::string_view kUnsupported[] = {
      "SUPERUSER", "NOSUPERUSER", "CREATEDB",    "NOCREATEDB",    "CREATEROLE", "NOCREATEROLE",
      "INHERIT",   "NOINHERIT",   "REPLICATION", "NOREPLICATION", "BYPASSRLS",  "NOBYPASSRLS",
      "IN",        "ROLE",        "ADMIN",       "SYSID"};
  for (const std::string_view each : kUnsupported) {
    if (word.IsKeyword(each)) {
      return tokens.Unsupported(word, "roles have no option " + std::string(each),
                                "What a role may is granted: GRANT reader, writer TO name.");
    }
  }
  return false;
}

Status ParseOptions(TokenStream& tokens, RoleChanges* changes) {
  tokens.TakeKeyword("WITH");
  bool more = true;
  while (more) {
    DASHI_ASSIGN_OR_RETURN(more, ParseOption(tokens, changes));
  }
  if (tokens.AtEnd()) {
    return Status();
  }
  static constexpr std::string_view kOptions[] = {"LOGIN",      "NOLOGIN", "PASSWORD",
                                                  "CONNECTION", "MEMORY",  "VALID"};
  static constexpr std::string_view kExpected =
      "LOGIN, NOLOGIN, PASSWORD, CONNECTION LIMIT, MEMORY LIMIT or VALID UNTIL";
  return changes->sets_password ? QuietSyntaxError(tokens, std::string(kExpected))
                                : tokens.SyntaxError(kExpected, kOptions);
}

Status ParseRoleSetting(TokenStream& tokens, AlterRoleStatement* alter) {
  const bool sets = tokens.TakeKeyword("SET");
  if (!sets) {
    DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("RESET"));
  }
  alter->setting_offset = tokens.Peek().offset;
  if (!sets && tokens.TakeKeyword("ALL")) {
    alter->resets_all = true;
    return Status();
  }
  DASHI_ASSIGN_OR_RETURN(std::string name, tokens.ExpectName("the name of a setting"));
  while (tokens.TakeOperator(".")) {
    DASHI_ASSIGN_OR_RETURN(const std::string part, tokens.ExpectName("the name of a setting"));
    name += "." + part;
  }
  alter->setting = std::move(name);
  if (!sets) {
    return Status();
  }
  if (!tokens.TakeOperator("=") && !tokens.TakeKeyword("TO")) {
    return tokens.SyntaxError("\"=\" or TO");
  }
  if (!tokens.TakeKeyword("DEFAULT")) {
    DASHI_ASSIGN_OR_RETURN(alter->setting_value, tokens.ExpectOptionValue());
  }
  return Status();
}

Result<StatementNode> ParseMembership(TokenStream& tokens, bool revokes) {
  GrantStatement grant;
  grant.revokes = revokes;
  do {
    grant.right_offsets.push_back(tokens.Peek().offset);
    DASHI_ASSIGN_OR_RETURN(std::string right,
                           tokens.ExpectName("reader, writer, trainer or admin"));
    grant.rights.push_back(std::move(right));
  } while (tokens.TakeOperator(","));
  if (tokens.Peek().IsKeyword("ON")) {
    return tokens.Unsupported(tokens.Peek(), "there are no rights on single tables",
                              "GRANT reader, writer, trainer or admin TO a role.");
  }
  DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword(revokes ? "FROM" : "TO"));
  do {
    grant.role_offsets.push_back(tokens.Peek().offset);
    DASHI_ASSIGN_OR_RETURN(std::string role, ExpectRole(tokens));
    grant.roles.push_back(std::move(role));
  } while (tokens.TakeOperator(","));
  return StatementNode(std::move(grant));
}

}  // namespace

bool IsRoleWord(const Token& token) { return token.IsKeyword("ROLE") || token.IsKeyword("USER"); }

Result<StatementNode> ParseCreateRole(TokenStream& tokens) {
  CreateRoleStatement create;
  if (tokens.Take().IsKeyword("USER")) {
    create.changes.login = true;
  }
  if (tokens.TakeKeyword("IF")) {
    DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("NOT"));
    DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("EXISTS"));
    create.if_not_exists = true;
  }
  create.name_offset = tokens.Peek().offset;
  DASHI_ASSIGN_OR_RETURN(create.name, ExpectRole(tokens));
  DASHI_RETURN_IF_ERROR(ParseOptions(tokens, &create.changes));
  return StatementNode(std::move(create));
}

Result<StatementNode> ParseAlterRole(TokenStream& tokens) {
  tokens.Take();
  AlterRoleStatement alter;
  alter.name_offset = tokens.Peek().offset;
  DASHI_ASSIGN_OR_RETURN(alter.name, ExpectRole(tokens));
  if (tokens.TakeKeyword("RENAME")) {
    DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("TO"));
    alter.new_name_offset = tokens.Peek().offset;
    DASHI_ASSIGN_OR_RETURN(alter.new_name, ExpectRole(tokens));
  } else if (tokens.Peek().IsKeyword("SET") || tokens.Peek().IsKeyword("RESET")) {
    DASHI_RETURN_IF_ERROR(ParseRoleSetting(tokens, &alter));
  } else {
    const bool nothing = tokens.AtEnd();
    DASHI_RETURN_IF_ERROR(nothing ? tokens.SyntaxError("an option, RENAME, SET or RESET")
                                  : ParseOptions(tokens, &alter.changes));
  }
  return StatementNode(std::move(alter));
}

Result<StatementNode> ParseDropRole(TokenStream& tokens) {
  tokens.Take();
  DropRoleStatement drop;
  if (tokens.TakeKeyword("IF")) {
    DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("EXISTS"));
    drop.if_exists = true;
  }
  drop.name_offset = tokens.Peek().offset;
  DASHI_ASSIGN_OR_RETURN(drop.name, ExpectRole(tokens));
  return StatementNode(std::move(drop));
}

Result<StatementNode> ParseGrant(TokenStream& tokens) {
  return ParseMembership(tokens, /*revokes=*/false);
}

Result<StatementNode> ParseRevoke(TokenStream& tokens) {
  return ParseMembership(tokens, /*revokes=*/true);
}

}  // namespace dashi::sql
