#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "dashi/status.h"
#include "sql/parser.h"
#include "sql/postgres/statement_types.h"
#include "sql/postgres/types.h"
#include "sql/sqlite_text.h"
#include "sql/user_schemas.h"

namespace dashi::sql::postgres {

/// The types of the columns of the tables that a statement names, and of those that its inner
/// queries name, by the columns' names. A name that columns of different types have, or that the
/// statement gives to something else, has none.
///
/// Threads: a value type.
class ColumnTypes {
 public:
  ColumnTypes(const ParsedStatement& statement, const UserSchemas& schemas);
  /// kUnknown for names that stand for nothing, or for more than one thing.
  StaticType Find(std::string_view name) const;
  /// Takes over what a reading of the statement tells of the columns that its inner queries name.
  /// Returns whether that is news, with which another reading may tell more.
  bool Learn(const StatementTypes& read);

 private:
  void Add(std::string_view name, StaticType type);
  void AddTable(std::string_view table, const UserSchemas& schemas);
  void LeaveOutDefined(const ParsedStatement& statement);

  using Types = std::map<std::string, StaticType, std::less<>>;

  Types types_;
  Types hidden_;  // Of tables, by names that have another meaning.
  std::map<std::string, int, std::less<>> listed_;  // How often names stand in lists of names.
};

/// A statement that SQLite runs, read with the columns' types.
struct TypedStatement {
  /// What takes the place of PostgreSQL's spellings: more than at parsing.
  TextReplacements replaced;
  StatementTypes types;
};

/// Reads a statement that SQLite runs once more, now that the columns' types are known.
///
/// Errors: as at parsing, and 22P02 and the like for strings beside columns of other types.
/// Cost:   one pass over the tokens, and up to three more where inner queries name columns.
Result<TypedStatement> ReadWithTypes(const ParsedStatement& statement, const UserSchemas& schemas);

}  // namespace dashi::sql::postgres
