#include "sql/statement_grammar.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "sql/comment_grammar.h"
#include "sql/copy_grammar.h"
#include "sql/graph/graph_grammar.h"
#include "sql/release_grammar.h"
#include "sql/roles/role_grammar.h"
#include "sql/schedule/schedule_grammar.h"
#include "sql/schema_grammar.h"
#include "sql/sqlite_dialect.h"

namespace dashi::sql {

namespace {

/// Every word that begins a statement which this version runs.
constexpr std::string_view kFirstWords[] = {
    "SELECT",   "WITH",  "VALUES",  "INSERT",   "REPLACE",   "UPDATE",   "DELETE",  "EXPLAIN",
    "COPY",     "BEGIN", "START",   "COMMIT",   "END",       "ROLLBACK", "ABORT",   "SAVEPOINT",
    "CREATE",   "DROP",  "TRAIN",   "EVALUATE", "PUBLISH",   "REVERT",   "SHOW",    "SET",
    "RESET",    "WAIT",  "CANCEL",  "RELEASE",  "ALTER",     "CHECK",    "BACKUP",  "EXPORT",
    "IMPORT",   "PAUSE", "COMPARE", "RESUME",   "PIN",       "UNPIN",    "REFRESH", "COMMENT",
    "DESCRIBE", "DESC",  "GRANT",   "REVOKE",   "TERMINATE", "RUN"};

/// Words that begin statements of other databases or of later versions.
constexpr std::string_view kUnsupportedWords[] = {
    "ANALYZE",  "ATTACH",  "CALL",     "CHECKPOINT", "CLOSE",   "CLUSTER",  "DEALLOCATE", "DECLARE",
    "DETACH",   "DISCARD", "DO",       "EXECUTE",    "FETCH",   "LISTEN",   "LOAD",       "LOCK",
    "MERGE",    "MOVE",    "NOTIFY",   "PRAGMA",     "PREPARE", "REASSIGN", "REINDEX",    "RESTORE",
    "SECURITY", "TABLE",   "TRUNCATE", "UNLISTEN",   "USE",     "VACUUM"};

// Reads ISOLATION LEVEL ..., READ ONLY | WRITE and [NOT] DEFERRABLE, separated by commas or not.
Result<TransactionModes> ParseTransactionModes(TokenStream& tokens) {
  TransactionModes modes;
  while (!tokens.AtEnd()) {
    if (tokens.TakeKeyword("ISOLATION")) {
      DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("LEVEL"));
      const Token& level = tokens.Peek();
      static constexpr std::string_view kLevels[] = {"SERIALIZABLE", "REPEATABLE", "READ"};
      DASHI_ASSIGN_OR_RETURN(const std::size_t which, tokens.ExpectOneOf(kLevels));
      if (which == 0) {
        return tokens.Unsupported(level, "serializable transactions are not supported",
                                  "Every transaction runs at REPEATABLE READ: it sees the database "
                                  "as of its start.");
      }
      static constexpr std::string_view kSecond[] = {"READ", "COMMITTED", "UNCOMMITTED"};
      DASHI_ASSIGN_OR_RETURN(std::size_t second,
                             tokens.ExpectOneOf(which == 1 ? std::span(kSecond).first(1)
                                                           : std::span(kSecond).last(2)));
      static_cast<void>(second);  // Weaker levels are met by the one there is.
    } else if (tokens.TakeKeyword("READ")) {
      static constexpr std::string_view kAccess[] = {"ONLY", "WRITE"};
      DASHI_ASSIGN_OR_RETURN(const std::size_t access, tokens.ExpectOneOf(kAccess));
      modes.read_only = access == 0;
    } else if (tokens.TakeKeyword("NOT")) {
      DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("DEFERRABLE"));
    } else if (!tokens.TakeKeyword("DEFERRABLE")) {
      static constexpr std::string_view kModes[] = {"ISOLATION", "READ", "NOT", "DEFERRABLE"};
      return tokens.SyntaxError("a transaction mode: ISOLATION LEVEL, READ ONLY or READ WRITE",
                                kModes);
    }
    if (tokens.TakeOperator(",") && tokens.AtEnd()) {
      return tokens.SyntaxError("a transaction mode");
    }
  }
  return modes;
}

void TakeWorkOrTransaction(TokenStream& tokens) {
  if (!tokens.TakeKeyword("WORK")) {
    tokens.TakeKeyword("TRANSACTION");
  }
}

