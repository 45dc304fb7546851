// The command as a user has it: the program itself, in processes of its own.

#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <poll.h>
#include <sstream>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/server/command_process.h"
#include "tests/server/wire_client.h"
#include "tests/shell/terminal.h"

namespace dashi {
namespace {

class CommandTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(::testing::TempDir()) /
              ("command_test_" + std::to_string(::getpid()));
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  CommandOutcome Dashi(std::vector<std::string> words, std::string_view input = "") {
    words.insert(words.begin(), DashiCommand());
    return RunCommand(words, folder_, input);
  }
  CommandOutcome Exec(const std::string& sql) { return Dashi({"exec", "w.db", "-c", sql}); }

  void UseTerminalSettings() {
    ::setenv("XDG_STATE_HOME", folder_.c_str(), 1);
    ::setenv("TERM", "xterm", 1);
    ::setenv("DASHI_PAGER", "", 1);
  }

  void MakeDocuments() {
    std::ofstream(folder_ / "docs.jsonl")
        << "{\"id\": \"d1\", \"text\": \"wireless earbuds\"}\n"
        << "{\"id\": \"d2\", \"text\": \"quiet, long-haul \\\"headphones\\\"\"}\n";
    const CommandOutcome outcome = Exec("COPY documents FROM 'docs.jsonl' WITH (FORMAT jsonl)");
    ASSERT_EQ(outcome.exit_status, 0) << outcome.err;
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(outcome.err, "COPY 2\n");
  }

  std::filesystem::path folder_;
};

TEST_F(CommandTest, PrintsVersionAndHelp) {
  EXPECT_TRUE(Dashi({"--version"}).out.starts_with("dashi "));
  EXPECT_NE(Dashi({"exec", "--help"}).out.find("Example:"), std::string::npos);
  const CommandOutcome unknown = Dashi({"exce"});
  EXPECT_EQ(unknown.exit_status, 1);
  EXPECT_NE(unknown.err.find("Did you mean 'exec'?"), std::string::npos);
}

TEST_F(CommandTest, ExecMakesTheDatabaseAndStartsFast) {
  EXPECT_EQ(Exec("SELECT 1 AS one").out, " one\n-----\n   1\n(1 row)\n");
  EXPECT_TRUE(std::filesystem::is_directory(folder_ / "w.db"));
}

TEST_F(CommandTest, ExecReadsFilesOfTheCallersFolderAndWritesEveryFormat) {
  MakeDocuments();
  const std::string query = "SELECT id, text, NULL AS n, 0.5 AS x FROM documents ORDER BY id";
  EXPECT_EQ(Dashi({"exec", "w.db", "--format", "csv", "-c", query}).out,
            "id,text,n,x\nd1,wireless earbuds,,0.5\n"
            "d2,\"quiet, long-haul \"\"headphones\"\"\",,0.5\n");
  const auto json =
      nlohmann::json::parse(Dashi({"exec", "w.db", "--format", "json", "-c", query}).out);
  EXPECT_EQ(json[1]["text"], "quiet, long-haul \"headphones\"");
  EXPECT_TRUE(json[1]["n"].is_null());
  EXPECT_EQ(Dashi({"exec", "w.db", "--format", "jsonl", "-c", "SELECT 1 AS a"}).out,
            "{\"a\": 1}\n");
}

TEST_F(CommandTest, ExecRunsCommandsFilesAndStandardInput) {
  std::ofstream(folder_ / "a.sql") << "SELECT 2 AS b;\n";
  EXPECT_EQ(Dashi({"exec", "w.db", "--format", "csv", "-c", "SELECT 1 AS a", "-f", "a.sql", "-c",
                   "SELECT 3 AS c"})
                .out,
            "a\n1\nb\n2\nc\n3\n");
  EXPECT_EQ(Dashi({"exec", "w.db", "--format", "csv"}, "SELECT 4 AS d; SELECT 5 AS e").out,
            "d\n4\ne\n5\n");
}

TEST_F(CommandTest, ExecStopsAtTheFirstErrorAndShowsItsPlace) {
  const CommandOutcome outcome =
      Dashi({"exec", "w.db", "-c", "SELECT 1 AS a; SELECT nope FROM documents; SELECT 2 AS b"});
  EXPECT_EQ(outcome.exit_status, 1);
  EXPECT_NE(outcome.out.find(" a\n"), std::string::npos);
  EXPECT_EQ(outcome.out.find(" b\n"), std::string::npos);
  EXPECT_NE(outcome.err.find("\nLINE 1: SELECT nope FROM documents\n"
                             "               ^\n"),
            std::string::npos)
      << outcome.err;
  EXPECT_NE(outcome.err.find("SQLSTATE:  42703\n"), std::string::npos) << outcome.err;
}

TEST_F(CommandTest, ExecTellsWhatIsNoDatabase) {
  std::ofstream(folder_ / "file.db") << "no database";
  for (const char* directory : {"file.db", ""}) {
    const CommandOutcome outcome = Dashi({"exec", directory, "-c", "SELECT 1"});
    EXPECT_EQ(outcome.exit_status, 1) << directory;
    EXPECT_TRUE(outcome.err.starts_with("ERROR:  ")) << outcome.err;
  }
  const CommandOutcome absent = Dashi({"train", "absent.db", "m"});
  EXPECT_EQ(absent.exit_status, 1);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "absent.db"));
}

TEST_F(CommandTest, ExecIsNotUpsetByAReaderThatLeaves) {
  MakeDocuments();
  const CommandOutcome outcome = RunCommand(
      {"/bin/sh", "-c",
       "'" + DashiCommand() +
           "' exec w.db --format csv -c \"WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 "
           "FROM r WHERE n < 1000000) SELECT n FROM r\" | head -n 2"},
      folder_);
  EXPECT_EQ(outcome.out, "n\n1\n");
  EXPECT_EQ(outcome.err, "");
}

