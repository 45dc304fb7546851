#include "sql/roles/statement_rights.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <variant>

#include <fmt/format.h>

#include "base/status.h"
#include "sql/database_impl.h"
#include "sql/roles/roles.h"

namespace dashi::sql {

namespace {

using Needs = NeededRight;

template <typename... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};
template <typename... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

std::string_view KindOf(SqliteVerb verb) {
  switch (verb) {
    case SqliteVerb::kSelect:
      return "SELECT";
    case SqliteVerb::kInsert:
      return "INSERT";
    case SqliteVerb::kUpdate:
      return "UPDATE";
    case SqliteVerb::kDelete:
      return "DELETE";
    case SqliteVerb::kExplain:
      break;
  }
  return "EXPLAIN";
}

StatementTraits Of(const SqliteStatement& statement) {
  const bool reads = statement.run_verb() == SqliteVerb::kSelect;
  return {KindOf(statement.verb), reads ? Needs::kReader : Needs::kWriter};
}

bool HasOption(const std::vector<OptionNode>& options, std::string_view name) {
  return std::any_of(options.begin(), options.end(),
                     [name](const OptionNode& option) { return option.name == name; });
}

StatementTraits Of(const CopyFromStatement& copy) {
  const bool uses_files = !copy.from_input || HasOption(copy.options, "rejects");
  return uses_files ? StatementTraits{"COPY FROM", Needs::kAdmin, AuditClass::kServerFiles}
                    : StatementTraits{"COPY FROM STDIN", Needs::kWriter};
}

StatementTraits Of(const CopyToStatement& copy) {
  return copy.to_output ? StatementTraits{"COPY TO STDOUT", Needs::kReader}
                        : StatementTraits{"COPY TO", Needs::kAdmin, AuditClass::kServerFiles};
}

StatementTraits Of(const CreateModelStatement& create) {
  // The option path names a folder of the server.
  const bool uses_files = HasOption(create.options, "path");
  return {"CREATE MODEL", uses_files ? Needs::kAdmin : Needs::kTrainer, AuditClass::kDefinition};
}

StatementTraits Of(const AlterRoleStatement& alter) {
  return {"ALTER ROLE", alter.password_alone() ? Needs::kOwnPassword : Needs::kAdmin,
          AuditClass::kRoles};
}

// The table: one line for each other kind of statement.
StatementTraits Of(const BeginStatement& /*statement*/) { return {"BEGIN", Needs::kNone}; }
StatementTraits Of(const CommitStatement& /*statement*/) { return {"COMMIT", Needs::kNone}; }
StatementTraits Of(const RollbackStatement& /*statement*/) { return {"ROLLBACK", Needs::kNone}; }
StatementTraits Of(const SavepointStatement& /*statement*/) { return {"SAVEPOINT", Needs::kNone}; }
StatementTraits Of(const ReleaseSavepointStatement& /*statement*/) {
  return {"RELEASE", Needs::kNone};
}
StatementTraits Of(const RollbackToStatement& /*statement*/) {
  return {"ROLLBACK TO", Needs::kNone};
}
StatementTraits Of(const SetTransactionStatement& /*statement*/) {
  return {"SET TRANSACTION", Needs::kNone};
}
StatementTraits Of(const ShowSettingStatement& /*statement*/) { return {"SHOW", Needs::kNone}; }
StatementTraits Of(const SetStatement& /*statement*/) { return {"SET", Needs::kNone}; }
StatementTraits Of(const ResetStatement& /*statement*/) { return {"RESET", Needs::kNone}; }
StatementTraits Of(const ShowListStatement& /*statement*/) { return {"SHOW LIST", Needs::kReader}; }
StatementTraits Of(const ShowModelStatement& /*statement*/) {
  return {"SHOW MODEL", Needs::kReader};
}
StatementTraits Of(const DescribeStatement& /*statement*/) { return {"DESCRIBE", Needs::kReader}; }
StatementTraits Of(const CreateIndexStatement& /*statement*/) {
  return {"CREATE INDEX", Needs::kTrainer, AuditClass::kDefinition};
}
StatementTraits Of(const DropIndexStatement& /*statement*/) {
  return {"DROP INDEX", Needs::kTrainer, AuditClass::kDefinition};
}
StatementTraits Of(const CreateGraphStatement& /*statement*/) {
  return {"CREATE GRAPH", Needs::kTrainer, AuditClass::kDefinition};
}
StatementTraits Of(const DropGraphStatement& /*statement*/) {
  return {"DROP GRAPH", Needs::kTrainer, AuditClass::kDefinition};
}
StatementTraits Of(const AlterModelStatement& /*statement*/) {
  return {"ALTER MODEL", Needs::kTrainer, AuditClass::kDefinition};
}
StatementTraits Of(const DropModelStatement& /*statement*/) {
  return {"DROP MODEL", Needs::kTrainer, AuditClass::kDefinition};
}
StatementTraits Of(const DropReleaseStatement& /*statement*/) {
  return {"DROP RELEASE", Needs::kTrainer, AuditClass::kDefinition};
}
StatementTraits Of(const PinReleaseStatement& /*statement*/) {
  return {"PIN RELEASE", Needs::kTrainer};
}
StatementTraits Of(const RefreshModelStatement& /*statement*/) {
  return {"REFRESH MODEL", Needs::kTrainer};
}
StatementTraits Of(const TrainModelStatement& /*statement*/) {
  return {"TRAIN MODEL", Needs::kTrainer};
}
StatementTraits Of(const EvaluateModelStatement& /*statement*/) {
  return {"EVALUATE MODEL", Needs::kTrainer};
}
StatementTraits Of(const CompareStatement& /*statement*/) { return {"COMPARE", Needs::kTrainer}; }
StatementTraits Of(const PublishStatement& /*statement*/) {
  return {"PUBLISH", Needs::kTrainer, AuditClass::kPublication};
}
StatementTraits Of(const RevertModelStatement& /*statement*/) {
  return {"REVERT", Needs::kTrainer, AuditClass::kPublication};
}
StatementTraits Of(const WaitJobStatement& /*statement*/) { return {"WAIT JOB", Needs::kTrainer}; }
// Of the role's own sessions, or with the role admin: the statement looks.
StatementTraits Of(const EndSessionStatement& statement) {
  return {statement.terminates ? "TERMINATE SESSION" : "CANCEL SESSION", Needs::kNone};
}
StatementTraits Of(const CancelJobStatement& /*statement*/) {
  return {"CANCEL JOB", Needs::kTrainer};
}
StatementTraits Of(const PauseJobStatement& /*statement*/) {
  return {"PAUSE JOB", Needs::kTrainer};
}
StatementTraits Of(const ResumeJobStatement& /*statement*/) {
  return {"RESUME JOB", Needs::kTrainer};
}
StatementTraits Of(const CreateScheduleStatement& /*statement*/) {
  return {"CREATE SCHEDULE", Needs::kTrainer, AuditClass::kDefinition};
}
StatementTraits Of(const AlterScheduleStatement& /*statement*/) {
  return {"ALTER SCHEDULE", Needs::kTrainer, AuditClass::kDefinition};
}
StatementTraits Of(const DropScheduleStatement& /*statement*/) {
  return {"DROP SCHEDULE", Needs::kTrainer, AuditClass::kDefinition};
}
StatementTraits Of(const PauseScheduleStatement& statement) {
  return {statement.resumes ? "RESUME SCHEDULE" : "PAUSE SCHEDULE", Needs::kTrainer,
          AuditClass::kDefinition};
}
StatementTraits Of(const RunScheduleStatement& /*statement*/) {
  return {"RUN SCHEDULE", Needs::kTrainer};
}
StatementTraits Of(const AlterTableStatement& /*statement*/) {
  return {"ALTER TABLE", Needs::kAdmin, AuditClass::kDefinition};
}
StatementTraits Of(const CommentStatement& /*statement*/) {
  return {"COMMENT", Needs::kAdmin, AuditClass::kDefinition};
}
StatementTraits Of(const ExportModelStatement& /*statement*/) {
  return {"EXPORT MODEL", Needs::kAdmin, AuditClass::kServerFiles};
}
StatementTraits Of(const ImportModelStatement& /*statement*/) {
  return {"IMPORT MODEL", Needs::kAdmin, AuditClass::kDefinition};
}
StatementTraits Of(const BackupStatement& /*statement*/) {
  return {"BACKUP", Needs::kAdmin, AuditClass::kServerFiles};
}
StatementTraits Of(const ShowBackupsStatement& /*statement*/) {
  return {"SHOW BACKUPS", Needs::kAdmin};
}
StatementTraits Of(const CheckDatabaseStatement& /*statement*/) {
  return {"CHECK DATABASE", Needs::kAdmin};
}
StatementTraits Of(const CreateRoleStatement& /*statement*/) {
  return {"CREATE ROLE", Needs::kAdmin, AuditClass::kRoles};
}
StatementTraits Of(const DropRoleStatement& /*statement*/) {
  return {"DROP ROLE", Needs::kAdmin, AuditClass::kRoles};
}
StatementTraits Of(const GrantStatement& s) {
  return {s.revokes ? "REVOKE" : "GRANT", Needs::kAdmin, AuditClass::kRoles};
}

void AddOptionPath(const std::vector<OptionNode>& options, std::string_view name,
                   std::vector<std::string>* paths) {
  for (const OptionNode& option : options) {
    if (option.name == name && !option.value.empty()) {
      paths->push_back(option.value);
    }
  }
}

std::string NameOf(const ReleaseName& release) {
  return release.release ? fmt::format("{}@{}", release.model, *release.release) : release.model;
}

Status Denied(const SessionState& session, const StatementTraits& traits) {
  const std::string_view role = NameOf(traits.needs);
  return Status::FailedPrecondition(
             fmt::format("permission denied: {} needs the role {}", traits.kind, role))
      .WithSqlState("42501")
      .WithHint(fmt::format("An admin can run GRANT {} TO {}.", role, session.user));
}

// Whether the folder is `path` or above it. Both are absolute and without links.
bool Contains(const std::filesystem::path& folder, const std::filesystem::path& path) {
  return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first ==
         folder.end();
}

Status CheckPath(const std::vector<std::string>& folders, const std::string& path) {
  std::error_code error;
  const std::filesystem::path real = std::filesystem::weakly_canonical(path, error);
  for (const std::string& folder : folders) {
    std::error_code folder_error;
    const std::filesystem::path real_folder = std::filesystem::canonical(folder, folder_error);
    if (!error && !folder_error && Contains(real_folder, real)) {
      return Status();
    }
  }
  return Status::FailedPrecondition(
             fmt::format("permission denied: the file is in no folder of file_directories: {}",
                         path))
      .WithSqlState("42501")
      .WithHint(
          "The server's setting file_directories says where its files may be; COPY ... FROM STDIN "
          "and TO STDOUT use the client's.");
}

// Reads what the role may now.
Status Refresh(SessionState& session) {
  const std::uint64_t version = session.database.roles_version();
  if (session.rights_version == version) {
    return Status();
  }
  DASHI_ASSIGN_OR_RETURN(const auto view, session.database.store().NewSnapshot());
  DASHI_ASSIGN_OR_RETURN(const Roles roles, ReadRoles(*view));
  const StoredRole* role = roles.Find(session.user);
  session.rights = role == nullptr ? Rights() : role->rights;
  session.role_memory->set_limit_bytes(role == nullptr ? 0 : role->memory_bytes_max);
  session.rights_version = version;
  return Status();
}

}  // namespace

