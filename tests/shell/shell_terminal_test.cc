// The shell as a person has it: keys typed into a real pseudo-terminal, and what it shows.

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "sql/shell/console.h"
#include "sql/shell/line_reader.h"
#include "sql/shell/name_source.h"
#include "sql/shell/script_runner.h"
#include "sql/shell/shell.h"
#include "sql/shell/signal_watcher.h"
#include "tests/shell/fake_statement_runner.h"
#include "tests/shell/terminal.h"

namespace dashi {
namespace {

// What the child process runs: the shell over a fake engine, put together as the command does it.
int RunFakeShell() {
  FakeStatementRunner engine;
  engine["SELECT n"] = NumbersOutcome();
  engine["SELECT\nn"] = NumbersOutcome();
  engine["SELECT labl"].status = UnknownColumn(7);
  engine["TRAIN MODEL m"].blocked = true;
  engine["SELECT wide"].columns = {{"text", ValueType::kText}};
  engine["SELECT wide"].rows = {{Value::Text(std::string(200, 'x'))}};
  engine["SELECT many"] = NumbersOutcome();
  for (int i = 0; i < 200; ++i) {
    engine["SELECT many"].rows.push_back({Value::Integer(i), Value::Text("many")});
  }
  engine["SELECT endless"] = NumbersOutcome();
  engine["SELECT endless"].endless = true;
  engine["SELECT odd"].columns = {{"text", {}}, {"bytes", {}}};
  engine["SELECT odd"].rows = {
      {Value::Text("\xff\xfe\x1b[2J\a"), Value::Bytes(std::string("\0\x1b......", 8))}};
  Progress report;
  report.operation = "TRAIN MODEL m";
  report.phase = "encoder";
  report.total = 10;
  report.done = 5;
  engine.progress = {report};
  FileSink out(STDOUT_FILENO, "standard output");
  FileSink err(STDERR_FILENO, "standard error");
  const Console console{.out = out,
                        .err = err,
                        .out_is_terminal = ::isatty(STDOUT_FILENO) == 1,
                        .err_is_terminal = ::isatty(STDERR_FILENO) == 1,
                        .color = ColorsWanted()};
  ScriptRunner runner(engine, console, {});
  auto line_reader = OpenReadlineLineReader(DefaultHistoryFile());
  if (!line_reader.ok()) {
    return 91;
  }
  FakeStatementRunner names_engine;
  names_engine["SELECT name FROM tables"].columns = {{"name", {}}};
  names_engine["SELECT name FROM tables"].rows = {{Value::Text("documents")},
                                                  {Value::Text("labels")}};
  names_engine["SELECT * FROM documents LIMIT 0"].columns = {{"id", {}}, {"split", {}}};
  DatabaseNames names(names_engine);
  Shell shell(runner, **line_reader, console, "w");
  shell.CompleteFrom(names);
  const auto watcher =
      SignalWatcher::Start({SIGINT}, [&shell](int /*signal*/) { shell.Interrupt(); });
  return watcher.ok() ? shell.Run() : 92;
}

class ShellTerminalTest : public ::testing::Test {
 protected:
  void SetUp() override {
    state_ = std::filesystem::path(::testing::TempDir()) /
             ("shell_terminal_test_" + std::to_string(::getpid()));
    std::filesystem::remove_all(state_);
    ::setenv("XDG_STATE_HOME", state_.c_str(), 1);
    ::setenv("TERM", "xterm", 1);
    ::setenv("DASHI_PAGER", "", 1);
    ::unsetenv("NO_COLOR");
    ::unsetenv("INPUTRC");
  }
  void TearDown() override { std::filesystem::remove_all(state_); }

  std::string History() const {
    std::stringstream content;
    content << std::ifstream(state_ / "dashi" / "history").rdbuf();
    return content.str();
  }

