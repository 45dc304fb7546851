#include "sql/column_filter.h"

#include <algorithm>
#include <cmath>
#include <compare>
#include <utility>

#include "base/status.h"
#include "sql/postgres/utf8_text.h"
#include "sql/virtual_table.h"

namespace dashi::sql {

namespace {

constexpr std::string_view kWhere = " where ";
/// Integers up to here are doubles.
constexpr double kExactDoubles = 9007199254740992.0;

struct Operator {
  int code;
  std::string_view name;
  /// Whether SQLite offers it for ON of an outer join to the table on the left.
  bool may_be_of_outer_join;
};

constexpr Operator kOperators[] = {
    {SQLITE_INDEX_CONSTRAINT_EQ, "=", false},
    {SQLITE_INDEX_CONSTRAINT_NE, "<>", true},
    {SQLITE_INDEX_CONSTRAINT_LT, "<", false},
    {SQLITE_INDEX_CONSTRAINT_LE, "<=", false},
    {SQLITE_INDEX_CONSTRAINT_GT, ">", false},
    {SQLITE_INDEX_CONSTRAINT_GE, ">=", false},
    {SQLITE_INDEX_CONSTRAINT_IS, "IS", false},
    {SQLITE_INDEX_CONSTRAINT_ISNOT, "ISNOT", true},
    {SQLITE_INDEX_CONSTRAINT_ISNULL, "ISNULL", false},
    {SQLITE_INDEX_CONSTRAINT_ISNOTNULL, "NOTNULL", true},
    {SQLITE_INDEX_CONSTRAINT_LIKE, "LIKE", true},
    {SQLITE_INDEX_CONSTRAINT_GLOB, "GLOB", true},
};

char FoldAscii(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// As SQLite's collations BINARY, NOCASE and RTRIM: bytes, unsigned.
std::strong_ordering CompareText(std::string_view a, std::string_view b,
                                 std::string_view collation) {
  if (collation == "RTRIM") {
    a = a.substr(0, a.find_last_not_of(' ') + 1);
    b = b.substr(0, b.find_last_not_of(' ') + 1);
  }
  const bool fold = collation == "NOCASE";
  return std::lexicographical_compare_three_way(
      a.begin(), a.end(), b.begin(), b.end(), [fold](char x, char y) {
        return static_cast<unsigned char>(fold ? FoldAscii(x) : x) <=>
               static_cast<unsigned char>(fold ? FoldAscii(y) : y);
      });
}

// The order of two values, or nullopt when it is SQLite's to decide.
std::optional<std::partial_ordering> Compare(const Value& a, const Value& b,
                                             std::string_view collation) {
  if (a.type() == ValueType::kText && b.type() == ValueType::kText) {
    return CompareText(a.text(), b.text(), collation);
  }
  if (a.type() == ValueType::kInteger && b.type() == ValueType::kInteger) {
    return a.integer() <=> b.integer();
  }
  const auto is_number = [](const Value& value) {
    return value.type() == ValueType::kReal || value.type() == ValueType::kInteger;
  };
  if (!is_number(a) || !is_number(b)) {
    return std::nullopt;
  }
  const std::partial_ordering order = a.real() <=> b.real();
  // An integer may have been rounded to the other's value: that is SQLite's to decide.
  const bool rounded = order == 0 && a.type() != b.type() && std::abs(a.real()) >= kExactDoubles;
  return rounded ? std::nullopt : std::optional(order);
}

bool Matches(std::string_view op, std::partial_ordering order) {
  if (op == "=" || op == "IS" || op == "IN") {
    return order == 0;
  }
  if (op == "<>" || op == "ISNOT") {
    return order != 0;
  }
  if (op == "<") {
    return order < 0;
  }
  if (op == "<=") {
    return order <= 0;
  }
  return op == ">" ? order > 0 : order >= 0;
}

}  // namespace

std::optional<ColumnTest> TestOf(const StatementContext& statement, sqlite3_index_info* info,
                                 int constraint, std::string_view column) {
  const auto* known =
      std::find_if(std::begin(kOperators), std::end(kOperators),
                   [&](const Operator& op) { return op.code == info->aConstraint[constraint].op; });
  const std::string_view collation = sqlite3_vtab_collation(info, constraint);
  const bool collation_known =
      collation == "BINARY" || collation == "NOCASE" || collation == "RTRIM";
  if (known == std::end(kOperators) || !collation_known ||
      (known->may_be_of_outer_join && statement.has_outer_join)) {
    return std::nullopt;
  }
  ColumnTest test{std::string(column), std::string(known->name), std::string(collation)};
  if (test.op == "=" && sqlite3_vtab_in(info, constraint, -1) != 0) {
    test.op = "IN";
  }
  return test;
}

std::string FormatTests(std::string_view what, std::span<const ColumnTest> tests) {
  std::string text(what);
  for (const ColumnTest& test : tests) {
    text += &test == tests.data() ? kWhere : ", ";
    text += test.column + " " + test.op + " " + test.collation;
  }
  return text;
}

std::vector<ColumnTest> ParseTests(std::string_view text) {
  std::vector<ColumnTest> tests;
  const std::size_t where = text.find(kWhere);
  text.remove_prefix(where == std::string_view::npos ? text.size() : where + kWhere.size());
  while (!text.empty()) {
    const std::size_t comma = text.find(", ");
    const std::string_view item = text.substr(0, comma);
    const std::size_t first = item.find(' ');
    const std::size_t second = item.find(' ', first + 1);
    tests.push_back({std::string(item.substr(0, first)),
                     std::string(item.substr(first + 1, second - first - 1)),
                     std::string(item.substr(second + 1))});
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 2);
  }
  return tests;
}

Status ColumnFilter::Set(std::vector<ColumnTest> tests, std::span<sqlite3_value*> arguments) {
  tests_.clear();
  memory_ = MemoryCharge();
  for (std::size_t i = 0; i < tests.size(); ++i) {
    BoundTest bound{std::move(tests[i]), {}};
    if (bound.test.op == "IN") {
      sqlite3_value* value = nullptr;
      int rc = sqlite3_vtab_in_first(arguments[i], &value);
      for (; rc == SQLITE_OK; rc = sqlite3_vtab_in_next(arguments[i], &value)) {
        Value one = ValueFromSqlite(value);
        DASHI_RETURN_IF_ERROR(memory_.Add(sizeof(Value) + one.text().size() + one.bytes().size()));
        bound.values.push_back(std::move(one));
      }
      if (rc == SQLITE_NOMEM) {
        return MemoryScope::OutOfMemory();
      }
      if (rc != SQLITE_DONE) {
        return Status::ResourceExhausted("the values of IN cannot be read").WithSqlState("53200");
      }
    } else {
      bound.values.push_back(ValueFromSqlite(arguments[i]));
    }
    tests_.push_back(std::move(bound));
  }
  return Status();
}

bool ColumnFilter::Holds(const BoundTest& bound, const Value& value) {
  const std::string& op = bound.test.op;
  if (op == "ISNULL") {
    return value.is_null();
  }
  if (op == "NOTNULL") {
    return !value.is_null();
  }
  if (op == "IN" && value.is_null()) {
    return false;
  }
  if (op == "IN") {
    return std::any_of(bound.values.begin(), bound.values.end(), [&](const Value& one) {
      const auto order = Compare(value, one, bound.test.collation);
      return !one.is_null() && (!order || Matches(op, *order));
    });
  }
  const Value& operand = bound.values.front();
  if (operand.is_null()) {
    return op == "IS" ? value.is_null() : op == "ISNOT" && !value.is_null();
  }
  if (value.is_null()) {
    return op == "ISNOT";
  }
  if (op == "LIKE" || op == "GLOB") {
    if (value.type() != ValueType::kText || operand.type() != ValueType::kText) {
      return true;  // SQLite decides.
    }
    const std::string pattern(operand.text());
    const std::string text(value.text());
    return op == "LIKE" ? postgres::LikeMatches(pattern, text, /*escape=*/0)
                        : sqlite3_strglob(pattern.c_str(), text.c_str()) == 0;
  }
  const auto order = Compare(value, operand, bound.test.collation);
  return !order || Matches(op, *order);
}

bool ColumnFilter::Passes(std::string_view column, const Value& value) const {
  return std::all_of(tests_.begin(), tests_.end(), [&](const BoundTest& bound) {
    return bound.test.column != column || Holds(bound, value);
  });
}

}  // namespace dashi::sql
