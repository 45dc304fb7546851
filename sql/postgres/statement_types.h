#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/sql_type.h"
#include "sql/postgres/types.h"

namespace dashi::sql::postgres {

SqlType SqlTypeOf(StaticType type);

/// What reading a statement tells of the types of its parameters and of the columns of its rows.
///
/// Threads: a value type.
class StatementTypes {
 public:
  /// `$parameter` is used as this; the first use that tells something counts. 0 and kUnknown say
  /// nothing.
  void NoteParameter(std::uint32_t parameter, StaticType type);
  /// The same of an array of such elements.
  void NoteArray(std::uint32_t parameter, StaticType element);
  /// A select list of the statement's own begins: of a SELECT, or of one that a UNION or the like
  /// joins to it. RETURNING forgets those before it.
  void BeginResults(bool returning);
  /// The next column of the list.
  void NoteResult(StaticType type);
  /// A `*` stands in the list, for columns that are not known here.
  void NoteStar() { has_star_ = true; }

  /// Columns that queries inside the statement name alike.
  struct Derived {
    StaticType type = StaticType::kUnknown;  ///< kUnknown unless all have it
    int num_listed = 0;                      ///< those whose names stand in a list of names
  };
  /// A column that a query inside the statement names, and its type: kUnknown where several make
  /// it, as a UNION does.
  void NoteDerived(std::string name, StaticType type, bool is_listed = false);
  /// All of them by name.
  const std::map<std::string, Derived, std::less<>>& derived() const { return derived_; }

  /// By number, as many as the statement's highest.
  std::vector<SqlType> Parameters(std::size_t count) const;
  /// The columns' types; empty when a `*` hides where they stand.
  std::vector<SqlType> Results() const;

 private:
  void Note(std::uint32_t parameter, SqlType type);

  std::vector<SqlType> parameters_;
  std::vector<StaticType> results_;
  bool has_list_ = false;
  bool is_later_list_ = false;  // Of a UNION.
  bool has_star_ = false;
  std::size_t next_result_ = 0;
  std::map<std::string, Derived, std::less<>> derived_;
};

/// An argument of a function that is no text.
StaticType ArgumentType(std::string_view function, std::size_t argument);

}  // namespace dashi::sql::postgres