TEST_F(CommandTest, ImportTrainAndEvalAreStatements) {
  std::ofstream(folder_ / "labels.jsonl") << "{\"id\": \"L1\", \"text\": \"headphones\"}\n";
  const CommandOutcome imported = Dashi({"import", "w.db", "labels", "labels.jsonl"});
  EXPECT_EQ(imported.exit_status, 0) << imported.err;
  EXPECT_EQ(Dashi({"exec", "w.db", "--format", "csv", "-c", "SELECT id FROM labels"}).out,
            "id\nL1\n");
  const CommandOutcome trained = Dashi({"train", "w.db", "nope"});
  EXPECT_EQ(trained.exit_status, 1);
  EXPECT_NE(trained.err.find("nope"), std::string::npos) << trained.err;
  EXPECT_EQ(Dashi({"eval", "w.db", "nope@1"}).exit_status, 1);
}

TEST_F(CommandTest, CheckNamesWhatIsWrong) {
  MakeDocuments();
  const CommandOutcome clean = Dashi({"check", "w.db"});
  EXPECT_EQ(clean.exit_status, 0) << clean.err;
  EXPECT_EQ(clean.out, "");
  EXPECT_NE(clean.err.find("2 rows, 0 relevance pairs, 0 edges, 0 embeddings; problems: 0"),
            std::string::npos)
      << clean.err;
  EXPECT_EQ(Exec("CHECK DATABASE").out,
            " object | problem | detail\n--------+---------+--------\n(0 rows)\n");
  std::filesystem::remove(folder_ / "w.db" / "data" / "CURRENT");
  const CommandOutcome damaged = Dashi({"check", "w.db", "--format", "csv"});
  EXPECT_EQ(damaged.exit_status, 1);
  EXPECT_EQ(damaged.out.substr(0, 22), "object,problem,detail\n");
  EXPECT_NE(damaged.out.find("data/CURRENT"), std::string::npos) << damaged.out;
  EXPECT_EQ(Dashi({"check", "none.db"}).exit_status, 1);
}

TEST_F(CommandTest, BackupAndRestoreGoThereAndBack) {
  MakeDocuments();
  const CommandOutcome first = Dashi({"backup", "w.db", "--to", "backups", "--format", "csv"});
  EXPECT_EQ(first.exit_status, 0) << first.err;
  EXPECT_EQ(first.out.substr(0, 63),
            "backup,commit_sequence,files,bytes,files_copied,bytes_copied\n1,");
  EXPECT_NE(first.err.find("commits waited at most "), std::string::npos) << first.err;
  Exec("DELETE FROM documents");
  EXPECT_EQ(Dashi({"backup", "w.db", "--to", "backups", "--verify-all"}).exit_status, 0);
  const CommandOutcome list = Dashi({"restore", "backups", "--list", "--format", "jsonl"});
  EXPECT_EQ(list.exit_status, 0) << list.err;
  const auto second = nlohmann::json::parse(list.out.substr(list.out.find('\n') + 1));
  EXPECT_EQ(second["backup"], 2);
  EXPECT_TRUE(second["damage"].is_null());
  const CommandOutcome restored = Dashi({"restore", "backups", "--backup", "1", "--to", "old.db"});
  EXPECT_EQ(restored.exit_status, 0) << restored.err;
  EXPECT_NE(restored.err.find("RESTORE 1: "), std::string::npos);
  EXPECT_EQ(
      Dashi({"exec", "old.db", "--format", "csv", "-c", "SELECT count(*) FROM documents"}).out,
      "count(*)\n2\n");
  EXPECT_EQ(Dashi({"check", "old.db"}).exit_status, 0);
  const CommandOutcome again = Dashi({"restore", "backups", "--backup", "1", "--to", "old.db"});
  EXPECT_EQ(again.exit_status, 1);
  EXPECT_NE(again.err.find("the directory to restore to is not empty"), std::string::npos);
  EXPECT_EQ(Dashi({"restore", "backups"}).exit_status, 1);
  EXPECT_EQ(Dashi({"restore", "backups", "--backup", "9", "--to", "x.db"}).exit_status, 1);
  EXPECT_EQ(Dashi({"backup", "w.db", "--to", "backups", "--keep", "1"}).exit_status, 0);
  EXPECT_EQ(Exec("SHOW BACKUPS FROM 'backups'").out.substr(0, 7), " backup");
}

