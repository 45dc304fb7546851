#include "sql/shell/statement_splitter.h"

#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace dashi {
namespace {

std::vector<ScriptStatement> Split(std::string_view script, std::size_t piece) {
  StatementSplitter splitter;
  std::vector<ScriptStatement> statements;
  for (std::size_t begin = 0; begin < script.size(); begin += piece) {
    splitter.Feed(script.substr(begin, piece));
    while (auto statement = splitter.Next()) {
      statements.push_back(*statement);
    }
  }
  if (auto last = splitter.Finish()) {
    statements.push_back(*last);
  }
  return statements;
}

std::vector<std::string> Texts(std::string_view script, std::size_t piece = 1000) {
  std::vector<std::string> texts;
  for (const ScriptStatement& statement : Split(script, piece)) {
    texts.push_back(statement.text);
  }
  return texts;
}

using Strings = std::vector<std::string>;

TEST(StatementSplitterTest, CutsAtSemicolons) {
  EXPECT_EQ(Texts("SELECT 1; SELECT 2 ;\n;; SELECT 3"),
            (Strings{"SELECT 1", "SELECT 2", "SELECT 3"}));
  EXPECT_EQ(Texts(""), Strings{});
  EXPECT_EQ(Texts(" ;;\n"), Strings{});
}

TEST(StatementSplitterTest, IgnoresSemicolonsInQuotesAndComments) {
  EXPECT_EQ(Texts("SELECT 'a;''b;'; SELECT \"x;\"\"y\";"),
            (Strings{"SELECT 'a;''b;'", "SELECT \"x;\"\"y\""}));
  EXPECT_EQ(Texts("SELECT 1 -- no; end\n+ 2; SELECT /* ; */ 3"),
            (Strings{"SELECT 1 -- no; end\n+ 2", "SELECT /* ; */ 3"}));
  EXPECT_EQ(Texts("-- only a comment;\n/* another; */"), Strings{});
  EXPECT_EQ(Texts("SELECT '-- no comment'; SELECT 5 - -3; SELECT 4 / 2 * 2"),
            (Strings{"SELECT '-- no comment'", "SELECT 5 - -3", "SELECT 4 / 2 * 2"}));
}

TEST(StatementSplitterTest, DollarsQuoteToo) {
  EXPECT_EQ(Texts("SELECT $$a;b'$$; SELECT $x$ $$;$y$; $x$; SELECT 1"),
            (Strings{"SELECT $$a;b'$$", "SELECT $x$ $$;$y$; $x$", "SELECT 1"}));
  EXPECT_EQ(Texts("SELECT $1; SELECT a$b$; SELECT $9$; SELECT $; SELECT $$$;$$"),
            (Strings{"SELECT $1", "SELECT a$b$", "SELECT $9$", "SELECT $", "SELECT $$$;$$"}));
  EXPECT_EQ(Texts("SELECT '$$;$$'; -- $$\nSELECT $$ -- $$; SELECT $$"),
            (Strings{"SELECT '$$;$$'", "SELECT $$ -- $$", "SELECT $$"}));
}

TEST(StatementSplitterTest, TellsWhereStatementsStand) {
  const auto statements = Split("-- first\n\nSELECT 1;\n  SELECT\n2;SELECT 3", 1000);
  ASSERT_EQ(statements.size(), 3U);
  EXPECT_EQ(statements[0].line, 3U);
  EXPECT_EQ(statements[0].offset, 10U);
  EXPECT_EQ(statements[1].line, 4U);
  EXPECT_EQ(statements[1].offset, 22U);
  EXPECT_EQ(statements[2].line, 5U);
  EXPECT_EQ(statements[2].text, "SELECT 3");
}

TEST(StatementSplitterTest, UnterminatedQuotesAndCommentsReachTheEnd) {
  EXPECT_EQ(Texts("SELECT 'a; b"), Strings{"SELECT 'a; b"});
  EXPECT_EQ(Texts("SELECT 1 /* a; b"), Strings{"SELECT 1 /* a; b"});
  EXPECT_EQ(Texts("SELECT 1 -"), Strings{"SELECT 1 -"});
  EXPECT_EQ(Texts("/"), Strings{"/"});
}

TEST(StatementSplitterTest, KnowsWhatItIsInside) {
  using Inside = StatementSplitter::Inside;
  StatementSplitter splitter;
  EXPECT_EQ(splitter.inside(), Inside::kNothing);
  splitter.Feed("  \n-- hello\n");
  EXPECT_FALSE(splitter.Next());
  EXPECT_EQ(splitter.inside(), Inside::kNothing);
  splitter.Feed("SELECT\n");
  EXPECT_FALSE(splitter.Next());
  EXPECT_EQ(splitter.inside(), Inside::kStatement);
  splitter.Feed("'it\n");
  EXPECT_FALSE(splitter.Next());
  EXPECT_EQ(splitter.inside(), Inside::kQuote);
  splitter.Feed("', \"a\n");
  EXPECT_FALSE(splitter.Next());
  EXPECT_EQ(splitter.inside(), Inside::kIdentifier);
  splitter.Feed("\" /* b\n");
  EXPECT_FALSE(splitter.Next());
  EXPECT_EQ(splitter.inside(), Inside::kBlockComment);
  splitter.Clear();
  EXPECT_EQ(splitter.inside(), Inside::kNothing);
  splitter.Feed("SELECT 1;\n");
  const auto statement = splitter.Next();
  ASSERT_TRUE(statement);
  EXPECT_EQ(statement->text, "SELECT 1");
  EXPECT_EQ(statement->line, 7U);
}

TEST(StatementSplitterTest, CommandsStandBetweenAndInsideStatements) {
  StatementSplitter splitter(StatementSplitter::Commands::kTaken);
  splitter.Feed("\\d labels\nSELECT '\\x' -- \\y\n, 1 \\g out.csv\nSELECT 2;\n");
  EXPECT_FALSE(splitter.Next());
  EXPECT_EQ(splitter.TakeCommand(), "\\d labels");
  EXPECT_EQ(splitter.Pending(), "");
  EXPECT_FALSE(splitter.TakePending());
  EXPECT_FALSE(splitter.Next());
  EXPECT_EQ(splitter.Pending(), "SELECT '\\x' -- \\y\n, 1");
  EXPECT_EQ(splitter.TakeCommand(), "\\g out.csv");
  EXPECT_FALSE(splitter.TakeCommand());
  const auto statement = splitter.TakePending();
  ASSERT_TRUE(statement);
  EXPECT_EQ(statement->text, "SELECT '\\x' -- \\y\n, 1");
  EXPECT_EQ(statement->line, 2U);
  const auto last = splitter.Next();
  ASSERT_TRUE(last);
  EXPECT_EQ(last->text, "SELECT 2");
  EXPECT_EQ(last->line, 4U);
}

TEST(StatementSplitterTest, AStatementGoesOnBehindACommand) {
  StatementSplitter splitter(StatementSplitter::Commands::kTaken);
  splitter.Feed("SELECT 1\n\\timing\n, 2;");
  EXPECT_FALSE(splitter.Next());
  EXPECT_EQ(splitter.TakeCommand(), "\\timing");
  const auto statement = splitter.Next();
  ASSERT_TRUE(statement);
  EXPECT_EQ(statement->text, "SELECT 1\n\n, 2");
}

TEST(StatementSplitterTest, WithoutCommandsABackslashIsText) {
  StatementSplitter splitter;
  splitter.Feed("\\d labels;");
  const auto statement = splitter.Next();
  ASSERT_TRUE(statement);
  EXPECT_EQ(statement->text, "\\d labels");
  EXPECT_FALSE(splitter.TakeCommand());
}

// The pieces in which a script arrives make no difference.
TEST(StatementSplitterTest, PiecesOfAnySizeGiveTheSame) {
  constexpr unsigned kSeed = 20261123;
  SCOPED_TRACE(kSeed);
  std::minstd_rand random(kSeed);
  const std::string alphabet = "a;'\"-/*$ \n";
  for (int round = 0; round < 2000; ++round) {
    std::string script;
    for (unsigned length = static_cast<unsigned>(random() % 30); length > 0; --length) {
      script += alphabet[random() % alphabet.size()];
    }
    const auto whole = Split(script, 1000);
    for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{3}}) {
      const auto pieces = Split(script, piece);
      ASSERT_EQ(pieces.size(), whole.size()) << script;
      for (std::size_t i = 0; i < whole.size(); ++i) {
        EXPECT_EQ(pieces[i].text, whole[i].text) << script;
        EXPECT_EQ(pieces[i].line, whole[i].line) << script;
        EXPECT_EQ(pieces[i].offset, whole[i].offset) << script;
        EXPECT_EQ(script.substr(whole[i].offset, whole[i].text.size()), whole[i].text);
      }
    }
  }
}

}  // namespace
}  // namespace dashi
