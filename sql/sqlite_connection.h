#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include <sqlite3.h>

#include "dashi/result_set.h"
#include "dashi/status.h"
#include "dashi/value.h"
#include "sql/compiled_statement.h"
#include "sql/parser.h"
#include "sql/postgres/column_types.h"
#include "sql/sqlite_text.h"
#include "sql/statement_context.h"

namespace dashi::sql {

/// A session's SQLite: an empty in-memory database with our tables and functions. It runs SELECT
/// and plain writes; everything else that SQLite could do (PRAGMA, ATTACH, CREATE, extensions) is
/// off.
///
/// Errors:  from virtual tables as they were; SQLite's own as SqliteErrorStatus.
/// Threads: one thread at a time.
class SqliteConnection {
 public:
  /// `interrupted` is asked every few hundred steps of a running statement.
  static Result<std::unique_ptr<SqliteConnection>> Open(std::function<bool()> interrupted);
  ~SqliteConnection();
  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;

  /// Declares the tables with the user columns of `schemas`, if that changes anything. Statements
  /// that were compiled before must not begin to run then: see IsCurrent.
  Status UseSchemas(const UserSchemas& schemas);
  /// Whether a statement was compiled with the tables as they are declared now.
  bool IsCurrent(const CompiledStatement& compiled) const {
    return compiled.generation() == generation_;
  }
  /// Compiles a statement that SQLite runs: MainText. For EXPLAIN it is the explained statement's
  /// plan.
  Result<CompiledStatement> Compile(const ParsedStatement& statement, StatementContext& context);
  /// Compiles what EXPLAIN ANALYZE runs.
  Result<CompiledStatement> CompileAnalyzed(const ParsedStatement& statement,
                                            StatementContext& context);
  /// Compiles what dashi has put together out of a statement: it may name dashi's own tables. Its
  /// columns are those of the statement that was `read`.
  Result<CompiledStatement> CompileComposed(const SqliteText& text,
                                            const ParsedStatement& statement,
                                            const postgres::TypedStatement& read,
                                            StatementContext& context);
  /// Binds `values[i]` to `$i+1`. Text must be UTF-8 without NUL (22021).
  Status Bind(sqlite3_stmt* compiled, std::span<const Value> values);
  /// Runs to the next row. Returns false at the end.
  Result<bool> Step(sqlite3_stmt* compiled, const ParsedStatement& statement,
                    StatementContext& context);

  /// Reads the row at which a statement stands, and returns the bytes of its values, about.
  ///
  /// Errors: 53200.
  static Result<std::size_t> ReadRow(sqlite3_stmt* compiled, Row* row);

  sqlite3* handle() const { return connection_; }
  StatementSlot& slot() { return slot_; }

 private:
  explicit SqliteConnection(std::function<bool()> interrupted);
  Status Configure();
  Result<CompiledStatement> CompileText(const SqliteText& text, const ParsedStatement& statement,
                                        const postgres::TypedStatement& read,
                                        StatementContext& context);
  Status ErrorOf(int rc, const ParsedStatement& statement, StatementContext& context,
                 const SqliteText* text);

  std::function<bool()> interrupted_;
  StatementSlot slot_;
  UserSchemas declared_;
  std::uint64_t generation_ = 0;  // counts the declarations
  sqlite3* connection_ = nullptr;
};

}  // namespace dashi::sql