TEST_F(CommandTest, ShellRunsAScriptWithoutATerminal) {
  MakeDocuments();
  const CommandOutcome outcome = Dashi({"shell", "w.db", "--format", "csv"},
                                       "\\d documents\nSELECT count(*) AS n FROM documents;\n"
                                       "\\dt\n\\dm\n\\dr\n\\dj\n\\q\n");
  EXPECT_EQ(outcome.exit_status, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("column,type\nid,TEXT\n"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("n\n2\n"), std::string::npos) << outcome.out;
  EXPECT_EQ(outcome.err, "");
}

TEST_F(CommandTest, ShellShowsTheTypesThatColumnsWereGiven) {
  MakeDocuments();
  const CommandOutcome outcome = Dashi({"shell", "w.db", "--format", "csv"},
                                       "ALTER TABLE documents ADD COLUMN since TIMESTAMP;\n"
                                       "ALTER TABLE documents ADD COLUMN \"On Sale\" BOOLEAN;\n"
                                       "ALTER TABLE documents ADD COLUMN price REAL;\n"
                                       "\\d Documents\n");
  EXPECT_EQ(outcome.exit_status, 0) << outcome.err;
  for (const char* line :
       {"\nid,TEXT\n", "\nsince,TIMESTAMP\n", "\nOn Sale,BOOLEAN\n", "\nprice,REAL\n"}) {
    EXPECT_NE(outcome.out.find(line), std::string::npos) << line << outcome.out;
  }
}

TEST_F(CommandTest, ShellKnowsTheNamesOfTheDatabase) {
  MakeDocuments();
  UseTerminalSettings();
  ASSERT_EQ(Exec("ALTER TABLE documents ADD COLUMN price REAL; CREATE MODEL shop USING ngame")
                .exit_status,
            0);
  const std::string directory = (folder_ / "w.db").string();
  const std::string command = DashiCommand();
  Terminal terminal([&] {
    ::execl(command.c_str(), command.c_str(), "shell", directory.c_str(), nullptr);
    return 127;
  });
  ASSERT_TRUE(terminal.WaitFor("w=> ")) << terminal.shown();
  // What is completed is also right for the engine, in a transaction that has failed as well.
  terminal.Type("BEGIN; SELECT nope;\r");
  ASSERT_TRUE(terminal.WaitFor("w=!> ")) << terminal.shown();
  terminal.Type("train model sh\t");
  ASSERT_TRUE(terminal.WaitFor("shop ")) << terminal.shown();
  terminal.Type("\x03");
  ASSERT_TRUE(terminal.WaitFor("w=!> "));
  terminal.Type("ROLLBACK;\r");
  ASSERT_TRUE(terminal.WaitFor("w=> "));
  terminal.Type("SELECT count(*) AS n FROM docu\tWHERE pri\tIS NULL;\r");
  ASSERT_TRUE(terminal.WaitFor("(1 row)")) << terminal.shown();
  ASSERT_TRUE(terminal.WaitFor("w=> "));
  terminal.Type("SET ann.req\t= on;\r");
  ASSERT_TRUE(terminal.WaitFor("w=> ")) << terminal.shown();
  terminal.Type("SHOW ann.require_index;\r");
  ASSERT_TRUE(terminal.WaitFor(" on")) << terminal.shown();
  terminal.Type("\\q\r");
  EXPECT_EQ(terminal.WaitForExit(), 0);
  EXPECT_EQ(terminal.shown().find("42P01"), std::string::npos) << terminal.shown();
}

TEST_F(CommandTest, ShellTellsThatItMadeADatabase) {
  UseTerminalSettings();
  const std::string directory = (folder_ / "nwe.db").string();
  const std::string command = DashiCommand();
  for (const bool is_new : {true, false}) {
    Terminal terminal([&] {
      ::execl(command.c_str(), command.c_str(), "shell", directory.c_str(), nullptr);
      return 127;
    });
    ASSERT_TRUE(terminal.WaitFor("nwe=> ")) << terminal.shown();
    EXPECT_EQ(terminal.shown().find("A new database was made") != std::string::npos, is_new);
    terminal.Type("\\q\r");
    EXPECT_EQ(terminal.WaitForExit(), 0);
  }
}

TEST_F(CommandTest, CtrlCEndsCopyAndKeepsTheShell) {
  MakeDocuments();
  UseTerminalSettings();
  const std::string pipe = (folder_ / "endless.jsonl").string();
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const std::string directory = (folder_ / "w.db").string();
  const std::string command = DashiCommand();
  Terminal terminal([&] {
    ::execl(command.c_str(), command.c_str(), "shell", directory.c_str(), nullptr);
    return 127;
  });
  ASSERT_TRUE(terminal.WaitFor("w=> ")) << terminal.shown();
  terminal.Type("\\copy documents FROM " + pipe + "\r");
  // A file that goes on for as long as it is read.
  std::signal(SIGPIPE, SIG_IGN);
  std::thread writer([&] {
    const int fd = ::open(pipe.c_str(), O_WRONLY | O_CLOEXEC);
    for (int i = 0; fd >= 0; ++i) {
      const std::string line = "{\"id\": \"e" + std::to_string(i) + "\", \"text\": \"x\"}\n";
      if (::write(fd, line.data(), line.size()) < 0) {
        break;
      }
    }
    ::close(fd);
  });
  EXPECT_TRUE(terminal.WaitFor("COPY documents: reading")) << terminal.shown();
  terminal.Type("\x03");
  EXPECT_TRUE(terminal.WaitFor("57014")) << terminal.shown();
  writer.join();
  ASSERT_TRUE(terminal.WaitFor("w=> "));
  terminal.Type("SELECT 'rows: ' || count(*) AS n FROM documents;\r");
  ASSERT_TRUE(terminal.WaitFor("rows: 2")) << terminal.shown();
  ASSERT_TRUE(terminal.WaitFor("w=> "));
  terminal.Type("\\q\r");
  EXPECT_EQ(terminal.WaitForExit(), 0);
}

TEST_F(CommandTest, RowsGoOutAndComeBack) {
  MakeDocuments();
  for (const std::string format : {"csv", "tsv", "jsonl"}) {
    const std::string file = "out." + format;
    CommandOutcome outcome =
        Dashi({"shell", "w.db"}, "\\copy documents (id, text) TO " + file + "\n");
    EXPECT_EQ(outcome.exit_status, 0) << outcome.err;
    EXPECT_EQ(outcome.err, "COPY 2\n");
    std::vector<std::string> words = {"import", format + ".db", "documents", file};
    if (format != "jsonl") {
      words.push_back("--header");
    }
    outcome = Dashi(words);
    EXPECT_EQ(outcome.exit_status, 0) << outcome.err;
    const std::string query = "SELECT id, text FROM documents ORDER BY id";
    EXPECT_EQ(Dashi({"exec", format + ".db", "--format", "csv", "-c", query}).out,
              Dashi({"exec", "w.db", "--format", "csv", "-c", query}).out);
  }
}

TEST_F(CommandTest, ExecCopiesFromStandardInput) {
  const std::string copy = "COPY labels FROM STDIN";
  CommandOutcome outcome =
      Dashi({"exec", "w.db", "-c", copy + " (FORMAT csv)"}, "a,one\n\\.,two\nSELECT,three");
  EXPECT_EQ(outcome.exit_status, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "COPY 3\n") << "a csv has no line that ends it, and needs none";
  outcome =
      Dashi({"exec", "w.db", "-c", "COPY (SELECT id, text FROM labels ORDER BY id) TO STDOUT"});
  EXPECT_EQ(outcome.out, "SELECT\tthree\n\\\\.\ttwo\na\tone\n");
  EXPECT_EQ(outcome.err, "COPY 3\n");
  // The rows of a script stand in it, and standard input is only one thing.
  std::ofstream(folder_ / "rows.sql") << copy << ";\nb\tfour\n\\.\nSELECT 1 AS one;\n";
  outcome = Dashi({"exec", "w.db", "--format", "csv", "-f", "rows.sql"}, "c\tnever read\n");
  EXPECT_EQ(outcome.out, "one\n1\n") << outcome.err;
  outcome = Dashi({"exec", "w.db", "--format", "csv"}, copy + ";\nd\tfive\n\\.\nSELECT 2 AS two;");
  EXPECT_EQ(outcome.out, "two\n2\n") << outcome.err;
  outcome = Dashi({"exec", "w.db", "-c", copy, "-c", copy}, "e\tsix\n");
  EXPECT_EQ(outcome.exit_status, 1);
  EXPECT_NE(outcome.err.find("standard input was read already"), std::string::npos) << outcome.err;
  std::ofstream(folder_ / "pstdin.sql") << "\\copy labels FROM PSTDIN\n";
  outcome = Dashi({"exec", "w.db", "-f", "pstdin.sql"}, "f\tseven\n");
  EXPECT_EQ(outcome.err, "COPY 1\n");
  outcome = Dashi({"exec", "w.db", "-c", copy}, "g\teight\nh\n");
  EXPECT_EQ(outcome.exit_status, 1);
  EXPECT_NE(outcome.err.find("line 2 of standard input"), std::string::npos) << outcome.err;
  EXPECT_EQ(
      Dashi({"exec", "w.db", "--format", "csv", "-c", "SELECT count(*) AS n FROM labels"}).out,
      "n\n7\n");
}

TEST_F(CommandTest, RowsAreTypedOnATerminal) {
  MakeDocuments();
  UseTerminalSettings();
  const std::string directory = (folder_ / "w.db").string();
  const std::string command = DashiCommand();
  Terminal terminal([&] {
    ::execl(command.c_str(), command.c_str(), "shell", directory.c_str(), nullptr);
    return 127;
  });
  ASSERT_TRUE(terminal.WaitFor("w=> ")) << terminal.shown();
  terminal.Type("COPY labels FROM STDIN;\r");
  ASSERT_TRUE(terminal.WaitFor(">> ")) << terminal.shown();
  terminal.Type("a\tdocuments\r");  // A tab completes nothing here.
  ASSERT_TRUE(terminal.WaitFor(">> ")) << terminal.shown();
  terminal.Type("\\.\r");
  ASSERT_TRUE(terminal.WaitFor("COPY 1")) << terminal.shown();
  ASSERT_TRUE(terminal.WaitFor("w=> "));
  terminal.Type("COPY labels FROM STDIN;\r");
  ASSERT_TRUE(terminal.WaitFor(">> ")) << terminal.shown();
  terminal.Type("b\tnever\r");
  ASSERT_TRUE(terminal.WaitFor(">> ")) << terminal.shown();
  terminal.Type("\x03");
  ASSERT_TRUE(terminal.WaitFor("57014")) << terminal.shown();
  ASSERT_TRUE(terminal.WaitFor("w=> ")) << terminal.shown();
  terminal.Type("SELECT 'labels: ' || string_agg(id || '/' || text, ' ') AS n FROM labels;\r");
  ASSERT_TRUE(terminal.WaitFor("labels: a/documents")) << terminal.shown();
  ASSERT_TRUE(terminal.WaitFor("w=> ")) << terminal.shown();
  // A text that is pasted comes as one line; Ctrl-D ends rows that are typed, and not the shell.
  terminal.Type(
      "\x1b[200~COPY labels FROM STDIN;\np1\tpasted\n\\.\nSELECT 'pasted: ' || id AS n FROM labels "
      "WHERE id = 'p1';\x1b[201~\r");
  ASSERT_TRUE(terminal.WaitFor("pasted: p1")) << terminal.shown();
  ASSERT_TRUE(terminal.WaitFor("w=> ")) << terminal.shown();
  terminal.Type("\\copy labels from stdin csv\r");
  ASSERT_TRUE(terminal.WaitFor(">> ")) << terminal.shown();
  terminal.Type("c,typed\r");
  ASSERT_TRUE(terminal.WaitFor(">> ")) << terminal.shown();
  terminal.Type("\x04");
  ASSERT_TRUE(terminal.WaitFor("COPY 1")) << terminal.shown();
  ASSERT_TRUE(terminal.WaitFor("w=> ")) << terminal.shown();
  terminal.Type("\\q\r");
  EXPECT_EQ(terminal.WaitForExit(), 0);
}

TEST_F(CommandTest, ExecRunsCommandsOfTheShell) {
  MakeDocuments();
  const CommandOutcome outcome =
      Dashi({"exec", "w.db", "--format", "csv", "-c", "\\d documents", "-c", "SELECT 1 AS a"});
  EXPECT_EQ(outcome.exit_status, 0) << outcome.err;
  EXPECT_TRUE(outcome.out.starts_with("column,type\nid,TEXT\n")) << outcome.out;
  EXPECT_TRUE(outcome.out.ends_with("a\n1\n")) << outcome.out;
  std::ofstream(folder_ / "commands.sql")
      << "SELECT 1 AS a \\gx\n\\echo done\nSELECT nope;\n\\echo no\n";
  const CommandOutcome file = Dashi({"exec", "w.db", "-f", "commands.sql"});
  EXPECT_EQ(file.exit_status, 1);
  EXPECT_EQ(file.out, "-[ RECORD 1 ]--\na | 1\ndone\n");
  EXPECT_TRUE(file.err.starts_with("commands.sql:3: ERROR:")) << file.err;
  const CommandOutcome input = Dashi({"exec", "w.db"}, "\\echo a\nSELECT nope;\n\\echo b\n");
  EXPECT_EQ(input.exit_status, 1);
  EXPECT_EQ(input.out, "a\n");
  EXPECT_EQ(Dashi({"exec", "w.db", "-f", "absent.sql"}).exit_status, 1);
  const CommandOutcome text =
      Dashi({"exec", "w.db", "-c", "SELECT nope \\g\nSELECT 2 AS b;", "-c", "SELECT 1"});
  EXPECT_EQ(text.exit_status, 1);
  EXPECT_EQ(text.out, "") << "it ends at the error";
  const CommandOutcome wrong = Dashi({"exec", "w.db", "-c", "\\d nope", "-c", "SELECT 1 AS a"});
  EXPECT_EQ(wrong.exit_status, 1);
  EXPECT_EQ(wrong.out, "");
  EXPECT_NE(wrong.err.find("there is no such table: nope"), std::string::npos) << wrong.err;
}

TEST_F(CommandTest, PicturesOfATraining) {
  std::ofstream(folder_ / "rows.sql")
      << "INSERT INTO labels (id, text) VALUES ('L1', 'running shoes'), ('L2', 'warm hats'), "
         "('L3', 'winter coats');\n"
         "INSERT INTO documents (id, text, split) VALUES ('d1', 'shoes for a marathon', 'train'), "
         "('d2', 'a hat against the cold', 'train'), ('d3', 'a coat for the snow', 'train'), "
         "('d4', 'a hat and a coat for the snow', 'test');\n"
         "INSERT INTO relevance (document, label) VALUES ('d1', 'L1'), ('d2', 'L2'), "
         "('d3', 'L3'), ('d4', 'L2');\n"
         "CREATE MODEL m USING ngame WITH (dim = 32, epochs = 3, classifier_epochs = 1, seed = 7, "
         "threads = 1);\n";
  ASSERT_EQ(Dashi({"exec", "w.db", "-f", "rows.sql"}).exit_status, 0);
  const CommandOutcome trained = Dashi({"train", "w.db", "m", "--format", "csv"});
  if (trained.err.find("libdashi_torch") != std::string::npos) {
    GTEST_SKIP() << "this build does not train";
  }
  ASSERT_EQ(trained.exit_status, 0) << trained.err;
  EXPECT_EQ(trained.out, "release\nm@1\n");
  EXPECT_NE(trained.err.find("NOTICE:  m@1 is not published: PUBLISH m@1"), std::string::npos)
      << trained.err;
  const CommandOutcome evaluated =
      Dashi({"eval", "w.db", "m@1", "--k", "1", "--slices", "head,torso,tail", "--format", "csv"});
  ASSERT_EQ(evaluated.exit_status, 0) << evaluated.err;
  EXPECT_TRUE(evaluated.out.starts_with("release,split,slice,metric,k,value")) << evaluated.out;
  const CommandOutcome shown = Dashi({"shell", "w.db"}, "\\dj 1\n\\dr m@1\n\\dr\n\\dm m\n\\dj\n");
  EXPECT_EQ(shown.exit_status, 0) << shown.err;
  EXPECT_NE(shown.out.find("\nencoder: loss by epoch\n"), std::string::npos) << shown.out;
  EXPECT_NE(shown.out.find("\nprecision on 'test'\n P@1 "), std::string::npos) << shown.out;
}

TEST_F(CommandTest, ShellOnATerminal) {
  MakeDocuments();
  UseTerminalSettings();
  const std::string directory = (folder_ / "w.db").string();
  const std::string command = DashiCommand();
  Terminal terminal([&] {
    ::execl(command.c_str(), command.c_str(), "shell", directory.c_str(), nullptr);
    return 127;
  });
  ASSERT_TRUE(terminal.WaitFor("\\? for help")) << terminal.shown();
  ASSERT_TRUE(terminal.WaitFor("w=> "));
  terminal.Type("SELECT count(*) AS n FROM documents;\r");
  ASSERT_TRUE(terminal.WaitFor("(1 row)")) << terminal.shown();
  terminal.Type("BEGIN;\r");
  ASSERT_TRUE(terminal.WaitFor("w=*> ")) << terminal.shown();
  terminal.Type("SELECT nope;\r");
  ASSERT_TRUE(terminal.WaitFor("w=!> ")) << terminal.shown();
  terminal.Type("ROLLBACK;\r");
  ASSERT_TRUE(terminal.WaitFor("w=> "));
  // A statement that would run for ever, until Ctrl-C.
  terminal.Type(
      "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n FROM r;\r");
  ASSERT_TRUE(terminal.WaitFor(" 1234")) << terminal.shown();
  terminal.Type("\x03");
  ASSERT_TRUE(terminal.WaitFor("57014"));
  ASSERT_TRUE(terminal.WaitFor("w=> ")) << "the shell lives on";
  terminal.Type("\\q\r");
  EXPECT_EQ(terminal.WaitForExit(), 0);
}

TEST_F(CommandTest, CtrlCEndsExec) {
  const std::string directory = (folder_ / "w.db").string();
  const std::string command = DashiCommand();
  Terminal terminal([&] {
    ::execl(command.c_str(), command.c_str(), "exec", directory.c_str(), "-c", "SELECT 1 AS ready",
            "-c",
            "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) "
            "SELECT max(n) FROM r",
            nullptr);
    return 127;
  });
  ASSERT_TRUE(terminal.WaitFor("(1 row)")) << terminal.shown();
  terminal.Type("\x03");
  // Cancelled with status 1, or, where Ctrl-C fell between the statements, ended by it.
  const int exit_status = terminal.WaitForExit();
  EXPECT_TRUE(exit_status == 1 || exit_status == 256 + SIGINT) << exit_status;
  EXPECT_EQ(Exec("SELECT 1").exit_status, 0) << "the database opens again";
}

TEST_F(CommandTest, ServeAnswersAndStopsOnSignals) {
  MakeDocuments();
  for (const int signal : {SIGTERM, SIGINT}) {
    ServeProcess serve("w.db", folder_);
    ASSERT_GT(serve.port(), 0) << serve.log();
    WireClient client(static_cast<std::uint16_t>(serve.port()));
    client.LogIn();
    const auto messages = client.Query("SELECT id FROM documents ORDER BY id");
    ASSERT_EQ(TypesOf(messages), "TDDCZ");
    EXPECT_EQ(ValuesOf(messages[1]), std::vector<std::string>{"d1"});
    serve.Signal(signal);
    EXPECT_EQ(FieldOf(client.Read(), 'C'), "57P01");
    EXPECT_EQ(serve.WaitForExit(), 0) << serve.log();
  }
}

TEST_F(CommandTest, ServeKeepsWhatItAcknowledgedWhenKilled) {
  MakeDocuments();
  {
    ServeProcess serve("w.db", folder_);
    ASSERT_GT(serve.port(), 0) << serve.log();
    WireClient client(static_cast<std::uint16_t>(serve.port()));
    client.LogIn();
    const auto messages = client.Query("INSERT INTO documents (id, text) VALUES ('d3', 'new')");
    ASSERT_EQ(TypesOf(messages), "CZ") << FieldOf(messages[0], 'M');
    client.Send(QueryBytes("BEGIN; INSERT INTO documents (id, text) VALUES ('d4', 'open')"));
    ASSERT_EQ(client.ReadUntilReady().back().body, "T");
    serve.Signal(SIGKILL);
    EXPECT_EQ(serve.WaitForExit(), 256 + SIGKILL);
  }
  EXPECT_EQ(
      Dashi({"exec", "w.db", "--format", "csv", "-c", "SELECT id FROM documents ORDER BY id"}).out,
      "id\nd1\nd2\nd3\n");
}

TEST_F(CommandTest, AnotherServerFollowsTheWriter) {
  MakeDocuments();
  ServeProcess writer("w.db", folder_);
  ServeProcess follower("w.db", folder_, {"--follow"});
  ServeProcess reader("w.db", folder_, {"--read-only"});
  ASSERT_GT(writer.port(), 0) << writer.log();
  ASSERT_GT(follower.port(), 0) << follower.log();
  ASSERT_GT(reader.port(), 0) << reader.log();
  WireClient writing(static_cast<std::uint16_t>(writer.port()));
  WireClient following(static_cast<std::uint16_t>(follower.port()));
  WireClient reading(static_cast<std::uint16_t>(reader.port()));
  writing.LogIn();
  following.LogIn();
  reading.LogIn();
  const auto count = [](WireClient& client) {
    const auto messages = client.Query("SELECT count(*) FROM documents");
    return messages.size() == 4 ? ValuesOf(messages[1])[0] : FieldOf(messages[0], 'M');
  };
  // It lags when the machine is slow: it is asked for a minute.
  const auto count_at_last = [&](const std::string& wanted) {
    std::string counted = count(following);
    for (int ms = 0; ms < 60'000 && counted != wanted; ++ms) {
      ::poll(nullptr, 0, 1);
      counted = count(following);
    }
    return counted;
  };
  EXPECT_EQ(count(following), "2");
  ASSERT_EQ(TypesOf(writing.Query("INSERT INTO documents (id, text) VALUES ('d3', 'x')")), "CZ");
  EXPECT_EQ(count_at_last("3"), "3");
  EXPECT_EQ(count(reading), "2") << "the state of the opening";
  EXPECT_EQ(FieldOf(following.Query("DELETE FROM documents")[0], 'C'), "25006");
  // A block is one state.
  following.Query("BEGIN");
  EXPECT_EQ(count(following), "3");
  ASSERT_EQ(TypesOf(writing.Query("DELETE FROM documents WHERE id = 'd1'")), "CZ");
  EXPECT_EQ(count(following), "3");
  following.Query("COMMIT");
  EXPECT_EQ(count_at_last("2"), "2");
  EXPECT_EQ(Dashi({"exec", "w.db", "--follow", "--format", "csv", "-c",
                   "SELECT id FROM documents ORDER BY id"})
                .out,
            "id\nd2\nd3\n");
}

TEST_F(CommandTest, RecoverCopiesWhatDoesNotOpen) {
  MakeDocuments();
  ASSERT_EQ(Exec("INSERT INTO documents (id, text) VALUES ('d3', 'last')").exit_status, 0);
  {
    ServeProcess serve("w.db", folder_);
    ASSERT_GT(serve.port(), 0) << serve.log();
    const CommandOutcome open = Dashi({"recover", "w.db", "--to", "copy.db"});
    EXPECT_EQ(open.exit_status, 1);
    EXPECT_NE(open.err.find("SQLSTATE:  55006"), std::string::npos) << open.err;
  }
  // The last commit's log is cut.
  std::filesystem::path log;
  for (const auto& entry : std::filesystem::directory_iterator(folder_ / "w.db" / "data")) {
    if (entry.path().extension() == ".log" && entry.file_size() > 0 && entry.path() > log) {
      log = entry.path();
    }
  }
  std::filesystem::resize_file(log, std::filesystem::file_size(log) - 1);
  const CommandOutcome refused = Exec("SELECT 1");
  EXPECT_EQ(refused.exit_status, 1);
  EXPECT_NE(refused.err.find("SQLSTATE:  XX001"), std::string::npos) << refused.err;
  EXPECT_NE(refused.err.find("dashi recover w.db --to COPY"), std::string::npos) << refused.err;

  const CommandOutcome lost = Dashi({"recover", "w.db", "--to", "copy.db"});
  EXPECT_EQ(lost.exit_status, 1);
  EXPECT_NE(lost.out.find("LOST: at most 1 acknowledged commits, numbered 2 to 2"),
            std::string::npos)
      << lost.out << lost.err;
  EXPECT_FALSE(std::filesystem::exists(folder_ / "copy.db"));
  const CommandOutcome kept = Dashi({"recover", "w.db", "--to", "copy.db", "--accept-loss"});
  EXPECT_EQ(kept.exit_status, 0) << kept.err;
  EXPECT_EQ(
      Dashi({"exec", "copy.db", "--format", "csv", "-c", "SELECT id FROM documents ORDER BY id"})
          .out,
      "id\nd1\nd2\n");
  EXPECT_EQ(Dashi({"recover", "w.db"}).exit_status, 1) << "--to is missing";
}

TEST_F(CommandTest, ServeCancelsARunningQueryWhenStoppedTwice) {
  MakeDocuments();
  ServeProcess serve("w.db", folder_);
  ASSERT_GT(serve.port(), 0) << serve.log();
  WireClient client(static_cast<std::uint16_t>(serve.port()));
  client.LogIn();
  client.Send(
      QueryBytes("SELECT 1; WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) "
                 "SELECT max(n) FROM r"));
  serve.Signal(SIGTERM);
  serve.Signal(SIGINT);
  EXPECT_EQ(serve.WaitForExit(), 0) << serve.log();
}

TEST_F(CommandTest, ServeRefusesOtherAddressesAndASecondServer) {
  MakeDocuments();
  const CommandOutcome outcome = Dashi({"serve", "w.db", "--host", "0.0.0.0", "--port", "0"});
  EXPECT_EQ(outcome.exit_status, 1);
  EXPECT_NE(outcome.err.find("loopback"), std::string::npos);
  ServeProcess serve("w.db", folder_);
  ASSERT_GT(serve.port(), 0) << serve.log();
  const CommandOutcome second = Exec("SELECT 1");
  EXPECT_EQ(second.exit_status, 1);
  EXPECT_NE(second.err.find("SQLSTATE:  55006"), std::string::npos) << second.err;
}

TEST_F(CommandTest, ServeReadsItsSettingsAgain) {
  MakeDocuments();
  const auto write = [this](const std::string& text) {
    std::ofstream(folder_ / "dashi.conf") << text;
  };
  write("max_connections = 7\nsend_timeout = 5s\n");
  const CommandOutcome checked =
      Dashi({"serve", "w.db", "--config", "dashi.conf", "--port", "6000", "--check-config"});
  EXPECT_EQ(checked.exit_status, 0) << checked.err;
  EXPECT_NE(checked.out.find("max_connections = 7  # dashi.conf:1\n"), std::string::npos)
      << checked.out;
  EXPECT_NE(checked.out.find("port = 6000  # --port\n"), std::string::npos) << checked.out;
  EXPECT_NE(checked.out.find("threads = 0  # default\n"), std::string::npos) << checked.out;
  ServeProcess serve("w.db", folder_, {"--config", "dashi.conf"});
  ASSERT_GT(serve.port(), 0) << serve.log();
  WireClient client(static_cast<std::uint16_t>(serve.port()));
  client.LogIn();
  write("max_connections = 8\nsend_timeout = 6s\n");
  serve.Signal(SIGHUP);
  EXPECT_TRUE(serve.WaitForLog(
      "dashi: reloaded; changed: send_timeout; needs a restart: max_connections\n"))
      << serve.log();
  write("max_connections = 7\nsend_timeout = 6s\nport = 1\nhost = ::x\n");
  serve.Signal(SIGHUP);
  EXPECT_TRUE(serve.WaitForLog(
      "dashi: not reloaded, the settings stay as they are: not an IP address: ::x\n"))
      << serve.log();
  write("max_connections = 7\nsend_timeout = 1ms\n");
  serve.Signal(SIGHUP);
  EXPECT_TRUE(
      serve.WaitForLog("dashi: not reloaded, the settings stay as they are: dashi.conf:2: "
                       "invalid value for send_timeout: \"1ms\"\n"))
      << serve.log();
  write("max_connections = 7\nsend_timeout = 6s\n");
  serve.Signal(SIGHUP);
  EXPECT_TRUE(serve.WaitForLog("dashi: reloaded; no setting changed\n")) << serve.log();
  EXPECT_EQ(TypesOf(client.Query("SELECT 1 AS n")), "TDCZ");
  serve.Signal(SIGTERM);
  EXPECT_EQ(serve.WaitForExit(), 0) << serve.log();
  const CommandOutcome refused =
      Dashi({"serve", "w.db", "--config", "absent.conf", "--check-config"});
  EXPECT_EQ(refused.exit_status, 1);
  EXPECT_NE(refused.err.find("absent.conf"), std::string::npos) << refused.err;
}

TEST_F(CommandTest, TheLogOfAServerIsJsonWhereItIsAskedFor) {
  MakeDocuments();
  const auto write = [this](const std::string& text) {
    std::ofstream(folder_ / "dashi.conf") << text;
  };
  write("log_format = json\n");
  const std::vector<std::string> options = {
      "--config",        "dashi.conf", "--slow-statement", "1ms",
      "--slow-log-file", "stderr",     "--audit-log-file", "stderr"};
  ServeProcess serve("w.db", folder_, options);
  ASSERT_GT(serve.port(), 0) << serve.log();
  WireClient client(static_cast<std::uint16_t>(serve.port()));
  client.LogIn();
  const std::string slow =
      "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 100000)\n"
      "SELECT count(*), '\"\x01' FROM c";
  EXPECT_EQ(TypesOf(client.Query(slow)), "TDCZ");
  EXPECT_TRUE(serve.WaitForLog("slow statement")) << serve.log();
  write("log_format = json\nsend_timeout = 1ms\n");
  serve.Signal(SIGHUP);
  EXPECT_TRUE(serve.WaitForLog("not reloaded")) << serve.log();
  serve.Signal(SIGTERM);
  EXPECT_EQ(serve.WaitForExit(), 0) << serve.log();
  std::vector<nlohmann::json> lines;
  std::istringstream log(serve.log());
  for (std::string line; std::getline(log, line);) {
    lines.push_back(nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false));
    ASSERT_TRUE(lines.back().is_object()) << line;
    for (const char* name : {"time", "level", "message"}) {
      ASSERT_TRUE(lines.back().contains(name)) << line;
    }
  }
  const auto with = [&lines](std::string_view begin) {
    for (const nlohmann::json& line : lines) {
      if (line["message"].get<std::string>().starts_with(begin)) {
        return line;
      }
    }
    return nlohmann::json::object();
  };
  EXPECT_EQ(with("serving")["level"], "info");
  EXPECT_EQ(with("login")["client"], "127.0.0.1");
  EXPECT_TRUE(with("login").contains("session"));
  EXPECT_EQ(with("slow statement")["statement"], slow);
  EXPECT_EQ(with("slow statement")["session"], with("login")["session"]);
  EXPECT_TRUE(with("not reloaded").contains("time"));
  EXPECT_TRUE(with("stopping").contains("time"));
}

