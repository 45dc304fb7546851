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
  Shell shell(runner, **line_reader, console, "w");
  const auto watcher = SignalWatcher::Start({SIGINT}, [&shell] { shell.Interrupt(); });
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

}  // namespace
}  // namespace dashi
