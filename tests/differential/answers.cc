#include "tests/differential/answers.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iterator>

#include <fmt/format.h>

#include "base/random.h"

namespace dashi::differential {

namespace {

std::string ValueText(const Value& value, int digits, bool typed) {
  switch (value.type()) {
    case ValueType::kNull:
      return "NULL";
    case ValueType::kInteger:
      return typed ? "i" + std::to_string(value.integer()) : NumberText(value.real(), digits);
    case ValueType::kReal:
      return (typed ? "r" : "") + NumberText(value.real(), digits);
    default:
      return "'" + value.ToString() + "'";
  }
}

// Whether a column of this type may hold a value.
bool Fits(const Value& value, SqlType type) {
  if (value.is_null() || type == SqlType::kUnknown) {
    return true;
  }
  switch (type) {
    case SqlType::kBoolean:
      return value == Value::Integer(0) || value == Value::Integer(1);
    case SqlType::kInteger:
      return value.type() == ValueType::kInteger;
    case SqlType::kReal:
      return value.type() == ValueType::kReal || value.type() == ValueType::kInteger;
    case SqlType::kBytes:
      return value.type() == ValueType::kBlob;
    default:
      return value.type() == ValueType::kText;
  }
}

}  // namespace

void Answer::Sort() { std::sort(rows.begin(), rows.end()); }

std::string Answer::Shown() const {
  std::string shown =
      sqlstate.empty() ? fmt::format("{} rows", rows.size()) : sqlstate + " " + message;
  constexpr std::size_t kShownRows = 60;
  for (std::size_t i = 0; i < rows.size() && i < kShownRows; ++i) {
    shown += "\n  " + rows[i];
  }
  return shown;
}

std::string NumberText(double value, int digits) {
  constexpr double kExact = 1e12;     // Above it variances differ in what was rounded.
  constexpr double kNothing = 1e-12;  // What rounding leaves where the other has 0.
  if (std::abs(value) < kNothing) {
    return "0";
  }
  if (value == std::trunc(value) && std::abs(value) < kExact) {
    return fmt::format("{}", static_cast<std::int64_t>(value));
  }
  return fmt::format("{:.{}g}", value, digits);
}

void AppendValue(std::string* row, const std::string& value) {
  *row += (row->empty() ? "" : " | ") + value;
}

Answer AnswerOf(Session& session, const std::string& sql, int digits, bool typed) {
  Answer answer;
  const auto fail = [&](const Status& status) {
    answer.sqlstate = status.sqlstate();
    answer.message = status.message();
    answer.rows.clear();
    return answer;
  };
  auto result = session.Execute(sql);
  if (!result.ok()) {
    return fail(result.status());
  }
  for (const Column& column : result->columns()) {
    answer.types.push_back(column.sql_type);
  }
  Row row;
  for (;;) {
    const auto more = result->Next(&row);
    if (!more.ok()) {
      return fail(more.status());
    }
    if (!*more) {
      return answer;
    }
    std::string text;
    for (std::size_t i = 0; i < row.size(); ++i) {
      AppendValue(&text, ValueText(row[i], digits, typed));
      if (!Fits(row[i], answer.types[i])) {
        answer.misfit = fmt::format("column {}, of {}, holds {}", i + 1,
                                    SqlTypeName(answer.types[i]), ValueText(row[i], digits, true));
      }
    }
    answer.rows.push_back(std::move(text));
  }
}

std::vector<std::string> OwnColumns() {
  return {"ALTER TABLE documents ADD COLUMN lang TEXT",
          "ALTER TABLE documents ADD COLUMN price REAL",
          "ALTER TABLE documents ADD COLUMN stock INTEGER",
          "ALTER TABLE documents ADD COLUMN active BOOLEAN",
          "ALTER TABLE documents ADD COLUMN seen TIMESTAMP",
          "ALTER TABLE labels ADD COLUMN lang TEXT",
          "ALTER TABLE labels ADD COLUMN year INTEGER",
          "ALTER TABLE labels ADD COLUMN rating REAL"};
}

std::vector<std::string> TableRows(std::uint64_t seed) {
  constexpr int kDocuments = 30;
  constexpr int kLabels = 15;
  Random random(seed);
  const auto pick = [&](std::initializer_list<const char*> choices) {
    return std::string(
        *(choices.begin() + static_cast<std::ptrdiff_t>(random.Uniform(choices.size()))));
  };
  const auto text = [&] {
    return pick({"'Red Hat'", "'blue hat'", "'grün'", "'a b c'", "'100% wool'", "'it''s'", "'12'",
                 "'red'", "'Red'", "''", "'über_all'", "'x  y'"});
  };
  const auto lang = [&] { return pick({"'de'", "'en'", "'fr'", "NULL", "'EN'"}); };
  std::vector<std::string> statements;
  for (int i = 1; i <= kDocuments; ++i) {
    statements.push_back(fmt::format(
        "INSERT INTO documents (id, text, split, lang, price, stock, active, seen) VALUES ('d{}', "
        "{}, {}, {}, {}, {}, {}, {})",
        i, text(), pick({"'train'", "'test'", "NULL"}), lang(),
        pick({"0.5", "1.25", "2.5", "3.5", "-1.5", "10", "0", "NULL"}),
        pick({"0", "1", "2", "7", "-4", "10", "NULL", "100"}), pick({"TRUE", "FALSE", "NULL"}),
        pick({"'2026-11-23 02:08:15+00'", "'2026-02-28 23:59:59.5+00'", "'2024-02-29 00:00:00+00'",
              "'2025-12-31 12:30:00+00'", "NULL"})));
  }
  for (int i = 1; i <= kLabels; ++i) {
    statements.push_back(fmt::format(
        "INSERT INTO labels (id, text, lang, year, rating) VALUES ('l{}', {}, {}, {}, {})", i,
        text(), lang(), pick({"2003", "2004", "7", "0", "NULL"}),
        pick({"0.5", "2.5", "3.75", "NULL", "-1.5"})));
  }
  for (int document = 1; document <= kDocuments; document += 2) {
    for (int label = 1; label <= kLabels; label += 1 + static_cast<int>(random.Uniform(6))) {
      statements.push_back(
          fmt::format("INSERT INTO relevance (document, label, weight) VALUES ('d{}', 'l{}', {})",
                      document, label, pick({"1", "0.5", "0.25"})));
    }
  }
  return statements;
}

std::uint64_t FromEnvironment(const char* name, std::uint64_t otherwise) {
  const char* given = std::getenv(name);
  return given == nullptr ? otherwise : std::strtoull(given, nullptr, 10);
}

}  // namespace dashi::differential
