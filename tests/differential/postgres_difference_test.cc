// Random SELECTs in PostgreSQL's spellings give what PostgreSQL gives.

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/differential/answers.h"
#include "tests/differential/postgres_server.h"
#include "tests/differential/random_select.h"
#include "tests/sql/session_fixture.h"

namespace dashi::differential {
namespace {

constexpr int kDigits = 9;
/// Where two numbers lie on both sides of the place at which they are rounded.
constexpr int kFewerDigits = 7;

class PostgresDifferenceTest : public SessionFixture {
 protected:
  void SetUp() override {
    SessionFixture::SetUp();
    auto server = PostgresServer::Start();
    ASSERT_TRUE(server.ok()) << server.status().ToString();
    server_ = std::move(*server);
    for (const char* sql :
         {"CREATE TABLE documents (id text PRIMARY KEY, text text, split text, lang text, price "
          "float8, stock bigint, active boolean, seen timestamptz)",
          "CREATE TABLE labels (id text PRIMARY KEY, text text, lang text, year bigint, rating "
          "float8)",
          "CREATE TABLE relevance (document text, label text, weight float8, PRIMARY KEY "
          "(document, label))"}) {
      MustPostgres(sql);
    }
    for (const std::string& sql : OwnColumns()) {
      Must(sql);
    }
  }

  void MustPostgres(const std::string& sql) {
    const Answer answer = server_->AnswerOf(sql, kDigits);
    ASSERT_TRUE(answer.sqlstate.empty()) << sql << ": " << answer.message;
  }
  void Fill(std::uint64_t seed) {
    for (const std::string& sql : TableRows(seed)) {
      Must(sql);
      MustPostgres(sql);
    }
  }

  // Errors of dates differ in their kind alone: what is no date, and what is none that exists.
  static bool SameState(const std::string& a, const std::string& b) {
    return a == b || (a == "22007" && b == "22008");
  }
  bool Same(const RandomSelect::Query& query, int digits, std::string* shown) {
    Answer ours = AnswerOf(*session_, query.sql, digits, /*typed=*/false);
    Answer theirs = server_->AnswerOf(query.sql, digits);
    if (!query.ordered) {
      ours.Sort();
      theirs.Sort();
    }
    *shown = "dashi: " + ours.Shown() + "\nPostgreSQL: " + theirs.Shown();
    for (std::size_t i = 0; i < ours.types.size() && i < theirs.types.size(); ++i) {
      // A sum of integers is numeric there and stays an integer here.
      const bool sum = ours.types[i] == SqlType::kInteger && theirs.types[i] == SqlType::kReal;
      if (ours.types[i] != theirs.types[i] && ours.types[i] != SqlType::kUnknown && !sum) {
        ours.misfit = "column " + std::to_string(i + 1) + " is " +
                      std::string(SqlTypeName(ours.types[i])) + ", not " +
                      std::string(SqlTypeName(theirs.types[i]));
      }
      num_known_types_ += ours.types[i] == SqlType::kUnknown ? 0 : 1;
      ++num_types_;
    }
    *shown += "\n" + ours.misfit;
    has_rows_ = !ours.rows.empty();
    fails_ = !ours.sqlstate.empty();
    return SameState(ours.sqlstate, theirs.sqlstate) && ours.rows == theirs.rows &&
           ours.misfit.empty();
  }

