#include "sql/shell/shell.h"

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "sql/shell/shell_command.h"
#include "tests/shell/fake_statement_runner.h"
#include "tests/shell/string_sink.h"

namespace dashi {
namespace {

class FakeLineReader final : public LineReader {
 public:
  Outcome ReadLine(const std::string& prompt, std::string* line) override {
    prompts.push_back(prompt);
    if (lines.empty()) {
      return Outcome::kEnd;
    }
    const std::string next = lines.front();
    lines.pop_front();
    if (next == "^C") {
      return Outcome::kInterrupted;
    }
    *line = next;
    return Outcome::kLine;
  }
  void AddHistory(const std::string& statement) override { history.push_back(statement); }
  void Interrupt() override { ++num_interrupts; }
  bool interactive() const override { return is_interactive; }

  std::deque<std::string> lines;
  std::vector<std::string> prompts;
  std::vector<std::string> history;
  int num_interrupts = 0;
  bool is_interactive = true;
};

using Strings = std::vector<std::string>;

class ShellTest : public ::testing::Test {
 protected:
  ShellTest() {
    runner_["SELECT n"] = NumbersOutcome();
    runner_["SELECT\nn"] = NumbersOutcome();
    runner_["SELECT labl"].status = UnknownColumn(7);
  }

  int Run(std::deque<std::string> lines) {
    line_reader_.lines = std::move(lines);
    const Console console{.out = out_, .err = err_};
    ScriptRunner script_runner(runner_, console, {});
    Shell shell(script_runner, line_reader_, console, "w");
    return shell.Run();
  }