StatementTraits TraitsOf(const StatementNode& node) {
  return std::visit([](const auto& statement) { return Of(statement); }, node);
}

std::string ObjectOf(const StatementNode& node) {
  return std::visit(Overloaded{[](const CopyFromStatement& s) { return s.table; },
                               [](const CopyToStatement& s) { return s.table; },
                               [](const AlterTableStatement& s) { return s.table; },
                               [](const CreateIndexStatement& s) { return s.name; },
                               [](const DropIndexStatement& s) { return s.name; },
                               [](const CreateGraphStatement& s) { return s.name; },
                               [](const DropGraphStatement& s) { return s.name; },
                               [](const CreateModelStatement& s) { return s.model; },
                               [](const AlterModelStatement& s) { return s.model; },
                               [](const DropModelStatement& s) { return s.model; },
                               [](const TrainModelStatement& s) { return s.model; },
                               [](const ImportModelStatement& s) { return s.model; },
                               [](const RevertModelStatement& s) { return s.model; },
                               [](const DropReleaseStatement& s) { return NameOf(s.release); },
                               [](const PublishStatement& s) { return NameOf(s.release); },
                               [](const ExportModelStatement& s) { return NameOf(s.release); },
                               [](const CommentStatement& s) { return s.name; },
                               [](const BackupStatement& s) { return s.path; },
                               [](const CreateRoleStatement& s) { return s.name; },
                               [](const AlterRoleStatement& s) { return s.name; },
                               [](const DropRoleStatement& s) { return s.name; },
                               [](const CreateScheduleStatement& s) { return s.name; },
                               [](const AlterScheduleStatement& s) { return s.name; },
                               [](const DropScheduleStatement& s) { return s.name; },
                               [](const PauseScheduleStatement& s) { return s.name; },
                               [](const RunScheduleStatement& s) { return s.name; },
                               [](const GrantStatement& s) {
                                 return fmt::format("{} {} {}", fmt::join(s.rights, ", "),
                                                    s.revokes ? "from" : "to",
                                                    fmt::join(s.roles, ", "));
                               },
                               [](const auto& /*other*/) { return std::string(); }},
                    node);
}