  std::unique_ptr<PostgresServer> server_;
  std::uint64_t num_types_ = 0;
  std::uint64_t num_known_types_ = 0;
  bool has_rows_ = false;
  bool fails_ = false;
};

TEST_F(PostgresDifferenceTest, SpellingsMeanWhatPostgresMeans) {
  const std::uint64_t seed = FromEnvironment("DASHI_TEST_SEED", 20261128);
  const std::uint64_t num_rounds = FromEnvironment("DASHI_TEST_ROUNDS", 10'000);
  SCOPED_TRACE("DASHI_TEST_SEED=" + std::to_string(seed));
  Fill(seed);
  RandomSelect generator(RandomSelect::Dialect::kPostgres, seed);
  std::uint64_t num_with_rows = 0;
  std::uint64_t num_failures = 0;
  int num_differences = 0;
  for (std::uint64_t round = 0; round < num_rounds && num_differences < 10; ++round) {
    const RandomSelect::Query query = generator.Next();
    std::string shown;
    const bool same = Same(query, kDigits, &shown) || Same(query, kFewerDigits, &shown);
    EXPECT_TRUE(same) << "statement " << round << " of PostgreSQL " << server_->Version() << ":\n"
                      << query.sql << "\n"
                      << shown;
    num_differences += same ? 0 : 1;
    num_with_rows += has_rows_ ? 1 : 0;
    num_failures += fails_ ? 1 : 0;
  }
  EXPECT_GT(num_with_rows, num_rounds / 2) << "most statements have to find something";
  RecordProperty("columns", std::to_string(num_types_));
  RecordProperty("columns_with_types", std::to_string(num_known_types_));
  EXPECT_GT(num_known_types_, num_types_ / 2) << "most columns' types have to be known";
  EXPECT_LT(num_failures, num_rounds / 5) << "most statements have to succeed";
}

const char* const kMatchedTexts[] = {
    "",       "a",    "ab",     "abc",     "ABC",       "a\nb",         "a b",
    "x1y22",  "a_b",  "über",   "ÜBER",    "12",        "1.5",          "[x]",
    "a]b",    "a-b",  "(a)",    "foo.bar", "caf\u00e9", "\u4e2d\u6587", "tab\there",
    "back\\", "it's", "\u00a0", "aaa",     "abab",      "end\n",        "pg_toast_1"};
const char* const kPatterns[] = {"",
                                 "a",
                                 "^a",
                                 "a$",
                                 "^a.b$",
                                 "^$",
                                 "b|c",
                                 "^(ab)+$",
                                 "a{2,3}",
                                 "a{2}$",
                                 "[abc]",
                                 "[^abc]",
                                 "^[^abc]*$",
                                 "[]x]",
                                 "[^]x]",
                                 "[a-]",
                                 "[[:alpha:]]",
                                 "^[[:alpha:]]+$",
                                 "[[:digit:]]+",
                                 "[[:space:]]",
                                 "[[:upper:]]",
                                 "[[:lower:]]",
                                 "[[:alnum:]_]+$",
                                 "\\d",
                                 "^\\d+$",
                                 "\\D",
                                 "\\w",
                                 "^\\w+$",
                                 "\\W",
                                 "\\s",
                                 "\\S\\s\\S",
                                 "[\\w.]+$",
                                 "[\\d]",
                                 "\\.",
                                 "a\\.b",
                                 "\\Aa",
                                 "\\(a\\)",
                                 "\\\\$",
                                 "(?i)abc",
                                 "a.*c",
                                 "a.*?c",
                                 "(a|b)*c",
                                 "\\u00fc",
                                 "x?1",
                                 "\\t",
                                 "[[:punct:]]",
                                 "o\\.b",
                                 "^pg_",
                                 "[",
                                 "(",
                                 "a**",
                                 "*a",
                                 "[[:nope:]]",
                                 "a{3,2}",
                                 "\\",
                                 ")",
                                 "b\\n?$",
                                 "[[:blank:]]",
                                 "[[:graph:]]",
                                 "[[:print:]]$",
                                 "[[:cntrl:]]",
                                 "[[:xdigit:]]"};

TEST_F(PostgresDifferenceTest, RegularExpressionsMatchWhatTheyMatchThere) {
  int num_matches = 0;
  for (const std::string pattern : kPatterns) {
    for (const std::string text : kMatchedTexts) {
      for (const char* op : {"~", "~*", "!~", "!~*"}) {
        const auto quoted = [](const std::string& value) {
          std::string literal = "'";
          for (const char c : value) {
            literal.append(c == '\'' ? 2 : 1, c);
          }
          return literal + "'";
        };
        const std::string sql = "SELECT " + quoted(text) + " " + op + " " + quoted(pattern);
        const Answer ours = AnswerOf(*session_, sql, kDigits, /*typed=*/false);
        const Answer theirs = server_->AnswerOf(sql, kDigits);
        EXPECT_EQ(ours.sqlstate, theirs.sqlstate) << sql << "\n" << ours.message;
        EXPECT_EQ(ours.rows, theirs.rows) << sql;
        num_matches += ours.rows == std::vector<std::string>{"1"} ? 1 : 0;
      }
    }
  }
  EXPECT_GT(num_matches, 1000);
}

TEST_F(PostgresDifferenceTest, ElementsAreInArraysAsThere) {
  for (const char* sql : {"SELECT 1 = ANY ('{1,2}'::int[])",
                          "SELECT 3 = ANY ('{1,2}'::int[])",
                          "SELECT 3 = ANY ('{1,NULL}'::int[])",
                          "SELECT 1 = ANY ('{1,NULL}'::int[])",
                          "SELECT 'a b' = ANY ('{\"a b\",c}'::text[])",
                          "SELECT 'c' = ANY ('{ a , c }'::text[])",
                          "SELECT 'null' = ANY ('{\"null\"}'::text[])",
                          "SELECT 'x' = ANY ('{}'::text[])",
                          "SELECT 'a\"b' = ANY ('{\"a\\\"b\"}'::text[])",
                          "SELECT 1 <> ALL ('{1,2}'::int[])",
                          "SELECT 3 <> ALL ('{1,2}'::int[])",
                          "SELECT 3 <> ALL ('{1,NULL}'::int[])",
                          "SELECT NULL = ANY ('{1}'::int[])",
                          "SELECT 1 = ANY (NULL::int[])",
                          "SELECT 1.5 = ANY ('{1.50,2}'::float8[])",
                          "SELECT 'a' = ANY ('{a'::text[])",
                          "SELECT 'a' = ANY ('a}'::text[])",
                          "SELECT 'a' = ANY ('{a,}'::text[])",
                          "SELECT 1 = ANY ('{a}'::int[])",
                          "SELECT 'a' = ANY ('{a} '::text[])"}) {
    const Answer ours = AnswerOf(*session_, sql, kDigits, /*typed=*/false);
    const Answer theirs = server_->AnswerOf(sql, kDigits);
    EXPECT_EQ(ours.sqlstate, theirs.sqlstate) << sql << "\n" << ours.message;
    EXPECT_EQ(ours.rows, theirs.rows) << sql;
  }
}

}  // namespace
}  // namespace dashi::differential
