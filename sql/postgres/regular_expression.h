#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/status.h"

namespace dashi::sql::postgres {

/// A regular expression as PostgreSQL's operator ~ has them, matched in time linear in the text.
/// Classes such as \w and [[:alpha:]] know Unicode's letters and digits; . and negated lists match
/// line ends; ^ and $ stand for the ends of the whole text.
///
/// Errors: 2201B for one that is wrong or too large; kUnimplemented (0A000) for what needs
///         backtracking (back references, looking ahead or behind) and for \m, \M, \y, \Y,
///         \Z and the directors ***.
/// Threads: a value type; matching is const.
class RegularExpression {
 public:
  static Result<RegularExpression> Compile(std::string_view pattern, bool fold_case);
  RegularExpression(RegularExpression&&) noexcept;
  RegularExpression& operator=(RegularExpression&&) noexcept;
  ~RegularExpression();

  /// Whether some part of the text matches.
  bool Matches(std::string_view text) const;

 private:
  struct Compiled;
  explicit RegularExpression(std::unique_ptr<Compiled> compiled);
  std::unique_ptr<Compiled> compiled_;
};

/// The expressions that a statement has met last.
///
/// Threads: one thread at a time.
class RegularExpressionCache {
 public:
  /// Valid until the next call. Errors: as Compile.
  Result<const RegularExpression*> Find(std::string_view pattern, bool fold_case);

 private:
  struct Entry {
    std::string pattern;
    bool fold_case = false;
    RegularExpression expression;
  };
  std::vector<Entry> entries_;
  std::size_t next_ = 0;  // The one that goes first.
};

}  // namespace dashi::sql::postgres