TEST_F(CommandTest, TheMemoryOfStatementsChangesWhileItServes) {
  MakeDocuments();
  const auto write = [this](const std::string& text) {
    std::ofstream(folder_ / "dashi.conf") << text;
  };
  write("");
  ServeProcess serve("w.db", folder_, {"--config", "dashi.conf"});
  ASSERT_GT(serve.port(), 0) << serve.log();
  const auto shown = [](WireClient& client) {
    return ValuesOf(client.Query("SHOW statement_memory")[1])[0];
  };
  WireClient before(static_cast<std::uint16_t>(serve.port()));
  before.LogIn();
  EXPECT_EQ(shown(before), "1GB");
  write("statement_memory = 2MB\n");
  serve.Signal(SIGHUP);
  EXPECT_TRUE(serve.WaitForLog("reloaded; changed: statement_memory\n")) << serve.log();
  EXPECT_EQ(shown(before), "1GB") << "what it began with";
  WireClient after(static_cast<std::uint16_t>(serve.port()));
  after.LogIn();
  EXPECT_EQ(shown(after), "2MB");
  EXPECT_EQ(TranscriptOf(after.Query("SELECT hex(zeroblob(2000000))")), "E:53200 Z:I");
  EXPECT_EQ(TypesOf(before.Query("SELECT hex(zeroblob(2000000))")), "TDCZ");
}

