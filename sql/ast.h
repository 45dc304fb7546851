#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "dashi/status.h"
#include "dashi/value.h"
#include "query/publish_condition.h"
#include "sql/sqlite_text.h"
#include "storage/schema_record.h"

namespace dashi::sql {

/// One `name = value` of a WITH list. Values are kept as text: 0.5, on and 'on' are the same to an
/// option that takes them.
struct OptionNode {
  std::string name;
  std::string value;
  std::size_t offset = 0;  ///< of the name
};

/// `m` or `m@3`.
struct ReleaseName {
  std::string model;
  std::optional<std::uint32_t> release;
  std::size_t offset = 0;
};

/// What SQLite runs.
enum class SqliteVerb { kSelect, kInsert, kUpdate, kDelete, kExplain };
/// ON CONFLICT at the end of an INSERT INTO edges, which SQLite does not see.
struct EdgeUpsert {
  enum class Column { kWeight, kClicks, kLastSeen };
  /// `column = [column +] excluded.other | constant`.
  struct Assignment {
    Column column = Column::kClicks;
    bool adds = false;
    std::optional<Column> excluded;  ///< nullopt: the constant
    double constant = 0;
  };
  bool nothing = false;                 ///< DO NOTHING
  std::vector<Assignment> assignments;  ///< DO UPDATE SET; each column at most once
  std::size_t offset = 0;               ///< of ON
};

/// ON CONFLICT of an INSERT into a table of rows.
struct RowUpsert {
  std::vector<std::string> key;  ///< the columns in parentheses; empty: none are named
  std::size_t key_offset = 0;
  bool nothing = false;  ///< DO NOTHING
  TextRange set;         ///< DO UPDATE: the assignments
  std::optional<TextRange> where;
};

/// What an INSERT, UPDATE or DELETE says beside what SQLite does for our tables.
struct WriteClauses {
  SqliteVerb verb = SqliteVerb::kInsert;
  std::string table;  ///< in lower case
  std::size_t table_offset = 0;
  std::string alias;            ///< empty: none
  std::size_t verb_offset = 0;  ///< of INSERT, UPDATE or DELETE, behind WITH
  std::size_t main_end = 0;     ///< of what SQLite runs of an INSERT or UPDATE
  std::optional<RowUpsert> upsert;
  std::optional<TextRange> returning;  ///< the list
  bool updates_from = false;           ///< UPDATE ... FROM
  std::optional<TextRange> used;       ///< DELETE ... USING: the tables
  std::optional<TextRange> where;      ///< of a DELETE

  const std::string& name() const { return alias.empty() ? table : alias; }
};

struct SqliteStatement {
  SqliteVerb verb = SqliteVerb::kSelect;
  SqliteVerb explained = SqliteVerb::kSelect;  ///< of kExplain: what it explains
  bool analyze = false;                        ///< of kExplain: EXPLAIN ANALYZE, which runs it
  std::size_t body_offset = 0;                 ///< behind EXPLAIN
  std::optional<EdgeUpsert> upsert;
  std::optional<WriteClauses> write;  ///< where there are such clauses
  /// PostgreSQL's spellings in SQLite's words, as far as they are known without the columns' types.
  TextReplacements replaced;
  bool types_matter = false;  ///< whether these could change it