Result<StatementNode> ParseBegin(TokenStream& tokens, bool start) {
  BeginStatement begin;
  begin.start = start;
  if (start) {
    DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("TRANSACTION"));
  } else {
    TakeWorkOrTransaction(tokens);
  }
  DASHI_ASSIGN_OR_RETURN(begin.modes, ParseTransactionModes(tokens));
  return StatementNode(begin);
}

Status RefuseChain(TokenStream& tokens) {
  if (tokens.Peek().IsKeyword("AND") && !tokens.Peek(1).IsKeyword("NO")) {
    return tokens.Unsupported(tokens.Peek(), "AND CHAIN is not supported");
  }
  if (tokens.TakeKeyword("AND")) {
    DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("NO"));
    DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("CHAIN"));
  }
  return Status();
}

Result<StatementNode> ParseCommit(TokenStream& tokens) {
  TakeWorkOrTransaction(tokens);
  DASHI_RETURN_IF_ERROR(RefuseChain(tokens));
  return StatementNode(CommitStatement());
}

Result<StatementNode> ParseRollback(TokenStream& tokens) {
  TakeWorkOrTransaction(tokens);
  if (tokens.TakeKeyword("TO")) {
    tokens.TakeKeyword("SAVEPOINT");
    RollbackToStatement rollback;
    DASHI_ASSIGN_OR_RETURN(rollback.name, tokens.ExpectName("the name of a savepoint"));
    return StatementNode(std::move(rollback));
  }
  DASHI_RETURN_IF_ERROR(RefuseChain(tokens));
  return StatementNode(RollbackStatement());
}

Result<StatementNode> ParseReleaseSavepoint(TokenStream& tokens) {
  tokens.TakeKeyword("SAVEPOINT");
  ReleaseSavepointStatement release;
  DASHI_ASSIGN_OR_RETURN(release.name, tokens.ExpectName("the name of a savepoint"));
  return StatementNode(std::move(release));
}

Result<StatementNode> ParseSavepoint(TokenStream& tokens) {
  SavepointStatement savepoint;
  DASHI_ASSIGN_OR_RETURN(savepoint.name, tokens.ExpectName("the name of a savepoint"));
  return StatementNode(std::move(savepoint));
}

Result<StatementNode> ParseCreate(TokenStream& tokens) {
  const Token& what = tokens.Peek();
  if (what.IsKeyword("INDEX") || what.IsKeyword("UNIQUE")) {
    return ParseCreateIndex(tokens);
  }
  if (what.IsKeyword("GRAPH")) {
    return ParseCreateGraph(tokens);
  }
  if (IsRoleWord(what)) {
    return ParseCreateRole(tokens);
  }
  if (what.IsKeyword("SCHEDULE")) {
    return ParseCreateSchedule(tokens);
  }
  if (!tokens.TakeKeyword("MODEL")) {
    if (what.kind == TokenKind::kIdentifier) {
      static constexpr std::string_view kWhat[] = {"MODEL", "INDEX", "GRAPH", "SCHEDULE"};
      Status near = tokens.SyntaxError("MODEL, INDEX, GRAPH or SCHEDULE", kWhat);
      if (!near.hint().empty()) {
        return near;
      }
      return tokens.Unsupported(
          what, "CREATE " + std::string(what.text) + " is not supported",
          what.IsKeyword("TABLE")
              ? "The tables are there already (SHOW TABLES); ALTER TABLE labels ADD COLUMN gives "
                "documents and labels columns of your own."
              : "This version creates models, graphs, indexes and schedules: CREATE MODEL name "
                "USING "
                "ngame.");
    }
    return tokens.SyntaxError("MODEL");
  }
  CreateModelStatement create;
  if (tokens.TakeKeyword("IF")) {
    DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("NOT"));
    DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("EXISTS"));
    create.if_not_exists = true;
  }
  DASHI_ASSIGN_OR_RETURN(create.model, tokens.ExpectName("a name for the model"));
  if (tokens.AtEnd()) {
    return tokens.SyntaxError("USING").WithHint("Write CREATE MODEL " + create.model +
                                                " USING ngame.");
  }
  DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("USING"));
  create.algorithm_offset = tokens.Peek().offset;
  DASHI_ASSIGN_OR_RETURN(create.algorithm, tokens.ExpectName("an algorithm: ngame or ramen"));
  if (tokens.TakeKeyword("WITH")) {
    DASHI_ASSIGN_OR_RETURN(create.options, tokens.ExpectOptions());
  }
  return StatementNode(std::move(create));
}

