// The real psql against a real server. Registered only where psql is installed.

#include <csignal>
#include <filesystem>
#include <memory>
#include <string>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include "tests/server/command_process.h"

namespace dashi {
namespace {

class PsqlTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        std::filesystem::path(::testing::TempDir()) / ("psql_test_" + std::to_string(::getpid()));
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    const CommandOutcome made = RunCommand(
        {DashiCommand(), "exec", "w.db", "-c",
         "INSERT INTO labels (id, text) VALUES ('L1', 'headphones'), ('L2', '日本'), ('L3', '')"},
        folder_);
    ASSERT_EQ(made.exit_status, 0) << made.err;
    serve_ = std::make_unique<ServeProcess>("w.db", folder_);
    ASSERT_GT(serve_->port(), 0) << serve_->log();
  }
  void TearDown() override {
    serve_.reset();
    std::filesystem::remove_all(folder_);
  }

  CommandOutcome Psql(const std::vector<std::string>& words, std::string_view input = "") {
    std::vector<std::string> command = {"psql", "-X",
                                        "-h",   "127.0.0.1",
                                        "-p",   std::to_string(serve_->port()),
                                        "-v",   "VERBOSITY=verbose"};
    command.insert(command.end(), words.begin(), words.end());
    return RunCommand(command, folder_, input);
  }

  std::filesystem::path folder_;
  std::unique_ptr<ServeProcess> serve_;
};

TEST_F(PsqlTest, RunsAQuery) {
  const CommandOutcome outcome = Psql({"-c", "SELECT id, text FROM labels ORDER BY id"});
  EXPECT_EQ(outcome.exit_status, 0) << outcome.err;
  EXPECT_EQ(
      outcome.out,
      " id |    text    \n----+------------\n L1 | headphones\n L2 | 日本\n L3 | \n(3 rows)\n\n");
  EXPECT_EQ(outcome.err, "");
}

TEST_F(PsqlTest, NumbersAreNumbers) {
  EXPECT_EQ(Psql({"-c", "SELECT 1 AS a, 0.5 AS b, 'x' AS c"}).out,
            " a |  b  | c \n---+-----+---\n 1 | 0.5 | x\n(1 row)\n\n");
  EXPECT_EQ(Psql({"-At", "-c", "SELECT count(*) FROM labels"}).out, "3\n");
}

TEST_F(PsqlTest, ShowsErrorsWithTheirPlace) {
  const CommandOutcome outcome = Psql({"-c", "SELECT id, nope FROM labels"});
  EXPECT_EQ(outcome.exit_status, 1);
  EXPECT_TRUE(outcome.err.starts_with("ERROR:  42703: ")) << outcome.err;
  EXPECT_NE(outcome.err.find("LINE 1: SELECT id, nope FROM labels\n                   ^"),
            std::string::npos)
      << outcome.err;
}

TEST_F(PsqlTest, SeveralStatementsAreOneTransaction) {
  const CommandOutcome failed =
      Psql({"-c", "INSERT INTO labels (id, text) VALUES ('L4', 'x'); SELECT nope"});
  EXPECT_EQ(failed.exit_status, 1);
  EXPECT_EQ(Psql({"-At", "-c", "SELECT count(*) FROM labels"}).out, "3\n");
  const CommandOutcome done = Psql({"-At", "-c",
                                    "INSERT INTO labels (id, text) VALUES ('L4', 'x'); "
                                    "SELECT count(*) FROM labels"});
  EXPECT_EQ(done.exit_status, 0) << done.err;
  EXPECT_EQ(done.out, "INSERT 0 1\n4\n");
}

TEST_F(PsqlTest, TransactionsSpanQueries) {
  const CommandOutcome outcome =
      Psql({"-At", "-v", "ON_ERROR_STOP=0"},
           "BEGIN;\nDELETE FROM labels WHERE id = 'L1';\nSELECT count(*) FROM labels;\n"
           "SELECT nope;\nSELECT 1;\nROLLBACK;\nSELECT count(*) FROM labels;\n");
  EXPECT_EQ(outcome.out, "BEGIN\nDELETE 1\n2\nROLLBACK\n3\n") << outcome.err;
  EXPECT_NE(outcome.err.find("ERROR:  25P02"), std::string::npos) << outcome.err;
}