std::vector<std::string> ServerPathsOf(const StatementNode& node) {
  std::vector<std::string> paths;
  std::visit(
      Overloaded{[&](const CopyFromStatement& s) {
                   if (!s.from_input) {
                     paths.push_back(s.path);
                   }
                   AddOptionPath(s.options, "rejects", &paths);
                 },
                 [&](const CopyToStatement& s) {
                   if (!s.to_output) {
                     paths.push_back(s.path);
                   }
                 },
                 [&](const CreateModelStatement& s) { AddOptionPath(s.options, "path", &paths); },
                 [&](const ExportModelStatement& s) { paths.push_back(s.path); },
                 [&](const ImportModelStatement& s) { paths.push_back(s.path); },
                 [&](const BackupStatement& s) { paths.push_back(s.path); },
                 [&](const ShowBackupsStatement& s) { paths.push_back(s.path); },
                 [](const auto& /*other*/) {}},
      node);
  return paths;
}

std::string_view NameOf(NeededRight right) {
  switch (right) {
    case Needs::kNone:
      return "none";
    case Needs::kReader:
      return "reader";
    case Needs::kWriter:
      return "writer";
    case Needs::kTrainer:
      return "trainer";
    case Needs::kAdmin:
    case Needs::kOwnPassword:
      break;
  }
  return "admin";
}