TEST_F(CommandTest, TheFormatOfTheLogChangesWhileItServes) {
  MakeDocuments();
  const auto write = [this](const std::string& text) {
    std::ofstream(folder_ / "dashi.conf") << text;
  };
  write("");
  ServeProcess serve("w.db", folder_, {"--config", "dashi.conf"});
  ASSERT_GT(serve.port(), 0) << serve.log();
  write("log_format = JSON\n");
  serve.Signal(SIGHUP);
  EXPECT_TRUE(
      serve.WaitForLog("\"level\":\"info\",\"message\":\"reloaded; changed: log_format\"}\n"))
      << serve.log();
  write("");
  serve.Signal(SIGHUP);
  EXPECT_TRUE(serve.WaitForLog("dashi: reloaded; changed: log_format\n")) << serve.log();
  const CommandOutcome refused =
      Dashi({"serve", "w.db", "--log-format", "json", "--host", "0.0.0.0", "--port", "0"});
  EXPECT_EQ(refused.exit_status, 1);
  const auto json = nlohmann::json::parse(refused.err, nullptr, /*allow_exceptions=*/false);
  ASSERT_TRUE(json.is_object()) << refused.err;
  EXPECT_EQ(json["level"], "error");
  EXPECT_NE(json["message"].get<std::string>().find("loopback"), std::string::npos);
  const CommandOutcome unknown = Dashi({"serve", "w.db", "--log-format", "xml", "--check-config"});
  EXPECT_NE(unknown.exit_status, 0);
  EXPECT_NE(unknown.err.find("text or json"), std::string::npos) << unknown.err;
}

}  // namespace
}  // namespace dashi