// What \d and its kin ask for, and how psql shows it.
TEST_F(PsqlTest, DescribesTables) {
  const CommandOutcome made = Psql({"-c", "ALTER TABLE documents ADD COLUMN year INTEGER", "-c",
                                    "ALTER TABLE documents ADD COLUMN active BOOLEAN DEFAULT true",
                                    "-c", "CREATE INDEX documents_year ON documents (year)", "-c",
                                    "COMMENT ON COLUMN documents.year IS 'of its making'"});
  ASSERT_EQ(made.exit_status, 0) << made.err;
  EXPECT_EQ(Psql({"-c", "\\d documents"}).out,
            "                        Table \"public.documents\"\n"
            "   Column   |           Type           | Collation | Nullable | Default \n"
            "------------+--------------------------+-----------+----------+---------\n"
            " id         | text                     |           | not null | \n"
            " text       | text                     |           |          | \n"
            " split      | text                     |           |          | \n"
            " updated_at | timestamp with time zone |           |          | \n"
            " year       | bigint                   |           |          | \n"
            " active     | boolean                  |           |          | true\n"
            "Indexes:\n"
            "    \"documents_pkey\" PRIMARY KEY, btree (id)\n"
            "    \"documents_year\" btree (year)\n"
            "Referenced by:\n"
            "    TABLE \"relevance\" CONSTRAINT \"relevance_document_fkey\" FOREIGN KEY (document) "
            "REFERENCES documents(id) ON DELETE CASCADE\n\n");
  EXPECT_EQ(Psql({"-c", "\\d relevance"}).out,
            "                   Table \"public.relevance\"\n"
            "  Column  |       Type       | Collation | Nullable | Default \n"
            "----------+------------------+-----------+----------+---------\n"
            " document | text             |           | not null | \n"
            " label    | text             |           | not null | \n"
            " weight   | double precision |           |          | \n"
            "Indexes:\n"
            "    \"relevance_pkey\" PRIMARY KEY, btree (document, label)\n"
            "Foreign-key constraints:\n"
            "    \"relevance_document_fkey\" FOREIGN KEY (document) REFERENCES documents(id) ON "
            "DELETE CASCADE\n"
            "    \"relevance_label_fkey\" FOREIGN KEY (label) REFERENCES labels(id) ON DELETE "
            "CASCADE\n\n");
  EXPECT_EQ(Psql({"-At", "-c", "\\d+ documents"}).out,
            "id|text||not null||extended|||\n"
            "text|text||||extended|||\n"
            "split|text||||extended|||\n"
            "updated_at|timestamp with time zone||||plain|||\n"
            "year|bigint||||plain|||of its making\n"
            "active|boolean|||true|plain|||\n");
  const CommandOutcome index = Psql({"-c", "\\d documents_year"});
  EXPECT_NE(index.out.find(" year   | bigint | yes  | year\nbtree, for table "
                           "\"public.documents\"\n"),
            std::string::npos)
      << index.out << index.err;
  EXPECT_TRUE(Psql({"-c", "\\d+ models"}).out.ends_with("   FROM models;\n\n"));
  const CommandOutcome unknown = Psql({"-c", "\\d nope"});
  EXPECT_EQ(unknown.err, "Did not find any relation named \"nope\".\n");
}

TEST_F(PsqlTest, ListsObjects) {
  EXPECT_EQ(Psql({"-c", "\\dt"}).out,
            "         List of relations\n"
            " Schema |   Name    | Type  | Owner \n"
            "--------+-----------+-------+-------\n"
            " public | anchors   | table | dashi\n"
            " public | documents | table | dashi\n"
            " public | edges     | table | dashi\n"
            " public | labels    | table | dashi\n"
            " public | relevance | table | dashi\n"
            "(5 rows)\n\n");
  EXPECT_EQ(Psql({"-At", "-c", "\\di"}).out,
            "public|anchors_pkey|index|dashi|anchors\n"
            "public|documents_pkey|index|dashi|documents\n"
            "public|labels_pkey|index|dashi|labels\n"
            "public|relevance_pkey|index|dashi|relevance\n");
  EXPECT_EQ(Psql({"-At", "-c", "\\dn"}).out, "public|dashi\n");
  EXPECT_EQ(Psql({"-At", "-c", "\\du"}).out, "dashi|Superuser, Create role, Bypass RLS|{}\n");
  EXPECT_EQ(Psql({"-At", "-c", "\\l"}).out, "w.db|dashi|UTF8|C.UTF-8|C.UTF-8||libc|\n");
  EXPECT_EQ(Psql({"-At", "-c", "\\dT"}).out, "public|vector|\n");
  EXPECT_EQ(Psql({"-At", "-c", "\\df similarity"}).out,
            "public|similarity|double precision|a text, b text|func\n"
            "public|similarity|double precision|a text, b text, options text|func\n");
  EXPECT_EQ(Psql({"-At", "-c", "\\dv mod*"}).out, "public|models|view|dashi\n");
  EXPECT_EQ(Psql({"-At", "-c", "\\dtS pg_am"}).out, "pg_catalog|pg_am|table|dashi\n");
}