bool MayRun(const StatementNode& node, const Rights& rights, std::string_view user) {
  switch (TraitsOf(node).needs) {
    case Needs::kNone:
      return true;
    case Needs::kReader:
      return rights.reader || rights.writer || rights.trainer || rights.admin;
    case Needs::kWriter:
      return rights.writer || rights.admin;
    case Needs::kTrainer:
      return rights.trainer || rights.admin;
    case Needs::kOwnPassword:
      return rights.admin || std::get<AlterRoleStatement>(node).name == user;
    case Needs::kAdmin:
      break;
  }
  return rights.admin;
}

Status CheckMayRun(SessionState& session, const StatementNode& node) {
  if (!session.unrestricted) {
    DASHI_RETURN_IF_ERROR(Refresh(session));
    if (!MayRun(node, session.rights, session.user)) {
      return Denied(session, TraitsOf(node));
    }
  }
  if (session.file_directories) {
    for (const std::string& path : ServerPathsOf(node)) {
      DASHI_RETURN_IF_ERROR(CheckPath(*session.file_directories, path));
    }
  }
  return Status();
}

void Audit(const SessionState& session, const StatementNode& node, const Status& outcome) {
  if (session.on_audited == nullptr) {
    return;
  }
  const StatementTraits traits = TraitsOf(node);
  if (traits.audited != AuditClass::kNone || outcome.sqlstate() == "42501") {
    session.on_audited({std::string(traits.kind), ObjectOf(node), std::string(outcome.sqlstate())});
  }
}

}  // namespace dashi::sql
