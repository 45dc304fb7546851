#include "sql/shell/shell.h"

#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "sql/shell/password_text.h"
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
    runner_["COPY t FROM STDIN"].reads_input = true;
    runner_["COPY t FROM STDIN"].tag = "COPY 1";
    runner_["COPY t FROM 'stdin'"].tag = "COPY 0";
    runner_["COPY t TO STDOUT"].written = "a\tb\n";
    runner_["COPY t TO STDOUT"].tag = "COPY 1";
  }

  int Run(std::deque<std::string> lines) {
    line_reader_.lines = std::move(lines);
    const Console console{.out = out_, .err = err_};
    ScriptRunner script_runner(runner_, console, {});
    Shell shell(script_runner, line_reader_, console, "w");
    return shell.Run();
  }

  static std::string Path(const std::string& name) {
    return ::testing::TempDir() + "shell_test_" + std::to_string(::getpid()) + "_" + name;
  }
  static std::size_t Count(const std::string& text, const std::string& piece) {
    std::size_t count = 0;
    for (std::size_t at = 0; (at = text.find(piece, at)) != std::string::npos; ++at) {
      ++count;
    }
    return count;
  }
  static std::string Content(const std::string& path) {
    std::stringstream content;
    content << std::ifstream(path).rdbuf();
    return content.str();
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

TEST_F(ShellTest, PasswordsStayOutOfTheHistory) {
  Run({"create role ann PASSWORD 'secret';", "ALTER USER ann", "  PassWord 'x';", "SELECT n;"});
  EXPECT_EQ(line_reader_.history, Strings{"SELECT n;"});
  EXPECT_TRUE(MayHoldPassword("CREATE ROLE a PASSWORD E'x'"));
  EXPECT_FALSE(MayHoldPassword("ALTER ROLE a PASSWORD NULL"));
  EXPECT_FALSE(MayHoldPassword("SELECT 'x', password"));
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
  EXPECT_NE(err_.text.find("Expanded display is off."), std::string::npos);
  EXPECT_NE(err_.text.find("Timing is on.\nTime: "), std::string::npos);
  EXPECT_NE(err_.text.find("\\timing takes on or off"), std::string::npos);
}

TEST_F(ShellTest, CommandsWorkInsideStatements) {
  Run({"SELECT", "\\timing on", "n;", "SELECT n \\q", "SELECT n;"});
  EXPECT_EQ(runner_.statements(), Strings{"SELECT\n\nn"}) << "and \\q leaves";
}

TEST_F(ShellTest, WordsOfOtherShellsAreExplained) {
  Run({"SELECT", "quit", ";", "quit", "SELECT n;"});
  EXPECT_NE(err_.text.find("Use \\q to leave"), std::string::npos) << err_.text;
  EXPECT_EQ(runner_.statements(), Strings{"SELECT\nquit"});
}

TEST_F(ShellTest, PastedLinesAreSeveral) {
  Run({"\\timing on\nSELECT n;\n\\x\nSELECT\nn;"});
  EXPECT_EQ(runner_.statements(), (Strings{"SELECT n", "SELECT\nn"}));
  EXPECT_NE(err_.text.find("Timing is on."), std::string::npos);
  EXPECT_NE(out_.text.find("-[ RECORD 2 ]-"), std::string::npos);
  EXPECT_EQ(line_reader_.history, Strings{"\\timing on\nSELECT n;\n\\x\nSELECT\nn;"});
}

TEST_F(ShellTest, GRunsWhatWasBegunOrTheLastAgain) {
  Run({"\\g", "SELECT n \\g", "\\g", "\\gx", "SELECT labl \\g"});
  EXPECT_NE(err_.text.find("there is no statement to run"), std::string::npos);
  EXPECT_EQ(runner_.statements(), (Strings{"SELECT n", "SELECT n", "SELECT n", "SELECT labl"}));
  EXPECT_NE(out_.text.find("-[ RECORD 2 ]-"), std::string::npos) << "\\gx";
  EXPECT_NE(err_.text.find("42703"), std::string::npos);
}

TEST_F(ShellTest, TheBufferIsShownAndDropped) {
  Run({"SELECT", "\\p", "\\r", "SELECT n;", "\\p"});
  EXPECT_EQ(runner_.statements(), Strings{"SELECT n"});
  EXPECT_EQ(err_.text, "SELECT\nThe statement begun is dropped.\nSELECT n\n");
}

TEST_F(ShellTest, WatchRunsAgainAndAgain) {
  Run({"SELECT n \\watch 0 c=3", "\\watch i=0.001 c=2"});
  EXPECT_EQ(runner_.statements().size(), 5U);
  EXPECT_NE(err_.text.find("UTC (every 0 s)"), std::string::npos) << err_.text;
  Run({"SELECT labl \\watch 0 c=9"});
  EXPECT_EQ(runner_.statements().size(), 6U) << "an error ends it";
}

TEST_F(ShellTest, WatchTellsMistakes) {
  Run({"\\watch", "SELECT n \\watch soon", "\\r", "\\watch -1", "\\watch c=0", "\\watch 100000",
       "\\watch nan"});
  EXPECT_NE(err_.text.find("there is no statement to run"), std::string::npos);
  EXPECT_NE(err_.text.find("not a number that is 0 or above: soon"), std::string::npos);
  EXPECT_NE(err_.text.find("not a number that is 0 or above: -1"), std::string::npos);
  EXPECT_NE(err_.text.find("not a number that is 0 or above: nan"), std::string::npos);
  EXPECT_NE(err_.text.find("c= takes how often"), std::string::npos);
  EXPECT_NE(err_.text.find("a day at most"), std::string::npos);
  EXPECT_EQ(runner_.statements(), Strings{});
}

TEST_F(ShellTest, OSendsRowsToAFile) {
  const std::string path = Path("o");
  Run({"\\o " + path, "SELECT n;", "SELECT n;", "\\o", "SELECT n;"});
  EXPECT_EQ(Count(Content(path), "(2 rows)"), 2U) << Content(path);
  EXPECT_EQ(Count(out_.text, "(2 rows)"), 1U);
  Run({"\\o |cat > " + path, "SELECT n;"});
  EXPECT_NE(Content(path).find("(2 rows)"), std::string::npos) << "also at the end of the shell";
}

TEST_F(ShellTest, OThatCannotBeIsExplained) {
  Run({"\\o no/such/folder/x", "SELECT n;", "\\o " + ::testing::TempDir(), "SELECT n;",
       "\\o /dev/full", "SELECT n;", "\\o", "SELECT n;"});
  EXPECT_NE(err_.text.find("cannot open no/such/folder/x: No such file"), std::string::npos)
      << err_.text;
  EXPECT_NE(err_.text.find("Is a directory"), std::string::npos) << err_.text;
  EXPECT_NE(err_.text.find("cannot write to /dev/full: No space left"), std::string::npos)
      << err_.text;
  EXPECT_EQ(Count(out_.text, "(2 rows)"), 3U) << "all but the one to /dev/full came here";
}

TEST_F(ShellTest, GSendsOneResultToAFile) {
  const std::string path = Path("g");
  Run({"SELECT n \\g " + path, "SELECT n;", "SELECT n \\g |cat >> " + path});
  EXPECT_EQ(Count(out_.text, "(2 rows)"), 1U);
  EXPECT_EQ(Count(Content(path), "(2 rows)"), 2U);
}

TEST_F(ShellTest, GdescDescribesTheQueryAndLeavesIt) {
  runner_["DESCRIBE SELECT n"] = NumbersOutcome();
  Run({"SELECT n \\gdesc", "\\g", "\\gdesc"});
  EXPECT_EQ(runner_.statements(), (Strings{"DESCRIBE SELECT n", "SELECT n", "DESCRIBE SELECT n"}));
}

TEST_F(ShellTest, CopyWritesWholeFiles) {
  const std::string path = Path("copy") + ".csv";
  runner_["SELECT * FROM labels"] = NumbersOutcome();
  runner_["SELECT midway"] = NumbersOutcome();
  runner_["SELECT midway"].status_midway = Status::IoError("disk gone");
  Run({"\\copy labels TO " + path, "\\copy (SELECT midway) TO " + path,
       "\\copy (SELECT n) TO STDOUT csv"});
  EXPECT_EQ(Content(path), "n,name\n1,one\n2,two\n") << "the failed one left it alone";
  EXPECT_EQ(out_.text, "n,name\n1,one\n2,two\n");
  EXPECT_NE(err_.text.find("COPY 2\n"), std::string::npos);
  EXPECT_NE(err_.text.find("disk gone"), std::string::npos);
  std::error_code error;
  EXPECT_FALSE(
      std::filesystem::exists(path + ".dashi-partial-" + std::to_string(::getpid()), error));
  Run({"\\copy labels FROM 'x.csv' (HEADER)", "\\copy labels TO no/such/folder/x.csv"});
  EXPECT_EQ(runner_.statements().back(), "COPY labels FROM 'x.csv' WITH (HEADER)");
  EXPECT_NE(err_.text.find("cannot open no/such/folder/x.csv"), std::string::npos) << err_.text;
}

TEST_F(ShellTest, CopyFromInputReadsTheLinesBehindIt) {
  EXPECT_EQ(Run({"COPY t FROM STDIN; SELECT n;", "a\tone", "quit", "\\q", "", "SELECT n;", "\\.",
                 "SELECT n;"}),
            0);
  EXPECT_EQ(runner_.input(), "a\tone\nquit\n\\q\n\nSELECT n;\n");
  EXPECT_EQ(runner_.statements(), (Strings{"COPY t FROM STDIN", "SELECT n", "SELECT n"}));
  EXPECT_EQ(line_reader_.prompts,
            (Strings{"w=> ", ">> ", ">> ", ">> ", ">> ", ">> ", ">> ", "w=> ", "w=> "}));
  EXPECT_EQ(line_reader_.history, (Strings{"COPY t FROM STDIN; SELECT n;", "SELECT n;"}))
      << "data are no statements";
  EXPECT_NE(err_.text.find("\\. alone"), std::string::npos) << err_.text;
  EXPECT_NE(err_.text.find("COPY 1\n"), std::string::npos) << err_.text;
}

// A terminal hands a pasted text over as one line.
TEST_F(ShellTest, DataMayBePastedWithTheStatement) {
  Run({"COPY t FROM STDIN; SELECT n;\na\nb\n\\.\nSELECT\nn;\n\\copy t from stdin\nc", "d", "\\.",
       "SELECT n;"});
  EXPECT_EQ(runner_.input(), "a\nb\nc\nd\n");
  EXPECT_EQ(runner_.statements(), (Strings{"COPY t FROM STDIN", "SELECT n", "SELECT\nn",
                                           "COPY t FROM STDIN", "SELECT n"}));
}

TEST_F(ShellTest, TheBackslashCopyReadsThemToo) {
  Run({"\\copy t FROM STDIN", "a", "\\.", "\\copy t FROM pstdin;", "b"});
  EXPECT_EQ(runner_.input(), "a\nb\n");
  EXPECT_EQ(runner_.statements(), (Strings{"COPY t FROM STDIN", "COPY t FROM STDIN"}));
  Run({"\\copy t FROM 'stdin'", "SELECT n;"});
  EXPECT_EQ(runner_.statements()[2], "COPY t FROM 'stdin'");
}

TEST_F(ShellTest, DataThatAFailedCopyDidNotReadAreNoStatements) {
  Run({"COPY t FROM STDIN;", "a!", "SELECT labl;", "\\.", "SELECT n;"});
  EXPECT_EQ(runner_.statements(), Strings{"SELECT n"});
  EXPECT_NE(err_.text.find("22P04"), std::string::npos) << err_.text;
  EXPECT_EQ(err_.text.find("42703"), std::string::npos) << err_.text;
}

// A COPY that does not begin, as of a table that is not there, has its data behind it all the same.
TEST_F(ShellTest, DataOfARefusedCopyAreNoStatements) {
  line_reader_.is_interactive = false;
  Run({"COPY none FROM STDIN;", "SELECT labl;", "\\.", "SELECT n;"});
  EXPECT_EQ(runner_.statements(), (Strings{"COPY none FROM STDIN", "SELECT n"}));
  line_reader_.is_interactive = true;
  Run({"COPY none FROM STDIN;\nSELECT labl;\n\\.\nSELECT n;"});
  EXPECT_EQ(runner_.statements().back(), "SELECT n");
  EXPECT_EQ(runner_.statements().size(), 4U);
  Run({"COPY none FROM STDIN;", "SELECT n;"});
  EXPECT_EQ(runner_.statements().back(), "SELECT n") << "nothing was typed behind it";
  EXPECT_EQ(runner_.statements().size(), 6U);
}

TEST_F(ShellTest, CtrlCEndsTheDataAndTheCopy) {
  Run({"COPY t FROM STDIN;", "a", "^C", "SELECT n;"});
  EXPECT_EQ(runner_.statements(), Strings{"SELECT n"});
  EXPECT_NE(err_.text.find("57014"), std::string::npos) << err_.text;
}

TEST_F(ShellTest, FilesMayHoldData) {
  const std::string path = Path("data");
  std::ofstream(path) << "COPY t FROM STDIN;\na\n\\.\r\nSELECT n;\n\\copy t from stdin\nb\n";
  Run({"\\i " + path, "SELECT n;"});
  EXPECT_EQ(runner_.input(), "a\nb\n");
  EXPECT_EQ(runner_.statements(),
            (Strings{"COPY t FROM STDIN", "SELECT n", "COPY t FROM STDIN", "SELECT n"}));
  std::ofstream(path) << "COPY t FROM STDIN;\nx\ny\n\\.\nSELECT labl;\n";
  Run({"\\i " + path});
  EXPECT_NE(err_.text.find(path + ":5: ERROR"), std::string::npos) << err_.text;
  std::ofstream(path) << "\\copy t from pstdin\n";
  Run({"\\i " + path, "from the shell", "\\.", "SELECT n;"});
  EXPECT_EQ(runner_.input(), "a\nb\nx\ny\nfrom the shell\n");
}

TEST_F(ShellTest, CopyToOutputGoesWhereRowsGo) {
  const std::string path = Path("to_output");
  Run({"COPY t TO STDOUT;", "COPY t TO STDOUT \\g " + path});
  EXPECT_EQ(out_.text, "a\tb\n");
  EXPECT_EQ(Content(path), "a\tb\n");
  EXPECT_EQ(err_.text, "COPY 1\nCOPY 1\n");
}

TEST_F(ShellTest, FilesMayHoldCommands) {
  const std::string inner = Path("inner");
  const std::string outer = Path("outer");
  std::ofstream(inner) << "SELECT n;\n";
  std::ofstream(outer) << "\\x\n\\i '" << inner << "'\nSELECT\nn";
  Run({"\\i " + outer, "SELECT n;"});
  EXPECT_EQ(runner_.statements(), (Strings{"SELECT n", "SELECT\nn", "SELECT n"}));
  std::ofstream(outer) << "SELECT n;\n\nSELECT labl;\nSELECT n;\n";
  Run({"\\i " + outer, "SELECT n;"});
  EXPECT_NE(err_.text.find(outer + ":3: ERROR:  column"), std::string::npos) << err_.text;
  EXPECT_EQ(runner_.statements().size(), 6U) << "the file ends at its error, the shell does not";
  std::ofstream(outer) << "SELECT n;\n\\q\nSELECT labl;\n";
  Run({"\\i " + outer, "SELECT n;"});
  EXPECT_EQ(runner_.statements().size(), 8U) << "\\q leaves the file";
  std::ofstream(outer) << "\\i " << outer << "\n";
  Run({"\\i " + outer});
  EXPECT_NE(err_.text.find("nested too deep"), std::string::npos);
  Run({"\\i " + ::testing::TempDir()});
  EXPECT_NE(err_.text.find("Is a directory"), std::string::npos);
}

TEST_F(ShellTest, EditRunsWhatTheEditorLeaves) {
  ::setenv("VISUAL", "printf 'SELECT n;' >", 1);
  Run({"SELECT something", "\\e"});
  EXPECT_EQ(runner_.statements(), Strings{"SELECT n"});
  ::setenv("VISUAL", "sed -i s/labl/n/", 1);
  Run({"SELECT labl;", "\\e", "\\g"});
  EXPECT_EQ(runner_.statements().back(), "SELECT n") << "the last statement, edited";
  ::setenv("VISUAL", "false", 1);
  Run({"\\e"});
  EXPECT_NE(err_.text.find("the editor ended with status 1"), std::string::npos);
  ::unsetenv("VISUAL");
}

TEST_F(ShellTest, FormatsAreChosen) {
  Run({"\\format csv", "SELECT n;", "\\format xml", "\\format"});
  EXPECT_EQ(out_.text, "n,name\n1,one\n2,two\n");
  EXPECT_NE(err_.text.find("Results are shown as csv."), std::string::npos);
  EXPECT_NE(err_.text.find("not a format: xml"), std::string::npos);
}

TEST_F(ShellTest, OtherCommandsOfTheSystem) {
  const std::string path = Path("system");
  Run({"\\! printf 'it''s' > " + path, "\\! exit 3", "\\echo a 'b  c'"});
  EXPECT_EQ(Content(path), "its");
  EXPECT_NE(err_.text.find("the command ended with status 3"), std::string::npos);
  EXPECT_EQ(out_.text, "a b  c\n");
}

TEST_F(ShellTest, WhatPsqlHasAndThisNotIsExplained) {
  Run({"\\l", "\\du", "\\set a b", "\\dz", "\\dm a b", "\\i", "\\i no/such/file", "\\"});
  EXPECT_NE(err_.text.find("invalid command \\l\nHINT:  A shell has one database"),
            std::string::npos)
      << err_.text;
  EXPECT_NE(err_.text.find("There are no roles."), std::string::npos);
  EXPECT_NE(err_.text.find("no variables"), std::string::npos);
  Run({"\\watsch"});
  EXPECT_NE(err_.text.find("Did you mean \\watch?"), std::string::npos) << err_.text;
  EXPECT_NE(err_.text.find("invalid command \\dz\nHINT:  Try \\? for help."), std::string::npos);
  EXPECT_NE(err_.text.find("too many arguments for \\dm"), std::string::npos);
  EXPECT_NE(err_.text.find("\\i needs the name of a file"), std::string::npos);
  EXPECT_NE(err_.text.find("cannot open no/such/file"), std::string::npos);
}

TEST_F(ShellTest, ListsAreStatements) {
  Run({"\\d", "\\dt+", "\\dm m", "\\dm 'my model'", "\\dg", "\\di", "\\dconfig", "\\dr+ m"});
  EXPECT_EQ(runner_.statements(),
            (Strings{"SHOW TABLES", "SHOW TABLES", "SHOW MODEL m", "SHOW MODEL \"my model\"",
                     "SHOW GRAPHS", "SHOW INDEXES", "SHOW SETTINGS",
                     "SELECT * FROM releases WHERE model = 'm' ORDER BY model, number"}));
}

TEST_F(ShellTest, DescribesATable) {
  FakeOutcome& tables = runner_["SELECT name FROM tables"];
  tables.columns = {{"name", ValueType::kText}};
  tables.rows = {{Value::Text("my table")}};
  runner_["SELECT * FROM \"my table\" LIMIT 0"].columns = {
      {"id", ValueType::kText}, {"x", ValueType::kNull}, {"since", ValueType::kText}};
  FakeOutcome& given =
      runner_["SELECT name, type FROM columns WHERE \"table\" = 'my table' COLLATE NOCASE"];
  given.columns = {{"name", ValueType::kText}, {"type", ValueType::kText}};
  given.rows = {{Value::Text("since"), Value::Text("TIMESTAMP")}};
  FakeOutcome& indexes = runner_
      ["SELECT name, \"column\", state FROM indexes WHERE \"table\" = "
       "'my table' COLLATE NOCASE ORDER BY name"];
  indexes.columns = {{"name", {}}, {"column", {}}, {"state", {}}};
  indexes.rows = {{Value::Text("i"), Value::Text("since"), Value::Text("ready")}};
  Run({"\\d \"my table\"", "\\d mytable"});
  EXPECT_EQ(
      out_.text,
      " column |   type\n--------+-----------\n id     | TEXT\n x      |\n since  | TIMESTAMP\n"
      "(3 rows)\nIndexes:\n    i (since), ready\n");
  EXPECT_NE(err_.text.find("there is no such table: mytable"), std::string::npos) << err_.text;
  EXPECT_NE(err_.text.find("my table\"."), std::string::npos) << "the nearest name: " << err_.text;
}

TEST_F(ShellTest, DrawsHowAJobLearned) {
  runner_["SELECT * FROM jobs WHERE id = 3"] = NumbersOutcome();
  FakeOutcome& epochs = runner_["SELECT stage, epoch, loss FROM job_metrics(3)"];
  epochs.columns = {{"stage", {}}, {"epoch", {}}, {"loss", {}}};
  for (int i = 1; i <= 4; ++i) {
    epochs.rows.push_back({Value::Text("encoder"), Value::Integer(i), Value::Real(5.0 - i)});
  }
  epochs.rows.push_back({Value::Text("classifier"), Value::Integer(1), Value::Real(1)});
  runner_["SELECT * FROM jobs WHERE id = 4"].columns = {{"id", {}}};
  Run({"\\dj 3", "\\dj 4", "\\dj x"});
  EXPECT_NE(out_.text.find("-[ RECORD 1 ]-"), std::string::npos);
  EXPECT_NE(out_.text.find("\nencoder: loss by epoch\n 4 |████\n"), std::string::npos) << out_.text;
  EXPECT_EQ(out_.text.find("classifier: loss"), std::string::npos) << "one epoch is no curve";
  EXPECT_NE(err_.text.find("there is no such job: 4"), std::string::npos) << err_.text;
  out_.text.clear();
  Run({"\\format csv", "\\dj 3"});
  EXPECT_EQ(out_.text, "n,name\n1,one\n2,two\n") << "no pictures among rows";
}

TEST_F(ShellTest, DrawsHowPreciseAReleaseIs) {
  runner_["SELECT * FROM releases WHERE name = 'm@1'"] = NumbersOutcome();
  FakeOutcome& figures = runner_
      ["SELECT split, slice, k, value, low, high, max(id) FROM evaluations WHERE release = 'm@1' "
       "AND metric = 'P' AND k <= 5 AND documents > 0 GROUP BY split, slice, k "
       "ORDER BY split, k, instr('all head torso tail new', slice)"];
  figures.columns = {{"split", {}}, {"slice", {}}, {"k", {}}, {"value", {}},
                     {"low", {}},   {"high", {}},  {"id", {}}};
  figures.rows = {{Value::Text("test"), Value::Text("head"), Value::Integer(1), Value::Real(0.5),
                   Value::Real(0.4), Value::Real(0.6), Value::Integer(1)},
                  {Value::Text("test"), Value::Text("tail"), Value::Integer(1), Value::Real(0.25),
                   Value::Null(), Value::Null(), Value::Integer(2)}};
  Run({"\\dr m@1"});
  EXPECT_NE(out_.text.find("\nprecision on 'test'\n P@1 head  ██"), std::string::npos) << out_.text;
  EXPECT_NE(out_.text.find("  0.500  0.400 to 0.600\n P@1 tail  ██"), std::string::npos);
}

TEST_F(ShellTest, HelpNamesEveryCommand) {
  Run({"help"});
  for (const std::string& command : Shell::CommandNames()) {
    EXPECT_NE(out_.text.find("  \\" + command), std::string::npos) << command;
  }
  for (std::size_t begin = 0; begin < out_.text.size();) {
    const std::size_t end = out_.text.find('\n', begin);
    EXPECT_LE(end - begin, 100U) << out_.text.substr(begin, end - begin);
    begin = end + 1;
  }
}

TEST_F(ShellTest, EveryCommandIsUnderstood) {
  ::setenv("VISUAL", "true", 1);
  for (const std::string& command : Shell::CommandNames()) {
    if (command != "!") {
      Run({"\\" + command});
    }
  }
  ::unsetenv("VISUAL");
  EXPECT_EQ(err_.text.find("invalid command"), std::string::npos) << err_.text;
}

TEST_F(ShellTest, SyntaxOfStatements) {
  Run({"\\h", "\\h train", "\\h drop", "\\h TRAIN MODEL m", "\\h nonsense"});
  EXPECT_NE(out_.text.find("EVALUATE MODEL"), std::string::npos) << "in the list";
  EXPECT_NE(out_.text.find("\nTRAIN MODEL name [WITH"), std::string::npos);
  EXPECT_NE(out_.text.find("DROP RELEASE [IF EXISTS] model@n"), std::string::npos);
  EXPECT_NE(err_.text.find("no statement begins with nonsense"), std::string::npos);
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
  ASSERT_TRUE(command.ok());
  EXPECT_EQ(command->name, "d");
  EXPECT_EQ(command->arguments, Strings{"documents"});
  EXPECT_EQ(ParseShellCommand("\\dt;")->name, "dt");
  EXPECT_EQ(ParseShellCommand("\\dt+")->name, "dt+");
  EXPECT_EQ(ParseShellCommand("\\?")->name, "?");
  EXPECT_EQ(ParseShellCommand("\\")->name, "");
  const auto system = ParseShellCommand("\\!ls 'a b\"");
  ASSERT_TRUE(system.ok()) << "its quotes are not ours";
  EXPECT_EQ(system->name, "!");
  EXPECT_EQ(system->rest, "ls 'a b\"");
  EXPECT_EQ(ParseShellCommand("\\o |sort -n")->rest, "|sort -n");
}

TEST(ShellCommandTest, QuotesKeepBlanks) {
  EXPECT_EQ(ParseShellCommand("\\i 'it''s a file.sql' x")->arguments,
            (Strings{"it's a file.sql", "x"}));
  EXPECT_EQ(ParseShellCommand("\\d \"On \"\"Sale\"")->arguments, Strings{"On \"Sale"});
  const auto open = ParseShellCommand("\\i 'file");
  EXPECT_FALSE(open.ok());
  EXPECT_EQ(open.status().message(), "a quote is not closed: '");
}

}  // namespace
}  // namespace dashi