Result<bool> ParseIfExists(TokenStream& tokens) {
  if (!tokens.TakeKeyword("IF")) {
    return false;
  }
  DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("EXISTS"));
  return true;
}

Result<StatementNode> ParseDrop(TokenStream& tokens) {
  const Token& what = tokens.Peek();
  if (tokens.TakeKeyword("MODEL")) {
    DropModelStatement drop;
    DASHI_ASSIGN_OR_RETURN(drop.if_exists, ParseIfExists(tokens));
    DASHI_ASSIGN_OR_RETURN(drop.model, tokens.ExpectName("the name of a model"));
    return StatementNode(std::move(drop));
  }
  if (tokens.TakeKeyword("INDEX")) {
    return ParseDropIndex(tokens);
  }
  if (tokens.TakeKeyword("GRAPH")) {
    return ParseDropGraph(tokens);
  }
  if (IsRoleWord(what)) {
    return ParseDropRole(tokens);
  }
  if (what.IsKeyword("SCHEDULE")) {
    return ParseDropSchedule(tokens);
  }
  if (tokens.TakeKeyword("RELEASE")) {
    DropReleaseStatement drop;
    DASHI_ASSIGN_OR_RETURN(drop.if_exists, ParseIfExists(tokens));
    DASHI_ASSIGN_OR_RETURN(drop.release, ExpectNumberedRelease(tokens));
    return StatementNode(std::move(drop));
  }
  static constexpr std::string_view kWhat[] = {"MODEL", "RELEASE", "INDEX", "GRAPH", "SCHEDULE"};
  Status near = tokens.SyntaxError("MODEL, RELEASE, INDEX, GRAPH or SCHEDULE", kWhat);
  if (what.kind != TokenKind::kIdentifier || !near.hint().empty()) {
    return near;
  }
  return tokens.Unsupported(
      what, "DROP " + std::string(what.text) + " is not supported",
      "This version drops models, releases, graphs, indexes and schedules only.");
}

Result<StatementNode> ParseTrain(TokenStream& tokens) {
  DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("MODEL"));
  TrainModelStatement train;
  DASHI_ASSIGN_OR_RETURN(train.model, tokens.ExpectName("the name of a model"));
  if (tokens.TakeKeyword("WITH")) {
    DASHI_ASSIGN_OR_RETURN(train.options, tokens.ExpectOptions());
  }
  return StatementNode(std::move(train));
}

Result<StatementNode> ParseEvaluate(TokenStream& tokens) {
  DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("MODEL"));
  EvaluateModelStatement evaluate;
  DASHI_ASSIGN_OR_RETURN(evaluate.release, tokens.ExpectReleaseName());
  if (tokens.TakeKeyword("ON")) {
    DASHI_ASSIGN_OR_RETURN(evaluate.split, tokens.ExpectString("a split, such as 'test'"));
  }
  if (tokens.TakeKeyword("WITH")) {
    DASHI_ASSIGN_OR_RETURN(evaluate.options, tokens.ExpectOptions());
  }
  return StatementNode(std::move(evaluate));
}

Result<StatementNode> ParseCompare(TokenStream& tokens) {
  CompareStatement compare;
  DASHI_ASSIGN_OR_RETURN(compare.release, tokens.ExpectReleaseName());
  DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("WITH"));
  DASHI_ASSIGN_OR_RETURN(compare.other, tokens.ExpectReleaseName());
  if (tokens.TakeKeyword("ON")) {
    DASHI_ASSIGN_OR_RETURN(compare.split, tokens.ExpectString("a split, such as 'test'"));
  }
  if (tokens.TakeKeyword("WITH")) {
    DASHI_ASSIGN_OR_RETURN(compare.options, tokens.ExpectOptions());
  }
  return StatementNode(std::move(compare));
}

Result<StatementNode> ParseExport(TokenStream& tokens) {
  DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("MODEL"));
  ExportModelStatement exported;
  DASHI_ASSIGN_OR_RETURN(exported.release, tokens.ExpectReleaseName());
  DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("TO"));
  exported.path_offset = tokens.Peek().offset;
  DASHI_ASSIGN_OR_RETURN(exported.path,
                         tokens.ExpectString("the path of a folder to be made, in quotes"));
  return StatementNode(std::move(exported));
}

