// Random SELECTs over dashi's tables and over SQLite's own with the same rows give the same rows.

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sqlite3.h>

#include "tests/differential/answers.h"
#include "tests/differential/random_select.h"
#include "tests/sql/session_fixture.h"

namespace dashi::differential {
namespace {

constexpr int kDigits = 12;

class SqliteDifferenceTest : public SessionFixture {
 protected:
  void SetUp() override {
    SessionFixture::SetUp();
    ASSERT_EQ(sqlite3_open(":memory:", &plain_), SQLITE_OK);
    for (const char* sql :
         {"PRAGMA case_sensitive_like = ON",
          "CREATE TABLE documents (id TEXT PRIMARY KEY, text TEXT, split TEXT, lang TEXT, price "
          "REAL, stock INTEGER, active BOOLEAN, seen TEXT)",
          "CREATE TABLE labels (id TEXT PRIMARY KEY, text TEXT, lang TEXT, year INTEGER, rating "
          "REAL)",
          "CREATE TABLE relevance (document TEXT, label TEXT, weight REAL, PRIMARY KEY (document, "
          "label))"}) {
      MustPlain(sql);
    }
    for (const std::string& sql : OwnColumns()) {
      Must(sql);
    }
  }
  void TearDown() override {
    sqlite3_close(plain_);
    SessionFixture::TearDown();
  }

  void MustPlain(const std::string& sql) {
    ASSERT_EQ(sqlite3_exec(plain_, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << sql << ": " << sqlite3_errmsg(plain_);
  }
  void Fill(std::uint64_t seed) {
    for (const std::string& sql : TableRows(seed)) {
      Must(sql);
      MustPlain(sql);
    }
  }

  static std::string TextOfColumn(sqlite3_stmt* statement, int column) {
    switch (sqlite3_column_type(statement, column)) {
      case SQLITE_NULL:
        return "NULL";
      case SQLITE_INTEGER:
        return "i" + std::to_string(sqlite3_column_int64(statement, column));
      case SQLITE_FLOAT:
        return "r" + NumberText(sqlite3_column_double(statement, column), kDigits);
      default:
        return "'" +
               std::string(reinterpret_cast<const char*>(sqlite3_column_text(statement, column))) +
               "'";
    }
  }
  Answer PlainAnswerOf(const std::string& sql) {
    Answer answer;
    sqlite3_stmt* statement = nullptr;
    int rc = sqlite3_prepare_v2(plain_, sql.c_str(), -1, &statement, nullptr);
    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
      rc = sqlite3_step(statement);
      if (rc != SQLITE_ROW) {
        break;
      }
      std::string row;
      for (int i = 0; i < sqlite3_column_count(statement); ++i) {
        AppendValue(&row, TextOfColumn(statement, i));
      }
      answer.rows.push_back(std::move(row));
    }
    if (rc != SQLITE_DONE) {
      answer.sqlstate = "error";
      answer.message = sqlite3_errmsg(plain_);
    }
    sqlite3_finalize(statement);
    return answer;
  }

  sqlite3* plain_ = nullptr;
};

TEST_F(SqliteDifferenceTest, TablesOfTheDatabaseAnswerAsSqlitesOwn) {
  const std::uint64_t seed = FromEnvironment("DASHI_TEST_SEED", 20261128);
  const std::uint64_t num_rounds = FromEnvironment("DASHI_TEST_ROUNDS", 10'000);
  SCOPED_TRACE("DASHI_TEST_SEED=" + std::to_string(seed));
  Fill(seed);
  RandomSelect generator(RandomSelect::Dialect::kSqlite, seed);
  std::size_t num_with_rows = 0;
  int num_differences = 0;
  for (std::uint64_t round = 0; round < num_rounds && num_differences < 10; ++round) {
    const RandomSelect::Query query = generator.Next();
    Answer ours = AnswerOf(*session_, query.sql, kDigits, /*typed=*/true);
    Answer plain = PlainAnswerOf(query.sql);
    if (!query.ordered) {
      ours.Sort();
      plain.Sort();
    }
    const bool same = ours.sqlstate.empty() && plain.sqlstate.empty() && ours.rows == plain.rows;
    EXPECT_TRUE(same) << "statement " << round << ":\n"
                      << query.sql << "\ndashi: " << ours.Shown() << "\nSQLite: " << plain.Shown();
    EXPECT_EQ(ours.misfit, "") << "statement " << round << ":\n" << query.sql;
    num_differences += ours.misfit.empty() ? 0 : 1;
    num_differences += same ? 0 : 1;
    num_with_rows += ours.rows.empty() ? 0 : 1;
  }
  EXPECT_GT(num_with_rows, num_rounds / 2) << "most statements have to find something";
}

}  // namespace
}  // namespace dashi::differential
