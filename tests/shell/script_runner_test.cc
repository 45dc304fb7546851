#include "sql/shell/script_runner.h"

#include <fcntl.h>
#include <fstream>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include "sql/shell/script_input.h"
#include "tests/shell/fake_statement_runner.h"
#include "tests/shell/string_sink.h"

namespace dashi {
namespace {

class ScriptRunnerTest : public ::testing::Test {
 protected:
  ScriptRunnerTest() {
    runner_["SELECT n"] = NumbersOutcome();
    runner_["CREATE MODEL m"].tag = "CREATE MODEL";
    runner_["SELECT labl"].status = UnknownColumn(7);
  }

  ScriptRunner Make(OutputFormat format = OutputFormat::kCsv, bool err_is_terminal = false) {
    ScriptRunner::Options options;
    options.format = format;
    return ScriptRunner(
        runner_, Console{.out = out_, .err = err_, .err_is_terminal = err_is_terminal}, options);
  }

  std::string WriteFile(const std::string& content) {
    std::string path = ::testing::TempDir() + "script_runner_test_" + std::to_string(::getpid());
    std::ofstream(path) << content;
    return path;
  }

  FakeStatementRunner runner_;
  StringSink out_;
  StringSink err_;
};

TEST_F(ScriptRunnerTest, RowsGoToOutAndTagsToErr) {
  ScriptRunner runner = Make();
  EXPECT_TRUE(runner.RunScript("CREATE MODEL m; SELECT n", "").ok());
  EXPECT_EQ(out_.text, "n,name\n1,one\n2,two\n");
  EXPECT_EQ(err_.text, "CREATE MODEL\n");
}

TEST_F(ScriptRunnerTest, NoticesGoToErr) {
  runner_["COPY"].notices = {"3 rows skipped"};
  runner_["COPY"].tag = "COPY 7";
  ScriptRunner runner = Make();
  EXPECT_TRUE(runner.RunScript("COPY", "").ok());
  EXPECT_EQ(out_.text, "");
  EXPECT_EQ(err_.text, "NOTICE:  3 rows skipped\nCOPY 7\n");
}

TEST_F(ScriptRunnerTest, StopsAtTheFirstError) {
  ScriptRunner runner = Make();
  EXPECT_FALSE(runner.RunScript("SELECT n; SELECT labl; CREATE MODEL m", "").ok());
  EXPECT_EQ(runner_.statements(), (std::vector<std::string>{"SELECT n", "SELECT labl"}));
  EXPECT_EQ(err_.text,
            "ERROR:  column \"labl\" does not exist\n"
            "LINE 1: SELECT labl\n"
            "               ^\n"
            "HINT:  Perhaps you meant \"label\".\n"
            "SQLSTATE:  42703\n");
}

TEST_F(ScriptRunnerTest, RowsBeforeAnErrorAreShown) {
  runner_["SELECT n"].status_midway = Status::IoError("disk gone");
  ScriptRunner runner = Make(OutputFormat::kTable);
  EXPECT_FALSE(runner.RunScript("SELECT n", "").ok());
  EXPECT_EQ(out_.text, " n | name\n---+------\n 1 | one\n 2 | two\n");
  EXPECT_TRUE(err_.text.starts_with("ERROR:  disk gone\n"));
}

TEST_F(ScriptRunnerTest, ErrorsInFilesNameFileAndLine) {
  const std::string path = WriteFile("CREATE MODEL m;\n\nSELECT labl;\nSELECT n;");
  ScriptRunner runner = Make();
  EXPECT_EQ(RunInputs({{ScriptInput::Kind::kFile, path}}, runner), 1);
  EXPECT_NE(err_.text.find(path + ":3: ERROR:  column"), std::string::npos) << err_.text;
  ::unlink(path.c_str());
}

TEST_F(ScriptRunnerTest, RunsInputsInOrderInOneSession) {
  const std::string path = WriteFile("SELECT n");
  ScriptRunner runner = Make();
  EXPECT_EQ(RunInputs({{ScriptInput::Kind::kText, "BEGIN"},
                       {ScriptInput::Kind::kFile, path},
                       {ScriptInput::Kind::kText, "COMMIT; CREATE MODEL m"}},
                      runner),
            0);
  EXPECT_EQ(runner_.statements(),
            (std::vector<std::string>{"BEGIN", "SELECT n", "COMMIT", "CREATE MODEL m"}));
  ::unlink(path.c_str());
}

TEST_F(ScriptRunnerTest, WarnsOfATransactionLeftOpen) {
  ScriptRunner runner = Make();
  EXPECT_EQ(RunInputs({{ScriptInput::Kind::kText, "BEGIN"}}, runner), 0);
  EXPECT_NE(err_.text.find("WARNING:  the input ended inside a transaction"), std::string::npos);
}

TEST_F(ScriptRunnerTest, TellsAFileThatCannotBeOpened) {
  ScriptRunner runner = Make();
  EXPECT_EQ(RunInputs({{ScriptInput::Kind::kFile, "no/such/file.sql"}}, runner), 1);
  EXPECT_EQ(err_.text,
            "ERROR:  cannot open no/such/file.sql: No such file or directory\nSQLSTATE:  58P01\n");
  EXPECT_EQ(RunInputs({{ScriptInput::Kind::kFile, ::testing::TempDir()}}, runner), 1);
  EXPECT_NE(err_.text.find("Is a directory"), std::string::npos);
}

TEST_F(ScriptRunnerTest, RunsScriptsLargerThanItsBuffer) {
  std::string script;
  for (int i = 0; i < 20'000; ++i) {
    script += "SELECT n;\n";
  }
  const std::string path = WriteFile(script);
  ScriptRunner runner = Make();
  EXPECT_TRUE(runner.RunFileAt(path).ok());
  EXPECT_EQ(runner_.statements().size(), 20'000U);
  ::unlink(path.c_str());
}

TEST_F(ScriptRunnerTest, AFailingOutputIsAnError) {
  out_.status = Status::IoError("cannot write to standard output: No space left on device");
  ScriptRunner runner = Make();
  EXPECT_FALSE(runner.RunScript("SELECT n; CREATE MODEL m", "").ok());
  EXPECT_NE(err_.text.find("No space left"), std::string::npos);
  EXPECT_EQ(runner_.statements().size(), 1U);
}

TEST_F(ScriptRunnerTest, AReaderThatHasGoneEndsQuietly) {
  out_.status = Status::Unavailable("gone").WithSqlState("08006");
  ScriptRunner runner = Make();
  EXPECT_FALSE(runner.RunScript("SELECT n", "").ok());
  EXPECT_EQ(err_.text, "");
}

TEST_F(ScriptRunnerTest, ProgressIsDrawnOnATerminalOnly) {
  Progress report;
  report.operation = "COPY documents";
  report.total = 10;
  runner_.progress = {report};
  {
    ScriptRunner runner = Make(OutputFormat::kCsv, /*err_is_terminal=*/false);
    EXPECT_TRUE(runner.RunScript("CREATE MODEL m", "").ok());
  }
  EXPECT_EQ(err_.text, "CREATE MODEL\n");
  {
    ScriptRunner runner = Make(OutputFormat::kCsv, /*err_is_terminal=*/true);
    EXPECT_TRUE(runner.RunScript("CREATE MODEL m", "").ok());
  }
  EXPECT_NE(err_.text.find("COPY documents ["), std::string::npos);
  EXPECT_TRUE(err_.text.ends_with("\r\x1b[KCREATE MODEL\n"));
}

TEST_F(ScriptRunnerTest, CancelsTheRunningStatementAndTheRestOfTheScript) {
  runner_["TRAIN MODEL m"].blocked = true;
  ScriptRunner runner = Make();
  EXPECT_FALSE(runner.CancelRunning());
  std::thread canceller([&] {
    runner_.WaitUntilRunning();
    EXPECT_TRUE(runner.CancelRunning());
  });
  const Status status = runner.RunScript("TRAIN MODEL m", "");
  canceller.join();
  EXPECT_EQ(status.code(), StatusCode::kCancelled);
  EXPECT_NE(err_.text.find("SQLSTATE:  57014"), std::string::npos);
  EXPECT_FALSE(runner.CancelRunning());
  EXPECT_EQ(runner.RunScript("CREATE MODEL m", "").sqlstate(), "57014");
  runner.ForgetCancel();
  EXPECT_TRUE(runner.RunScript("CREATE MODEL m", "").ok());
}

TEST_F(ScriptRunnerTest, TellsTimesWhenAsked) {
  ScriptRunner runner = Make();
  runner.options().timing = true;
  EXPECT_TRUE(runner.RunScript("CREATE MODEL m", "").ok());
  EXPECT_NE(err_.text.find("Time: "), std::string::npos);
}

}  // namespace
}  // namespace dashi