Result<StatementNode> ParseImport(TokenStream& tokens) {
  DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("MODEL"));
  ImportModelStatement transfer;
  DASHI_ASSIGN_OR_RETURN(transfer.model, tokens.ExpectName("a name for the model"));
  DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("FROM"));
  transfer.path_offset = tokens.Peek().offset;
  DASHI_ASSIGN_OR_RETURN(transfer.path, tokens.ExpectString("the path of a folder, in quotes"));
  return StatementNode(std::move(transfer));
}

Result<std::uint64_t> ParseJob(TokenStream& tokens) {
  DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("JOB"));
  return tokens.ExpectInteger("the number of a job", ~std::uint64_t{0});
}

// Reads a setting's name, which may have dots.
Result<std::string> ParseSettingName(TokenStream& tokens) {
  DASHI_ASSIGN_OR_RETURN(std::string name, tokens.ExpectName("the name of a setting"));
  while (tokens.TakeOperator(".")) {
    DASHI_ASSIGN_OR_RETURN(const std::string part, tokens.ExpectName("the name of a setting"));
    name += "." + part;
  }
  return name;
}

Result<StatementNode> ParseShow(TokenStream& tokens) {
  static constexpr std::pair<std::string_view, ShowList> kLists[] = {
      {"MODELS", ShowList::kModels},     {"RELEASES", ShowList::kReleases},
      {"JOBS", ShowList::kJobs},         {"TABLES", ShowList::kTables},
      {"GRAPHS", ShowList::kGraphs},     {"INDEXES", ShowList::kIndexes},
      {"COLUMNS", ShowList::kColumns},   {"MEMORY", ShowList::kMemory},
      {"ROLES", ShowList::kRoles},       {"SETTINGS", ShowList::kSettings},
      {"SESSIONS", ShowList::kSessions}, {"SCHEDULES", ShowList::kSchedules},
      {"ALL", ShowList::kSettings}};
  for (const auto& [word, list] : kLists) {
    if (tokens.TakeKeyword(word)) {
      return StatementNode(ShowListStatement{list});
    }
  }
  if (tokens.TakeKeyword("MODEL")) {
    ShowModelStatement model;
    model.offset = tokens.Peek().offset;
    DASHI_ASSIGN_OR_RETURN(model.model, tokens.ExpectName("the name of a model"));
    return StatementNode(std::move(model));
  }
  if (tokens.Peek().IsKeyword("BACKUPS") && tokens.Peek(1).IsKeyword("FROM")) {
    tokens.Take();
    tokens.Take();
    ShowBackupsStatement backups;
    DASHI_ASSIGN_OR_RETURN(backups.path,
                           tokens.ExpectString("the path of a backup directory, in quotes"));
    return StatementNode(std::move(backups));
  }
  ShowSettingStatement show;
  show.offset = tokens.Peek().offset;
  if (tokens.Peek().IsKeyword("TIME") && tokens.Peek(1).IsKeyword("ZONE")) {
    tokens.Take();
    tokens.Take();
    show.name = "timezone";
  } else if (tokens.Peek().IsKeyword("TRANSACTION") && tokens.Peek(1).IsKeyword("ISOLATION") &&
             tokens.Peek(2).IsKeyword("LEVEL")) {
    for (int i = 0; i < 3; ++i) {
      tokens.Take();
    }
    show.name = "transaction_isolation";
  } else {
    if (tokens.AtEnd()) {
      return tokens.SyntaxError(
          "MODELS, RELEASES, JOBS, TABLES, INDEXES, COLUMNS, MEMORY, BACKUPS, SCHEDULES, SESSIONS, "
          "SETTINGS or the name of a setting");
    }
    DASHI_ASSIGN_OR_RETURN(show.name, ParseSettingName(tokens));
  }
  return StatementNode(std::move(show));
}

Result<StatementNode> ParseSetTransaction(TokenStream& tokens, bool session) {
  SetTransactionStatement set;
  set.session = session;
  DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("TRANSACTION"));
  if (tokens.AtEnd()) {
    return tokens.SyntaxError("a transaction mode");
  }
  DASHI_ASSIGN_OR_RETURN(set.modes, ParseTransactionModes(tokens));
  return StatementNode(set);
}

