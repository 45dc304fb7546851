#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"

namespace dashi::differential {

enum class ExpressionType { kText, kInteger, kReal, kBoolean, kTimestamp, kDate, kInterval };

/// Makes random SELECTs over documents, labels and relevance as TableRows declares them.
/// Every statement is valid and has one answer, whoever runs it: what docs/LIMITATIONS.md says to
/// differ is not made, see the .cc.
///
/// Threads: one thread at a time.
class RandomSelect {
 public:
  enum class Dialect { kSqlite, kPostgres };
  struct Query {
    std::string sql;
    bool ordered = false;  ///< the order of the rows counts
  };

  RandomSelect(Dialect dialect, std::uint64_t seed) : dialect_(dialect), random_(seed) {}
  Query Next();

 private:
  struct Column {
    std::string name;
    ExpressionType type;
  };
  struct Table {
    std::string name;
    std::vector<Column> columns;
  };

  static const std::vector<Table>& Tables();
  bool postgres() const { return dialect_ == Dialect::kPostgres; }
  std::uint64_t Below(std::uint64_t bound) { return random_.Uniform(bound); }
  bool Chance(std::uint64_t one_in) { return Below(one_in) == 0; }
  std::string Pick(std::initializer_list<const char*> choices);
  ExpressionType PickType();

  // Statements.
  Query Simple();
  Query Joined();
  Query Grouped();
  Query Compound();
  Query FromSubquery();
  Query Windowed();
  Query Risky();
  Query Constant();
  std::string EnterTable(const Table& table, const std::string& alias);
  std::string SelectList(std::size_t count, int depth);
  std::string Where(int depth);
  std::string RowLimit();

  // Expressions.
  std::string Expression(ExpressionType type, int depth);
  std::string ColumnOf(ExpressionType type);
  std::string Literal(ExpressionType type);
  std::string AnyType(ExpressionType type, int depth);
  std::string Text(int depth);
  std::string PostgresText(int depth);
  std::string SqliteText(int depth);
  std::string Integer(int depth);
  std::string PostgresInteger(int depth);
  std::string Real(int depth);
  std::string Boolean(int depth);
  std::string PostgresBoolean(int depth);
  std::string Match(int depth);
  std::string Subquery(int depth);
  std::string Timestamp(int depth);
  std::string Date(int depth);
  std::string Interval(int depth);
  std::string Aggregate(ExpressionType type);

  Dialect dialect_;
  Random random_;
  std::vector<Column> scope_;  // What may be named.
  int num_aliases_ = 0;
  bool with_intervals_ = true;  // Whether PickType may choose them.
  bool typed_columns_ = true;   // Whether columns are those of tables.
};

}  // namespace dashi::differential