  /// What runs: the verb itself, what EXPLAIN ANALYZE explains, or a plan's SELECT.
  SqliteVerb run_verb() const {
    return verb != SqliteVerb::kExplain ? verb : analyze ? explained : SqliteVerb::kSelect;
  }
};

struct CopyFromStatement {
  std::string table;
  std::size_t table_offset = 0;
  std::vector<std::string> columns;  ///< empty: all
  std::vector<std::size_t> column_offsets;
  std::string path;
  bool from_input = false;  ///< FROM STDIN; there is no path
  std::size_t path_offset = 0;
  std::vector<OptionNode> options;
};

/// A query that is a part of another statement.
struct InnerQuery {
  TextRange range;
  SqliteStatement statement;
};

/// COPY table [(columns)] TO 'path', or COPY (query) TO 'path'.
struct CopyToStatement {
  std::string table;
  std::size_t table_offset = 0;
  std::vector<std::string> columns;  ///< empty: all that COPY FROM could load
  std::vector<std::size_t> column_offsets;
  std::optional<InnerQuery> query;  ///< in the place of a table
  std::string path;
  bool to_output = false;  ///< TO STDOUT; there is no path
  std::size_t path_offset = 0;
  std::vector<OptionNode> options;
};

struct TransactionModes {
  std::optional<bool> read_only;
};
struct BeginStatement {
  TransactionModes modes;
  bool start = false;  ///< START TRANSACTION
};
struct CommitStatement {};
struct RollbackStatement {};
struct SavepointStatement {
  std::string name;
};
struct ReleaseSavepointStatement {
  std::string name;
};
struct RollbackToStatement {
  std::string name;
};
/// SET TRANSACTION, or SET SESSION CHARACTERISTICS AS TRANSACTION.
struct SetTransactionStatement {
  TransactionModes modes;
  bool session = false;
};

/// ALTER TABLE table ADD | DROP | RENAME COLUMN column.
struct AlterTableStatement {
  enum class Change { kAdd, kDrop, kRename };
  std::string table;
  std::size_t table_offset = 0;
  Change change = Change::kAdd;
  bool if_exists_clause = false;  ///< kAdd: IF NOT EXISTS; kDrop: IF EXISTS
  std::string column;
  std::size_t column_offset = 0;
  storage::ColumnType type = storage::ColumnType::kInteger;  ///< kAdd
  std::uint32_t dimension = 0;                               ///< kAdd, of a vector; 0: any
  Value default_value;                                       ///< kAdd
  std::size_t default_offset = 0;
  std::string new_name;  ///< kRename
  std::size_t new_name_offset = 0;
};

struct CreateIndexStatement {
  std::string name;
  std::size_t name_offset = 0;
  bool if_not_exists = false;
  std::string table;
  std::size_t table_offset = 0;
  std::string column;
  std::size_t column_offset = 0;
};
struct DropIndexStatement {
  std::string name;
  std::size_t name_offset = 0;
  bool if_exists = false;
};

/// A table's name and where it stands.
struct TableName {
  std::string name;
  std::size_t offset = 0;
};
/// CREATE GRAPH name FROM tables TO tables WITH (...).
struct CreateGraphStatement {
  std::string name;
  std::size_t name_offset = 0;
  bool if_not_exists = false;
  std::vector<TableName> sources;
  std::vector<TableName> targets;
  std::vector<OptionNode> options;
};
struct DropGraphStatement {
  std::string name;
  std::size_t name_offset = 0;
  bool if_exists = false;
};

struct CreateModelStatement {
  std::string model;
  std::string algorithm;
  std::size_t algorithm_offset = 0;
  bool if_not_exists = false;
  std::vector<OptionNode> options;
};
/// ALTER MODEL m SET (option = value, ...).
struct AlterModelStatement {
  std::string model;
  std::size_t model_offset = 0;
  std::vector<OptionNode> options;
};
struct DropModelStatement {
  std::string model;
  bool if_exists = false;
};
struct DropReleaseStatement {
  ReleaseName release;
  bool if_exists = false;
};
/// PIN RELEASE m@3 or UNPIN RELEASE m@3.
struct PinReleaseStatement {
  ReleaseName release;
  bool pin = true;
};
/// REFRESH MODEL m: embeds what came after the published release, or after m@3.
struct RefreshModelStatement {
  ReleaseName release;
};
struct TrainModelStatement {
  bool explain = false;  ///< EXPLAIN TRAIN MODEL: what it would need
  std::string model;
  std::vector<OptionNode> options;
};
struct EvaluateModelStatement {
  ReleaseName release;
  std::optional<std::string> split;
  std::vector<OptionNode> options;
};
/// EXPORT MODEL m@3 TO 'dir'; without a number the published release.
struct ExportModelStatement {
  ReleaseName release;
  std::string path;
  std::size_t path_offset = 0;
};
struct ImportModelStatement {
  std::string model;
  std::string path;
  std::size_t path_offset = 0;
};
struct CompareStatement {
  ReleaseName release;
  ReleaseName other;
  std::optional<std::string> split;
  std::vector<OptionNode> options;
};
struct PublishStatement {
  ReleaseName release;
  std::optional<std::string> split;                 ///< ON 'split'
  std::vector<query::PublishCondition> conditions;  ///< WHEN; empty: none
};
struct RevertModelStatement {
  std::string model;
};
struct WaitJobStatement {
  std::uint64_t job = 0;
};
/// CANCEL SESSION n, TERMINATE SESSION n.
struct EndSessionStatement {
  std::uint64_t id = 0;
  std::size_t offset = 0;
  bool terminates = false;
};
struct CancelJobStatement {
  std::uint64_t job = 0;
};
struct PauseJobStatement {
  std::uint64_t job = 0;
};
struct ResumeJobStatement {
  std::uint64_t job = 0;
  std::vector<OptionNode> options;
};

struct BackupStatement {
  std::string path;
  std::vector<OptionNode> options;
};
struct ShowBackupsStatement {
  std::string path;
};
struct CheckDatabaseStatement {};

/// What CREATE ROLE and ALTER ROLE say of a role.
struct RoleChanges {
  std::optional<bool> login;
  bool sets_password = false;
  std::optional<std::string> password;  ///< nullopt: NULL, or not given
  std::size_t password_offset = 0;
  std::optional<int> num_connections_max;
  std::optional<std::uint64_t> memory_bytes_max;  ///< 0: no limit
  std::optional<std::string> valid_until;
  std::size_t valid_until_offset = 0;
};
struct CreateRoleStatement {
  std::string name;
  std::size_t name_offset = 0;
  bool if_not_exists = false;
  RoleChanges changes;
};
struct AlterRoleStatement {
  std::string name;
  std::size_t name_offset = 0;
  RoleChanges changes;
  std::optional<std::string> new_name;
  std::size_t new_name_offset = 0;
  std::optional<std::string> setting;        ///< SET and RESET
  std::optional<std::string> setting_value;  ///< nullopt: the default
  std::size_t setting_offset = 0;
  bool resets_all = false;