Result<StatementNode> ParseSet(TokenStream& tokens) {
  SetStatement set;
  if (tokens.Peek().IsKeyword("TRANSACTION")) {
    return ParseSetTransaction(tokens, /*session=*/false);
  }
  const bool plain_name = tokens.Peek(1).IsOperator("=") || tokens.Peek(1).IsKeyword("TO");
  if (!plain_name && tokens.TakeKeyword("SESSION")) {
    if (tokens.TakeKeyword("CHARACTERISTICS")) {
      DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("AS"));
      return ParseSetTransaction(tokens, /*session=*/true);
    }
  } else if (!plain_name && tokens.TakeKeyword("LOCAL")) {
    set.local = true;
  }
  set.offset = tokens.Peek().offset;
  if (tokens.Peek().IsKeyword("TIME") && tokens.Peek(1).IsKeyword("ZONE")) {
    tokens.Take();
    tokens.Take();
    set.name = "timezone";
  } else if (tokens.Peek().IsKeyword("NAMES")) {
    tokens.Take();
    set.name = "client_encoding";
  } else {
    DASHI_ASSIGN_OR_RETURN(set.name, ParseSettingName(tokens));
    if (!tokens.TakeOperator("=") && !tokens.TakeKeyword("TO")) {
      return tokens.SyntaxError("\"=\" or TO");
    }
  }
  if (tokens.TakeKeyword("DEFAULT")) {
    return StatementNode(std::move(set));
  }
  std::string value;
  do {  // A list, as in SET search_path = a, b, is one value.
    DASHI_ASSIGN_OR_RETURN(const std::string part, tokens.ExpectOptionValue());
    value += value.empty() ? part : ", " + part;
  } while (tokens.TakeOperator(","));
  set.value = std::move(value);
  return StatementNode(std::move(set));
}

Result<StatementNode> ParseReset(TokenStream& tokens) {
  ResetStatement reset;
  reset.offset = tokens.Peek().offset;
  if (!tokens.TakeKeyword("ALL")) {
    DASHI_ASSIGN_OR_RETURN(reset.name, ParseSettingName(tokens));
  }
  return StatementNode(std::move(reset));
}

Result<StatementNode> ParseWait(TokenStream& tokens) {
  DASHI_ASSIGN_OR_RETURN(const std::uint64_t job, ParseJob(tokens));
  return StatementNode(WaitJobStatement{job});
}

Result<StatementNode> ParseSessionEnd(TokenStream& tokens, bool terminates) {
  EndSessionStatement end;
  end.terminates = terminates;
  DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("SESSION"));
  end.offset = tokens.Peek().offset;
  DASHI_ASSIGN_OR_RETURN(end.id, tokens.ExpectInteger("the number of a session", UINT32_MAX));
  return StatementNode(end);
}

Result<StatementNode> ParseTerminate(TokenStream& tokens) {
  return ParseSessionEnd(tokens, /*terminates=*/true);
}

Result<StatementNode> ParseCancel(TokenStream& tokens) {
  if (tokens.Peek().IsKeyword("SESSION")) {
    return ParseSessionEnd(tokens, /*terminates=*/false);
  }
  DASHI_ASSIGN_OR_RETURN(const std::uint64_t job, ParseJob(tokens));
  return StatementNode(CancelJobStatement{job});
}

Result<StatementNode> ParsePause(TokenStream& tokens) {
  if (tokens.Peek().IsKeyword("SCHEDULE")) {
    return ParsePauseSchedule(tokens, /*resumes=*/false);
  }
  DASHI_ASSIGN_OR_RETURN(const std::uint64_t job, ParseJob(tokens));
  return StatementNode(PauseJobStatement{job});
}

Result<StatementNode> ParseResume(TokenStream& tokens) {
  if (tokens.Peek().IsKeyword("SCHEDULE")) {
    return ParsePauseSchedule(tokens, /*resumes=*/true);
  }
  ResumeJobStatement resume;
  DASHI_ASSIGN_OR_RETURN(resume.job, ParseJob(tokens));
  if (tokens.TakeKeyword("WITH")) {
    DASHI_ASSIGN_OR_RETURN(resume.options, tokens.ExpectOptions());
  }
  return StatementNode(std::move(resume));
}

Result<StatementNode> ParseBackup(TokenStream& tokens) {
  DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("TO"));
  BackupStatement backup;
  DASHI_ASSIGN_OR_RETURN(backup.path,
                         tokens.ExpectString("the path of a backup directory, in quotes"));
  if (tokens.TakeKeyword("WITH")) {
    DASHI_ASSIGN_OR_RETURN(backup.options, tokens.ExpectOptions());
  }
  return StatementNode(std::move(backup));
}

