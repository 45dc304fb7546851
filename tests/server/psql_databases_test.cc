// A server of several databases, as psql meets it.

#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include "tests/server/command_process.h"

namespace dashi {
namespace {

class PsqlDatabasesTest : public ::testing::Test {
 protected:
  PsqlDatabasesTest()
      : folder_(std::filesystem::path(::testing::TempDir()) /
                ("psql_databases_" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    Make("shop.db", "INSERT INTO labels (id, text) VALUES ('hub', 'a hub'), ('cable', 'a cable')");
    Make("docs.db", "INSERT INTO labels (id, text) VALUES ('page', 'a page')");
  }
  ~PsqlDatabasesTest() override { std::filesystem::remove_all(folder_); }

  void Make(const std::string& directory, const std::string& script) {
    const CommandOutcome made = RunCommand({DashiCommand(), "exec", directory}, folder_, script);
    EXPECT_EQ(made.exit_status, 0) << made.err;
  }

  // Without a terminal, so that nobody is asked for a password.
  CommandOutcome Psql(const ServeProcess& serve, const std::string& where,
                      const std::string& statement) {
    return RunCommand(
        {"setsid", "-w", "psql", "-XAtw", "-d",
         "host=127.0.0.1 port=" + std::to_string(serve.port()) + " " + where, "-c", statement},
        folder_);
  }

  std::filesystem::path folder_;
};

TEST_F(PsqlDatabasesTest, TheNameTellsThemApart) {
  ServeProcess serve("shop.db", folder_, {"docs.db"});
  ASSERT_GT(serve.port(), 0) << serve.log();
  EXPECT_NE(serve.log().find("serving shop.db, docs.db on 127.0.0.1"), std::string::npos)
      << serve.log();
  constexpr const char* kQuestion = "SELECT current_database(), count(*) FROM labels";
  EXPECT_EQ(Psql(serve, "user=ann dbname=shop.db", kQuestion).out, "shop.db|2\n");
  EXPECT_EQ(Psql(serve, "user=ann dbname=docs.db", kQuestion).out, "docs.db|1\n");
  EXPECT_EQ(
      Psql(serve, "user=ann dbname=docs.db", "SELECT datname FROM pg_database ORDER BY 1").out,
      "docs.db\nshop.db\n");
  EXPECT_NE(Psql(serve, "user=ann dbname=docs.db", "\\l").out.find("shop.db|"), std::string::npos);
}

TEST_F(PsqlDatabasesTest, AnUnknownNameIsRefused) {
  ServeProcess serve("shop.db", folder_, {"docs.db"});
  ASSERT_GT(serve.port(), 0) << serve.log();
  for (const std::string where :
       {"user=ann dbname=shops.db", "user=ann dbname=shop", "user=ann", "user=ann dbname=.db"}) {
    const CommandOutcome refused = Psql(serve, where, "SELECT 1");
    EXPECT_EQ(refused.exit_status, 2);
    EXPECT_NE(refused.err.find("\" does not exist"), std::string::npos) << refused.err;
  }
}

TEST_F(PsqlDatabasesTest, EachHasRolesOfItsOwn) {
  Make("docs.db", "CREATE ROLE ann LOGIN PASSWORD 'pencil'; GRANT admin TO ann;");
  ServeProcess serve("shop.db", folder_, {"docs.db"});
  ASSERT_GT(serve.port(), 0) << serve.log();
  EXPECT_EQ(Psql(serve, "user=eve dbname=shop.db", "SELECT 1").out, "1\n");
  EXPECT_EQ(Psql(serve, "user=eve dbname=docs.db", "SELECT 1").exit_status, 2);
  EXPECT_EQ(Psql(serve, "user=ann dbname=docs.db password=pencil", "SELECT 1").out, "1\n");
}

TEST_F(PsqlDatabasesTest, TwoOfOneNameAreRefused) {
  std::filesystem::create_directory(folder_ / "more");
  Make("more/shop.db", "SELECT 1");
  const CommandOutcome refused =
      RunCommand({DashiCommand(), "serve", "shop.db", "more/shop.db", "--port", "0"}, folder_);
  EXPECT_EQ(refused.exit_status, 1);
  EXPECT_NE(refused.err.find("two databases have the name \"shop.db\": shop.db and more/shop.db"),
            std::string::npos)
      << refused.err;
}

// A second name for a database would lead past the rules that name the first.
TEST_F(PsqlDatabasesTest, RulesNameThemAsClientsDo) {
  std::ofstream(folder_ / "access.conf") << "host shop.db all 127.0.0.1/32 reject\n"
                                            "host all     all 127.0.0.1/32 trust\n";
  ServeProcess serve("shop.db", folder_, {"docs.db", "--access-file", "access.conf"});
  ASSERT_GT(serve.port(), 0) << serve.log();
  EXPECT_EQ(Psql(serve, "user=ann dbname=docs.db", "SELECT 1").out, "1\n");
  for (const std::string name : {"shop.db", "shop", "SHOP.DB", "./shop.db"}) {
    EXPECT_EQ(Psql(serve, "user=ann dbname=" + name, "SELECT 1").exit_status, 2) << name;
  }
}

}  // namespace
}  // namespace dashi
