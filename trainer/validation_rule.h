#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "dashi/status.h"
#include "storage/entity.h"
#include "storage/schema_record.h"

namespace dashi::trainer {

/// Which training documents are held out: a random share, or those that a column of the user tells.
struct ValidationRule {
  enum class Comparison { kEqual, kUnequal, kLess, kAtMost, kGreater, kAtLeast };

  std::string column;  ///< empty: a random share
  Comparison comparison = Comparison::kEqual;
  std::string literal;

  bool is_random() const { return column.empty(); }
};

/// Reads "random", "column" (a BOOLEAN one that is true), or "column OP literal" with OP one of
/// = <> < <= > >=, for example "created >= 2024-06-01". The literal may stand in single quotes.
///
/// Errors: kInvalidArgument saying what is expected.
Result<ValidationRule> ParseValidationRule(std::string_view text);

/// Whether a row is held out. A NULL is not.
using ValidationPredicate = std::function<bool(const storage::EntityRow& row)>;

/// Looks the column up and reads the literal as a value of its type.
/// `schema` must outlive the predicate.
///
/// Errors: kNotFound (42703) for an unknown column, kInvalidArgument for a literal that is no value
///         of its type.
Result<ValidationPredicate> BindValidationRule(const ValidationRule& rule,
                                               const storage::SchemaRecord& schema);

}  // namespace dashi::trainer