Result<StatementNode> ParseCheck(TokenStream& tokens) {
  DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("DATABASE"));
  return StatementNode(CheckDatabaseStatement());
}

struct Production {
  std::string_view word;
  Result<StatementNode> (*parse)(TokenStream& tokens);
};

constexpr Production kProductions[] = {
    {"ALTER",
     [](TokenStream& tokens) {
       return tokens.Peek().IsKeyword("MODEL")      ? ParseAlterModel(tokens)
              : IsRoleWord(tokens.Peek())           ? ParseAlterRole(tokens)
              : tokens.Peek().IsKeyword("SCHEDULE") ? ParseAlterSchedule(tokens)
                                                    : ParseAlter(tokens);
     }},
    {"COPY", ParseCopy},
    {"BEGIN", [](TokenStream& tokens) { return ParseBegin(tokens, /*start=*/false); }},
    {"START", [](TokenStream& tokens) { return ParseBegin(tokens, /*start=*/true); }},
    {"COMMIT", ParseCommit},
    {"END", ParseCommit},
    {"ROLLBACK", ParseRollback},
    {"ABORT", ParseRollback},
    {"SAVEPOINT", ParseSavepoint},
    {"RELEASE", ParseReleaseSavepoint},
    {"CREATE", ParseCreate},
    {"DROP", ParseDrop},
    {"TRAIN", ParseTrain},
    {"EVALUATE", ParseEvaluate},
    {"EXPORT", ParseExport},
    {"IMPORT", ParseImport},
    {"COMMENT", ParseComment},
    {"COMPARE", ParseCompare},
    {"DESC", ParseDescribe},
    {"DESCRIBE", ParseDescribe},
    {"PUBLISH", ParsePublish},
    {"REVERT", ParseRevert},
    {"GRANT", ParseGrant},
    {"REVOKE", ParseRevoke},
    {"PIN", [](TokenStream& tokens) { return ParsePin(tokens, /*pin=*/true); }},
    {"REFRESH", ParseRefresh},
    {"UNPIN", [](TokenStream& tokens) { return ParsePin(tokens, /*pin=*/false); }},
    {"SHOW", ParseShow},
    {"SET", ParseSet},
    {"RESET", ParseReset},
    {"WAIT", ParseWait},
    {"CANCEL", ParseCancel},
    {"TERMINATE", ParseTerminate},
    {"PAUSE", ParsePause},
    {"RUN", ParseRunSchedule},
    {"RESUME", ParseResume},
    {"CHECK", ParseCheck},
    {"BACKUP", ParseBackup},
};

}  // namespace

Result<StatementNode> ParseStatement(TokenStream& tokens) {
  if (tokens.Peek().IsKeyword("EXPLAIN") && tokens.Peek(1).IsKeyword("TRAIN")) {
    tokens.Take();
    tokens.Take();
    DASHI_ASSIGN_OR_RETURN(StatementNode node, ParseTrain(tokens));
    DASHI_RETURN_IF_ERROR(tokens.ExpectEnd());
    std::get<TrainModelStatement>(node).explain = true;
    return node;
  }
  if (IsSqliteStatement(tokens.Peek())) {
    DASHI_ASSIGN_OR_RETURN(const SqliteStatement statement, CheckSqliteStatement(tokens));
    return StatementNode(statement);
  }
  for (const Production& production : kProductions) {
    if (tokens.Peek().IsKeyword(production.word)) {
      tokens.Take();
      DASHI_ASSIGN_OR_RETURN(StatementNode node, production.parse(tokens));
      DASHI_RETURN_IF_ERROR(tokens.ExpectEnd());
      return node;
    }
  }
  const Token& first = tokens.Peek();
  const auto is_first = [&](std::string_view word) { return first.IsKeyword(word); };
  if (std::any_of(std::begin(kUnsupportedWords), std::end(kUnsupportedWords), is_first)) {
    return tokens.Unsupported(first, std::string(first.text) + " is not supported",
                              first.IsKeyword("TRUNCATE") ? "DELETE FROM table removes all rows."
                              : first.IsKeyword("VACUUM") || first.IsKeyword("ANALYZE")
                                  ? "There is nothing to do: space is given back, and rows are "
                                    "counted, in the background."
                                  : "docs/SQL.md lists the statements of this version.");
  }
  return tokens.SyntaxError("a statement, such as SELECT, INSERT or TRAIN MODEL", kFirstWords);
}

}  // namespace dashi::sql