  FakeStatementRunner runner_;
  FakeLineReader line_reader_;
  StringSink out_;
  StringSink err_;
};

TEST_F(ShellTest, RunsStatementsAtTheirSemicolon) {
  EXPECT_EQ(Run({"SELECT", "n;", "SELECT n; SELECT n;"}), 0);
  EXPECT_EQ(runner_.statements(), (Strings{"SELECT\nn", "SELECT n", "SELECT n"}));
  EXPECT_EQ(line_reader_.prompts, (Strings{"w=> ", "w-> ", "w=> ", "w=> "}));
  EXPECT_EQ(line_reader_.history, (Strings{"SELECT\nn;", "SELECT n; SELECT n;"}));
}

TEST_F(ShellTest, PromptShowsTransactionsAndQuotes) {
  Run({"BEGIN;", "SELECT labl;", "ROLLBACK;", "SELECT 'a", "\"", "^C", "SELECT \"a", "^C", "/* a",
       "^C"});
  EXPECT_EQ(line_reader_.prompts, (Strings{"w=> ", "w=*> ", "w=!> ", "w=> ", "w'> ", "w'> ", "w=> ",
                                           "w\"> ", "w=> ", "w*> ", "w=> "}));
}

TEST_F(ShellTest, CtrlCDropsTheStatementBegun) {
  Run({"SELECT labl", "^C", "SELECT n;"});
  EXPECT_EQ(runner_.statements(), Strings{"SELECT n"});
  EXPECT_EQ(line_reader_.history, Strings{"SELECT n;"});
}

TEST_F(ShellTest, GoesOnAfterAnError) {
  EXPECT_EQ(Run({"SELECT labl;", "SELECT n;"}), 0);
  EXPECT_NE(err_.text.find("42703"), std::string::npos);
  EXPECT_NE(out_.text.find("(2 rows)"), std::string::npos);
}

TEST_F(ShellTest, FailsWithoutAPersonWhenAStatementFailed) {
  line_reader_.is_interactive = false;
  EXPECT_EQ(Run({"SELECT labl;", "SELECT n"}), 1);
  EXPECT_NE(out_.text.find("(2 rows)"), std::string::npos) << "the last one needs no semicolon";
}

TEST_F(ShellTest, WarnsOfATransactionLeftOpen) {
  Run({"BEGIN;", "\\q", "SELECT n;"});
  EXPECT_EQ(runner_.statements(), Strings{"BEGIN"});
  EXPECT_NE(err_.text.find("WARNING:  the transaction still open"), std::string::npos);
}

TEST_F(ShellTest, CommandsChangeTheDisplay) {
  Run({"\\x", "SELECT n;", "\\x off", "\\timing on", "SELECT n;", "\\timing maybe"});
  EXPECT_NE(out_.text.find("-[ RECORD 2 ]-"), std::string::npos);
  EXPECT_NE(out_.text.find("(2 rows)"), std::string::npos);
  EXPECT_NE(err_.text.find("Expanded display is on."), std::string::npos);
  EXPECT_NE(err_.text.find("Timing is on.\nTime: "), std::string::npos);
  EXPECT_NE(err_.text.find("\\timing takes on or off"), std::string::npos);
}

TEST_F(ShellTest, CommandsWorkBetweenStatementsOnly) {
  Run({"SELECT", "\\q", ";", "\\q"});
  EXPECT_EQ(runner_.statements(), Strings{"SELECT\n\\q"});
}

TEST_F(ShellTest, CatalogCommandsAreSelects) {
  const std::string query = *QueryOf({.name = "dm", .arguments = {}});
  runner_[query] = NumbersOutcome();
  Run({"\\dm"});
  EXPECT_NE(out_.text.find("(2 rows)"), std::string::npos);
  Run({"\\dz", "\\dm a", "\\i", "\\i no/such/file"});
  EXPECT_NE(err_.text.find("invalid command \\dz"), std::string::npos);
  EXPECT_NE(err_.text.find("too many arguments for \\dm"), std::string::npos);
  EXPECT_NE(err_.text.find("\\i needs the name of a file"), std::string::npos);
  EXPECT_NE(err_.text.find("cannot open no/such/file"), std::string::npos);
}

TEST_F(ShellTest, DescribesATable) {
  runner_["SELECT * FROM \"my table\" LIMIT 0"].columns = {
      {"id", ValueType::kText}, {"x", ValueType::kNull}, {"since", ValueType::kText}};
  FakeOutcome& given =
      runner_["SELECT name, type FROM columns WHERE \"table\" = 'my table' COLLATE NOCASE"];
  given.columns = {{"name", ValueType::kText}, {"type", ValueType::kText}};
  given.rows = {{Value::Text("since"), Value::Text("TIMESTAMP")}};
  Run({"\\d documents"});
  EXPECT_NE(err_.text.find("syntax error"), std::string::npos) << "the engine's own error";
  EXPECT_EQ(err_.text.find("LINE"), std::string::npos) << "nobody typed that statement";
  const Result<std::string> too_many = QueryOf({.name = "d", .arguments = {"my", "table"}});
  EXPECT_FALSE(too_many.ok());
  const Console console{.out = out_, .err = err_};
  ScriptRunner script_runner(runner_, console, {});
  EXPECT_TRUE(script_runner.Describe("my table").ok());
  EXPECT_EQ(
      out_.text,
      " column |   type\n--------+-----------\n id     | TEXT\n x      |\n since  | TIMESTAMP\n"
      "(3 rows)\n");
}

TEST_F(ShellTest, HelpNamesEveryCommand) {
  Run({"help"});
  for (const char* command :
       {"\\q", "\\?", "\\d", "\\dt", "\\dm", "\\dr", "\\dj", "\\timing", "\\x", "\\i"}) {
    EXPECT_NE(out_.text.find(command), std::string::npos) << command;
  }
}

TEST_F(ShellTest, InterruptWakesTheReaderWhenNothingRuns) {
  const Console console{.out = out_, .err = err_};
  ScriptRunner script_runner(runner_, console, {});
  Shell shell(script_runner, line_reader_, console, "w");
  shell.Interrupt();
  EXPECT_EQ(line_reader_.num_interrupts, 1);
  EXPECT_FALSE(runner_.cancelled());
}

TEST(ShellCommandTest, CutsWords) {
  const auto command = ParseShellCommand("  \\d  documents ; ");
  ASSERT_TRUE(command);
  EXPECT_EQ(command->name, "d");
  EXPECT_EQ(command->arguments, Strings{"documents"});
  EXPECT_EQ(ParseShellCommand("\\dt;")->name, "dt");
  EXPECT_EQ(ParseShellCommand("quit")->name, "q");
  EXPECT_EQ(ParseShellCommand("exit;")->name, "q");
  EXPECT_EQ(ParseShellCommand("help")->name, "?");
  EXPECT_FALSE(ParseShellCommand("help me"));
  EXPECT_FALSE(ParseShellCommand("SELECT 1;"));
  EXPECT_FALSE(ParseShellCommand("   "));
}

}  // namespace
}  // namespace dashi
