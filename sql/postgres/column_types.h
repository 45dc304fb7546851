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

/// The types of the columns of the tables that a statement names, by the columns' names. A name
/// that columns of different types have, or that the statement gives to something else, has none.
///
/// Threads: a value type.
class ColumnTypes {
 public:
  ColumnTypes(const ParsedStatement& statement, const UserSchemas& schemas);
  /// kUnknown for names that stand for nothing, or for more than one thing.
  StaticType Find(std::string_view name) const;

 private:
  void Add(std::string_view name, StaticType type);
  void AddTable(std::string_view table, const UserSchemas& schemas);
  void LeaveOutDefined(const ParsedStatement& statement);

  std::map<std::string, StaticType, std::less<>> types_;
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
/// Cost:   one pass over the tokens.
Result<TypedStatement> ReadWithTypes(const ParsedStatement& statement, const UserSchemas& schemas);

}  // namespace dashi::sql::postgres