  /// Whether it changes nothing but the password.
  bool password_alone() const {
    return changes.sets_password && !changes.login && !changes.num_connections_max &&
           !changes.memory_bytes_max && !changes.valid_until && !new_name && !setting &&
           !resets_all;
  }
};
struct DropRoleStatement {
  std::string name;
  std::size_t name_offset = 0;
  bool if_exists = false;
};
/// GRANT rights TO roles, or REVOKE rights FROM roles.
struct GrantStatement {
  bool revokes = false;
  std::vector<std::string> rights;
  std::vector<std::size_t> right_offsets;
  std::vector<std::string> roles;
  std::vector<std::size_t> role_offsets;
};

/// What CREATE and ALTER SCHEDULE say of one.
struct ScheduleClauses {
  std::optional<std::string> cron;
  std::size_t cron_offset = 0;
  std::optional<std::string> time_zone;
  std::size_t time_zone_offset = 0;
  std::optional<std::string> condition;  ///< a query
  std::optional<std::string> body;       ///< the statements
  std::size_t body_offset = 0;
  std::vector<OptionNode> options;
};
/// CREATE SCHEDULE name CRON '...' AS ...
struct CreateScheduleStatement {
  std::string name;
  std::size_t name_offset = 0;
  bool if_not_exists = false;
  ScheduleClauses clauses;
};
/// ALTER SCHEDULE name ...
struct AlterScheduleStatement {
  std::string name;
  std::size_t name_offset = 0;
  ScheduleClauses clauses;
  bool drops_condition = false;
  std::optional<std::string> new_name;
  std::size_t new_name_offset = 0;
};
struct DropScheduleStatement {
  std::string name;
  std::size_t name_offset = 0;
  bool if_exists = false;
};
/// PAUSE SCHEDULE name, RESUME SCHEDULE name.
struct PauseScheduleStatement {
  std::string name;
  std::size_t name_offset = 0;
  bool resumes = false;
};
struct RunScheduleStatement {
  std::string name;
  std::size_t name_offset = 0;
};

enum class ShowList {
  kModels,
  kReleases,
  kJobs,
  kGraphs,
  kMemory,
  kTables,
  kIndexes,
  kColumns,
  kRoles,
  kSchedules,
  kSessions,
  kSettings
};
struct ShowListStatement {
  ShowList list = ShowList::kModels;
};
/// SHOW MODEL m.
struct ShowModelStatement {
  std::string model;
  std::size_t offset = 0;
};
/// DESCRIBE table, or DESCRIBE query.
struct DescribeStatement {
  std::string table;
  std::optional<InnerQuery> query;  ///< in the place of a table
  std::size_t offset = 0;
};
/// COMMENT ON kind name IS 'text'.
struct CommentStatement {
  std::string kind;  ///< "table", "column", "index", "graph" or "model"
  std::string name;  ///< of a column: "table.column"
  std::size_t name_offset = 0;
  std::optional<std::string> text;  ///< nullopt: there shall be none
  std::size_t text_offset = 0;
};
struct ShowSettingStatement {
  std::string name;
  std::size_t offset = 0;
};
struct SetStatement {
  std::string name;
  std::size_t offset = 0;
  std::optional<std::string> value;  ///< nullopt: DEFAULT
  bool local = false;
};
struct ResetStatement {
  std::optional<std::string> name;  ///< nullopt: ALL
  std::size_t offset = 0;
};

using StatementNode = std::variant<
    SqliteStatement, CopyFromStatement, CopyToStatement, BeginStatement, CommitStatement,
    RollbackStatement, SavepointStatement, ReleaseSavepointStatement, RollbackToStatement,
    SetTransactionStatement, AlterTableStatement, CreateIndexStatement, DropIndexStatement,
    CreateGraphStatement, DropGraphStatement, CreateModelStatement, AlterModelStatement,
    DropModelStatement, DropReleaseStatement, PinReleaseStatement, RefreshModelStatement,
    TrainModelStatement, EvaluateModelStatement, CompareStatement, ExportModelStatement,
    ImportModelStatement, PublishStatement, RevertModelStatement, WaitJobStatement,
    CancelJobStatement, PauseJobStatement, ResumeJobStatement, BackupStatement,
    ShowBackupsStatement, CheckDatabaseStatement, ShowListStatement, ShowModelStatement,
    DescribeStatement, CommentStatement, ShowSettingStatement, SetStatement, ResetStatement,
    CreateRoleStatement, AlterRoleStatement, DropRoleStatement, GrantStatement, EndSessionStatement,
    CreateScheduleStatement, AlterScheduleStatement, DropScheduleStatement, PauseScheduleStatement,
    RunScheduleStatement>;

}  // namespace dashi::sql
