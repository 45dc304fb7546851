#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sqlite3.h>

#include "dashi/status.h"
#include "dashi/value.h"
#include "sql/statement_context.h"

namespace dashi::sql::postgres {

/// The words that the rewriting puts into statements begin with this.
inline constexpr std::string_view kOwnPrefix = "dashi_";

/// A function of PostgreSQL that SQLite lacks or has with another meaning.
struct ScalarFunction {
  const char* name;
  int num_arguments_min;
  int num_arguments_max;  ///< -1: any number
  enum class Kind {
    kStrict,     ///< NULL where an argument is; always the same for the same arguments
    kTakesNull,  ///< the same, but is called with NULL too
    kChanges,    ///< NULL as well, but may differ from call to call
  } kind;
  Result<Value> (*call)(StatementContext& statement, std::span<sqlite3_value*> arguments);
};

std::span<const ScalarFunction> TextFunctions();
std::span<const ScalarFunction> MathFunctions();
std::span<const ScalarFunction> TimeFunctions();
std::span<const ScalarFunction> ArrayFunctions();
std::span<const ScalarFunction> VectorFunctions();

/// Registers all of them, and the aggregates.
Status RegisterFunctions(sqlite3* connection, StatementSlot* slot);
Status RegisterAggregates(sqlite3* connection, StatementSlot* slot);

/// The names that people may write.
std::vector<std::string> ListFunctions();

/// The order of two values that PostgreSQL could compare: numbers, texts, bytes. NULL comes last.
/// Errors: 42804 for values of different kinds.
Result<int> CompareValues(const Value& a, const Value& b);

}  // namespace dashi::sql::postgres