  std::filesystem::path state_;
};

TEST_F(ShellTerminalTest, RunsStatementsAndLeaves) {
  Terminal terminal(RunFakeShell);
  ASSERT_TRUE(terminal.WaitFor("w=> "));
  terminal.Type("SELECT\r");
  ASSERT_TRUE(terminal.WaitFor("w-> ")) << terminal.shown();
  terminal.Type("n;\r");
  ASSERT_TRUE(terminal.WaitFor("(2 rows)")) << terminal.shown();
  ASSERT_TRUE(terminal.WaitFor("w=> "));
  terminal.Type("\\q\r");
  EXPECT_EQ(terminal.WaitForExit(), 0) << terminal.shown();
}

TEST_F(ShellTerminalTest, CtrlDLeaves) {
  Terminal terminal(RunFakeShell);
  ASSERT_TRUE(terminal.WaitFor("w=> "));
  terminal.Type("\x04");
  EXPECT_EQ(terminal.WaitForExit(), 0);
}

TEST_F(ShellTerminalTest, CtrlCCancelsTheStatementAndKeepsTheShell) {
  Terminal terminal(RunFakeShell);
  ASSERT_TRUE(terminal.WaitFor("w=> "));
  terminal.Type("TRAIN MODEL m;\r");
  ASSERT_TRUE(terminal.WaitFor("encoder [")) << "the progress bar";
  terminal.Type("\x03");
  ASSERT_TRUE(terminal.WaitFor("57014")) << terminal.shown();
  ASSERT_TRUE(terminal.WaitFor("w=> "));
  terminal.Type("SELECT n;\r");
  ASSERT_TRUE(terminal.WaitFor("(2 rows)")) << terminal.shown();
  ASSERT_TRUE(terminal.WaitFor("w=> ")) << "before that, Ctrl-D is the terminal's";
  terminal.Type("\x04");
  EXPECT_EQ(terminal.WaitForExit(), 0);
}

TEST_F(ShellTerminalTest, CtrlCDropsTheLineBeingTyped) {
  Terminal terminal(RunFakeShell);
  ASSERT_TRUE(terminal.WaitFor("w=> "));
  terminal.Type("SELECT labl");
  ASSERT_TRUE(terminal.WaitFor("SELECT labl"));
  terminal.Type("\x03");
  ASSERT_TRUE(terminal.WaitFor("^C")) << terminal.shown();
  ASSERT_TRUE(terminal.WaitFor("w=> "));
  terminal.Type("SELECT\r");
  ASSERT_TRUE(terminal.WaitFor("w-> "));
  terminal.Type("\x03");
  ASSERT_TRUE(terminal.WaitFor("w=> ")) << "the lines before are dropped too";
  terminal.Type("SELECT n;\r");
  ASSERT_TRUE(terminal.WaitFor("(2 rows)")) << terminal.shown();
  EXPECT_EQ(terminal.shown().find("42703"), std::string::npos);
  ASSERT_TRUE(terminal.WaitFor("w=> ")) << "before that, Ctrl-D is the terminal's";
  terminal.Type("\x04");
  EXPECT_EQ(terminal.WaitForExit(), 0);
}

TEST_F(ShellTerminalTest, HistorySurvivesTheShell) {
  {
    Terminal terminal(RunFakeShell);
    ASSERT_TRUE(terminal.WaitFor("w=> "));
    terminal.Type("SELECT\r");
    ASSERT_TRUE(terminal.WaitFor("w-> "));
    terminal.Type("n;\r");
    ASSERT_TRUE(terminal.WaitFor("(2 rows)"));
    ASSERT_TRUE(terminal.WaitFor("w=> ")) << "before that, Ctrl-D is the terminal's";
    terminal.Type("\x04");
    ASSERT_EQ(terminal.WaitForExit(), 0);
  }
  EXPECT_NE(History().find("SELECT\nn;\n"), std::string::npos) << History();
  struct stat status = {};
  ASSERT_EQ(::stat((state_ / "dashi" / "history").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U) << "nobody else may read it";
  Terminal terminal(RunFakeShell);
  ASSERT_TRUE(terminal.WaitFor("w=> "));
  terminal.Type("\x1b[A");  // arrow up
  ASSERT_TRUE(terminal.WaitFor("n;")) << "one entry, not its last line: " << terminal.shown();
  terminal.Type("\r");
  ASSERT_TRUE(terminal.WaitFor("(2 rows)")) << terminal.shown();
  ASSERT_TRUE(terminal.WaitFor("w=> ")) << "before that, Ctrl-D is the terminal's";
  terminal.Type("\x04");
  EXPECT_EQ(terminal.WaitForExit(), 0);
}

TEST_F(ShellTerminalTest, ErrorsAreColouredUnlessNotWanted) {
  {
    Terminal terminal(RunFakeShell);
    ASSERT_TRUE(terminal.WaitFor("w=> "));
    terminal.Type("SELECT labl;\r");
    ASSERT_TRUE(terminal.WaitFor("42703"));
    EXPECT_NE(terminal.shown().find("\x1b[31mERROR:"), std::string::npos) << terminal.shown();
  }
  ::setenv("NO_COLOR", "1", 1);
  Terminal terminal(RunFakeShell);
  ASSERT_TRUE(terminal.WaitFor("w=> "));
  terminal.Type("SELECT labl;\r");
  ASSERT_TRUE(terminal.WaitFor("42703"));
  EXPECT_EQ(terminal.shown().find("\x1b[31m"), std::string::npos);
}

TEST_F(ShellTerminalTest, LongCellsAreCutToTheTerminal) {
  Terminal terminal(RunFakeShell, /*num_columns=*/40);
  ASSERT_TRUE(terminal.WaitFor("w=> "));
  terminal.Type("SELECT wide;\r");
  ASSERT_TRUE(terminal.WaitFor("(1 row)")) << terminal.shown();
  EXPECT_NE(terminal.shown().find("xxx…"), std::string::npos) << terminal.shown();
  EXPECT_EQ(terminal.shown().find(std::string(40, 'x')), std::string::npos);
}

TEST_F(ShellTerminalTest, CommandsWork) {
  Terminal terminal(RunFakeShell);
  ASSERT_TRUE(terminal.WaitFor("w=> "));
  terminal.Type("\\?\r");
  ASSERT_TRUE(terminal.WaitFor("\\timing [on|off]")) << terminal.shown();
  ASSERT_TRUE(terminal.WaitFor("w=> "));
  terminal.Type("\\x\r");
  ASSERT_TRUE(terminal.WaitFor("Expanded display is on."));
  terminal.Type("SELECT n;\r");
  ASSERT_TRUE(terminal.WaitFor("-[ RECORD 2 ]-")) << terminal.shown();
  terminal.Type("BEGIN;\r");
  ASSERT_TRUE(terminal.WaitFor("w=*> ")) << terminal.shown();
  terminal.Type("\x04");
  ASSERT_TRUE(terminal.WaitFor("WARNING:  the transaction still open is rolled back"));
  EXPECT_EQ(terminal.WaitForExit(), 0);
}

TEST_F(ShellTerminalTest, TabCompletes) {
  Terminal terminal(RunFakeShell);
  ASSERT_TRUE(terminal.WaitFor("w=> "));
  terminal.Type("sel\t");
  ASSERT_TRUE(terminal.WaitFor("select ")) << terminal.shown();
  terminal.Type("id from doc\t");
  ASSERT_TRUE(terminal.WaitFor("documents ")) << terminal.shown();
  terminal.Type("\r");
  ASSERT_TRUE(terminal.WaitFor("w-> "));
  terminal.Type("where spl\t");
  ASSERT_TRUE(terminal.WaitFor("split ")) << "the table stands in the line before";
  terminal.Type("\x03");
  ASSERT_TRUE(terminal.WaitFor("w=> "));
  terminal.Type("\\tim\t");
  ASSERT_TRUE(terminal.WaitFor("\\timing ")) << terminal.shown();
  terminal.Type("\r");
  ASSERT_TRUE(terminal.WaitFor("Timing is on.")) << terminal.shown();
  ASSERT_TRUE(terminal.WaitFor("w=> "));
  // Several: all are shown, without a question.
  terminal.Type("\\d\t\t");
  ASSERT_TRUE(terminal.WaitFor("\\dconfig")) << terminal.shown();
  ASSERT_TRUE(terminal.WaitFor("w=> "));
  terminal.Type("t\r");
  ASSERT_TRUE(terminal.WaitFor("syntax error")) << "what the fake knows nothing of";
  ASSERT_TRUE(terminal.WaitFor("w=> "));
  terminal.Type("\x04");
  EXPECT_EQ(terminal.WaitForExit(), 0);
}

TEST_F(ShellTerminalTest, TabCompletesFiles) {
  std::filesystem::create_directories(state_);
  std::ofstream(state_ / "an_input.sql") << "SELECT n;\n";
  Terminal terminal(RunFakeShell);
  ASSERT_TRUE(terminal.WaitFor("w=> "));
  terminal.Type("\\i " + state_.string() + "/an_i\t");
  ASSERT_TRUE(terminal.WaitFor("nput.sql")) << terminal.shown();
  terminal.Type("\r");
  ASSERT_TRUE(terminal.WaitFor("(2 rows)")) << terminal.shown();
  ASSERT_TRUE(terminal.WaitFor("w=> "));
  terminal.Type("\x04");
  EXPECT_EQ(terminal.WaitForExit(), 0);
}

TEST_F(ShellTerminalTest, APastedBlockRunsLineByLine) {
  Terminal terminal(RunFakeShell);
  ASSERT_TRUE(terminal.WaitFor("w=> "));
  // As terminals send it, with a tab that completes nothing.
  terminal.Type("\x1b[200~\\timing on\nSELECT\n\tn;\x1b[201~\r");
  ASSERT_TRUE(terminal.WaitFor("Timing is on.")) << terminal.shown();
  ASSERT_TRUE(terminal.WaitFor("Time: ")) << terminal.shown();
  ASSERT_TRUE(terminal.WaitFor("w=> "));
  terminal.Type("\x04");
  EXPECT_EQ(terminal.WaitForExit(), 0);
}

TEST_F(ShellTerminalTest, WhatIsLongGoesThroughThePager) {
  ::setenv("DASHI_PAGER", "cat; echo THE PAGER", 1);
  Terminal terminal(RunFakeShell);
  ASSERT_TRUE(terminal.WaitFor("w=> "));
  terminal.Type("SELECT n;\r");
  ASSERT_TRUE(terminal.WaitFor("(2 rows)")) << terminal.shown();
  ASSERT_TRUE(terminal.WaitFor("w=> "));
  EXPECT_EQ(terminal.shown().find("THE PAGER"), std::string::npos) << "it fits";
  terminal.Type("SELECT many;\r");
  ASSERT_TRUE(terminal.WaitFor("(202 rows)")) << terminal.shown();
  ASSERT_TRUE(terminal.WaitFor("THE PAGER")) << terminal.shown();
  ASSERT_TRUE(terminal.WaitFor("w=> "));
  terminal.Type("\\pager off\r");
  ASSERT_TRUE(terminal.WaitFor("The pager is off."));
  const std::size_t before = terminal.shown().size();
  terminal.Type("SELECT many;\r");
  ASSERT_TRUE(terminal.WaitFor("(202 rows)"));
  ASSERT_TRUE(terminal.WaitFor("w=> "));
  EXPECT_EQ(terminal.shown().find("THE PAGER", before), std::string::npos);
  terminal.Type("\x04");
  EXPECT_EQ(terminal.WaitForExit(), 0);
}

TEST_F(ShellTerminalTest, LeavingThePagerEndsTheStatement) {
  ::setenv("DASHI_PAGER", "head -n 3", 1);
  Terminal terminal(RunFakeShell);
  ASSERT_TRUE(terminal.WaitFor("w=> "));
  terminal.Type("SELECT endless;\r");
  ASSERT_TRUE(terminal.WaitFor("w=> ")) << terminal.shown();
  EXPECT_EQ(terminal.shown().find("ERROR"), std::string::npos) << terminal.shown();
  terminal.Type("SELECT n;\r");
  ASSERT_TRUE(terminal.WaitFor("(2 rows)")) << terminal.shown();
  ASSERT_TRUE(terminal.WaitFor("w=> "));
  terminal.Type("\x04");
  EXPECT_EQ(terminal.WaitForExit(), 0);
}

TEST_F(ShellTerminalTest, CtrlCInThePagerCancelsTheStatementAndKeepsBoth) {
  // As less does: it ignores Ctrl-C and waits for a key.
  ::setenv("DASHI_PAGER",
           "trap '' INT; echo BEGUN; cat > /dev/null; echo ENDED; read key < /dev/tty", 1);
  Terminal terminal(RunFakeShell);
  ASSERT_TRUE(terminal.WaitFor("w=> "));
  terminal.Type("SELECT endless;\r");
  ASSERT_TRUE(terminal.WaitFor("BEGUN")) << terminal.shown();
  // Pressed again when nothing comes of it: ThreadSanitizer has lost a signal to a thread that does
  // not rest, once in forty runs.
  bool ended = false;
  for (int i = 0; i < 20 && !ended; ++i) {
    terminal.Type("\x03");
    ended = terminal.WaitFor("ENDED", 3000);
  }
  ASSERT_TRUE(ended) << terminal.shown();
  EXPECT_EQ(terminal.shown().find("57014"), std::string::npos) << "told behind the pager";
  terminal.Type("\x03");  // nothing runs now
  terminal.Type("q\r");
  ASSERT_TRUE(terminal.WaitFor("57014")) << terminal.shown();
  ASSERT_TRUE(terminal.WaitFor("w=> "));
  terminal.Type("SELECT n;\r");
  ASSERT_TRUE(terminal.WaitFor("(2 rows)")) << terminal.shown();
  ASSERT_TRUE(terminal.WaitFor("w=> "));
  terminal.Type("\x04");
  EXPECT_EQ(terminal.WaitForExit(), 0);
}

TEST_F(ShellTerminalTest, APagerThatIsNotThereIsExplained) {
  ::setenv("DASHI_PAGER", "no-such-pager-anywhere", 1);
  Terminal terminal(RunFakeShell);
  ASSERT_TRUE(terminal.WaitFor("w=> "));
  terminal.Type("SELECT many;\r");
  ASSERT_TRUE(terminal.WaitFor("cannot run the pager: no-such-pager-anywhere")) << terminal.shown();
  ASSERT_TRUE(terminal.WaitFor("w=> "));
  terminal.Type("\x04");
  EXPECT_EQ(terminal.WaitForExit(), 0);
}

TEST_F(ShellTerminalTest, CtrlCEndsWatch) {
  Terminal terminal(RunFakeShell);
  ASSERT_TRUE(terminal.WaitFor("w=> "));
  terminal.Type("SELECT n \\watch 0.01\r");
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(terminal.WaitFor("(2 rows)")) << terminal.shown();
  }
  terminal.Type("\x03");
  ASSERT_TRUE(terminal.WaitFor("w=> ")) << terminal.shown();
  terminal.Type("SELECT n \\watch 10000\r");
  ASSERT_TRUE(terminal.WaitFor("(2 rows)")) << terminal.shown();
  terminal.Type("\x03");
  ASSERT_TRUE(terminal.WaitFor("w=> ")) << "while it waits";
  terminal.Type("SELECT n;\r");
  ASSERT_TRUE(terminal.WaitFor("(2 rows)")) << terminal.shown();
  ASSERT_TRUE(terminal.WaitFor("w=> "));
  terminal.Type("\x04");
  EXPECT_EQ(terminal.WaitForExit(), 0);
}

TEST_F(ShellTerminalTest, CtrlCEndsAFileAndKeepsTheShell) {
  std::filesystem::create_directories(state_);
  std::ofstream(state_ / "slow.sql") << "TRAIN MODEL m;\nSELECT n;\n";
  Terminal terminal(RunFakeShell);
  ASSERT_TRUE(terminal.WaitFor("w=> "));
  terminal.Type("\\i " + (state_ / "slow.sql").string() + "\r");
  ASSERT_TRUE(terminal.WaitFor("encoder [")) << terminal.shown();
  terminal.Type("\x03");
  ASSERT_TRUE(terminal.WaitFor("57014")) << terminal.shown();
  ASSERT_TRUE(terminal.WaitFor("w=> "));
  EXPECT_EQ(terminal.shown().find("(2 rows)"), std::string::npos);
  terminal.Type("SELECT n;\r");
  ASSERT_TRUE(terminal.WaitFor("(2 rows)")) << terminal.shown();
  ASSERT_TRUE(terminal.WaitFor("w=> "));
  terminal.Type("\x04");
  EXPECT_EQ(terminal.WaitForExit(), 0);
}

TEST_F(ShellTerminalTest, ANarrowTerminalIsEnough) {
  Terminal terminal(RunFakeShell, /*num_columns=*/20);
  ASSERT_TRUE(terminal.WaitFor("w=> "));
  terminal.Type("SELECT odd;\r");
  ASSERT_TRUE(terminal.WaitFor("\\x1B[2J")) << "nothing that a terminal obeys";
  ASSERT_TRUE(terminal.WaitFor("\\x001b")) << terminal.shown();
  EXPECT_EQ(terminal.shown().find("\x1b[2J"), std::string::npos);
  ASSERT_TRUE(terminal.WaitFor("w=> "));
  terminal.Type("TRAIN MODEL m;\r");
  ASSERT_TRUE(terminal.WaitFor("TRAIN MODEL m: enc")) << terminal.shown();
  terminal.Type("\x03");
  ASSERT_TRUE(terminal.WaitFor("57014")) << terminal.shown();
  ASSERT_TRUE(terminal.WaitFor("w=> "));
  terminal.Type("\x04");
  EXPECT_EQ(terminal.WaitForExit(), 0);
}

}  // namespace
}  // namespace dashi
