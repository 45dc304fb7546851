#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dashi/status.h"
#include "sql/ast.h"
#include "sql/session_state.h"

namespace dashi::sql {

/// What a statement needs.
enum class NeededRight {
  kNone,  ///< being let in
  kReader,
  kWriter,
  kTrainer,
  kAdmin,
  kOwnPassword  ///< admin, but for the role's own password
};

/// What belongs into an audit log.
enum class AuditClass { kNone, kRoles, kDefinition, kPublication, kServerFiles };

/// What is to be known of each kind of statement before it runs.
struct StatementTraits {
  std::string_view kind;  ///< `CREATE MODEL`
  NeededRight needs = NeededRight::kAdmin;
  AuditClass audited = AuditClass::kNone;
};

/// There is one line for each kind: a new one does not compile without.
StatementTraits TraitsOf(const StatementNode& node);

/// Returns what it is about: the model, role, table or path; empty where that says nothing.
std::string ObjectOf(const StatementNode& node);

/// Returns the paths of files and folders of the server that it names.
std::vector<std::string> ServerPathsOf(const StatementNode& node);

/// `reader`, `admin`
std::string_view NameOf(NeededRight right);

/// Whether a role with these rights, named `user`, may run it.
bool MayRun(const StatementNode& node, const Rights& rights, std::string_view user);

/// Errors: 42501 when the session's role may not run the statement, or its paths are not where the
///         session may name files. Reads the roles again when they have changed.
Status CheckMayRun(SessionState& session, const StatementNode& node);

/// Tells the session's observer of a statement that has run, if it is to know.
void Audit(const SessionState& session, const StatementNode& node, const Status& outcome);

}  // namespace dashi::sql