// Every command that asks the catalog gets an answer.
TEST_F(PsqlTest, CommandsOfTheCatalogDoNotFail) {
  for (const char* command :
       {"\\d",         "\\d+",  "\\dS",  "\\da",         "\\dA",
        "\\dA+",       "\\db",  "\\db+", "\\dc",         "\\dC",
        "\\dd",        "\\dD",  "\\ddp", "\\dE",         "\\det",
        "\\des",       "\\dew", "\\deu", "\\df",         "\\df+",
        "\\dF",        "\\dFd", "\\dFp", "\\dFt",        "\\dg",
        "\\dg+",       "\\di+", "\\dL",  "\\dL+",        "\\dm",
        "\\dn+",       "\\do",  "\\dO",  "\\dp",         "\\dP",
        "\\drds",      "\\dRp", "\\dRs", "\\ds",         "\\dt+",
        "\\dT+",       "\\dTS", "\\du+", "\\dv+",        "\\dx",
        "\\dX",        "\\dy",  "\\l+",  "\\d pg_class", "\\d information_schema.tables",
        "\\sv models", "\\z"}) {
    const CommandOutcome outcome = Psql({"-c", command});
    EXPECT_EQ(outcome.err.find("ERROR"), std::string::npos) << command << outcome.err;
    EXPECT_EQ(outcome.exit_status, 0) << command << outcome.err;
  }
}

TEST_F(PsqlTest, KnowsTheServer) {
  EXPECT_TRUE(Psql({"-At", "-c", "SELECT version()"}).out.starts_with("PostgreSQL 15."));
  EXPECT_EQ(Psql({"-At", "-c", "SHOW application_name"}).out, "psql\n");
  EXPECT_EQ(Psql({"-At"}, "\\echo :SERVER_VERSION_NUM\n").out, "150000\n");
}

TEST_F(PsqlTest, OptionsSetSettings) {
  ::setenv("PGOPTIONS", "-c statement_timeout=200ms", 1);
  const CommandOutcome outcome =
      Psql({"-c",
            "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) "
            "SELECT max(n) FROM r"});
  ::unsetenv("PGOPTIONS");
  EXPECT_NE(outcome.err.find("ERROR:  57014"), std::string::npos) << outcome.err;
}

TEST_F(PsqlTest, DescribesWithoutRunning) {
  EXPECT_EQ(Psql({"-At"}, "SELECT id, text AS t FROM labels \\gdesc\nSELECT 1 \\gdesc\n").out,
            "id|text\nt|text\n1|bigint\n");
  EXPECT_NE(Psql({}, "SELECT nope FROM labels \\gdesc\n").err.find("ERROR:  42703"),
            std::string::npos);
}

TEST_F(PsqlTest, FetchesInPieces) {
  const CommandOutcome outcome = Psql({"-At", "-v", "FETCH_COUNT=2"},
                                      "SELECT id FROM labels ORDER BY id;\n"
                                      "BEGIN;\nSELECT id FROM labels ORDER BY id;\nCOMMIT;\n");
  EXPECT_EQ(outcome.out, "L1\nL2\nL3\nBEGIN\nL1\nL2\nL3\nCOMMIT\n") << outcome.err;
}

TEST_F(PsqlTest, CopiesBothWays) {
  const std::string shown = "COPY 3\n";
  const CommandOutcome out = Psql({}, "\\copy (SELECT id, text FROM labels) TO 'first'\n");
  EXPECT_EQ(out.out, shown) << out.err;
  for (const std::string format : {"text", "csv", "binary"}) {
    const std::string options = " (FORMAT " + format + ")\n";
    const CommandOutcome outcome =
        Psql({}, "\\copy labels (id, text) TO 'rows'" + options +
                     "\\copy anchors (id, text) FROM 'rows'" + options +
                     "\\copy (SELECT id, text FROM anchors ORDER BY id) TO 'again'\n"
                     "DELETE FROM anchors;\n\\! cmp first again\n");
    EXPECT_EQ(outcome.out, shown + shown + shown + "DELETE 3\n") << format << outcome.err;
    EXPECT_EQ(outcome.err, "");
  }
}

TEST_F(PsqlTest, Watches) {
  const CommandOutcome outcome =
      RunCommand({"/usr/bin/timeout", "--signal=INT", "--kill-after=30", "2", "psql", "-X", "-At",
                  "-h", "127.0.0.1", "-p", std::to_string(serve_->port())},
                 folder_, "SELECT 'seen' \\watch 0.1\n");
  const std::size_t first = outcome.out.find("seen");
  ASSERT_NE(first, std::string::npos) << outcome.err;
  EXPECT_NE(outcome.out.find("seen", first + 1), std::string::npos);
}

TEST_F(PsqlTest, CtrlCCancelsTheQuery) {
  // psql turns SIGINT into a CancelRequest of its own connection, once it has one: on a busy
  // machine that takes longer, and the signal comes later at the next try.
  CommandOutcome outcome;
  for (const char* seconds : {"0.5", "2", "8", "32"}) {
    outcome = RunCommand(
        {"/usr/bin/timeout", "--signal=INT", "--kill-after=30", seconds, "psql", "-X", "-h",
         "127.0.0.1", "-p", std::to_string(serve_->port()), "-c",
         "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT max(n) FROM r"},
        folder_);
    if (outcome.err.find("ERROR:  ") != std::string::npos) {
      break;
    }
  }
  EXPECT_NE(outcome.err.find("ERROR:  "), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("cancel"), std::string::npos) << outcome.err;
}

}  // namespace
}  // namespace dashi
