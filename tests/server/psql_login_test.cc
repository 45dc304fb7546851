// Roles, passwords and access rules as psql, which is libpq, meets them; and the audit log.

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include "tests/server/certificates.h"
#include "tests/server/command_process.h"

namespace dashi {
namespace {

class PsqlLoginTest : public ::testing::Test {
 protected:
  PsqlLoginTest()
      : folder_(std::filesystem::path(::testing::TempDir()) /
                ("psql_login_" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    const CommandOutcome made =
        RunCommand({DashiCommand(), "exec", "w.db"}, folder_,
                   "CREATE ROLE ann LOGIN PASSWORD 'ann''s pencil'; GRANT admin TO ann;"
                   "CREATE ROLE bob LOGIN PASSWORD 'caf\u00e9 \u2168'; GRANT reader TO bob;"
                   "CREATE ROLE eve LOGIN PASSWORD 'x' VALID UNTIL '2001-01-01';"
                   "CREATE ROLE group_of_people;");
    EXPECT_EQ(made.exit_status, 0) << made.err;
  }
  ~PsqlLoginTest() override { std::filesystem::remove_all(folder_); }

  CommandOutcome Psql(const ServeProcess& serve, const std::string& where,
                      const std::vector<std::string>& words, std::string_view input = "") {
    // Without a terminal, so that passwords are read from the input.
    std::vector<std::string> command = {
        "setsid", "-w",
        "psql",   "-XAtw",
        "-d",     "host=127.0.0.1 dbname=w port=" + std::to_string(serve.port()) + " " + where};
    command.insert(command.end(), words.begin(), words.end());
    return RunCommand(command, folder_, input);
  }
  CommandOutcome Login(const ServeProcess& serve, const std::string& where) {
    return Psql(serve, where, {"-c", "SELECT 40 + 2"});
  }

  std::filesystem::path folder_;
};

constexpr const char* kAnn = "user=ann password='ann\\'s pencil'";
constexpr const char* kBob = "user=bob password='caf\u00e9 \u2168'";

TEST_F(PsqlLoginTest, ThePasswordLetsIn) {
  ServeProcess serve("w.db", folder_);
  ASSERT_GT(serve.port(), 0) << serve.log();
  EXPECT_EQ(Login(serve, kAnn).out, "42\n") << Login(serve, kAnn).err;
  EXPECT_EQ(Login(serve, kBob).out, "42\n") << Login(serve, kBob).err;
  for (const std::string where : {"user=ann password=wrong", "user=nobody password=x",
                                  "user=eve password=x", "user=group_of_people password=x"}) {
    const CommandOutcome refused = Login(serve, where);
    EXPECT_EQ(refused.exit_status, 2);
    const std::string name = where.substr(5, where.find(' ') - 5);
    EXPECT_NE(
        refused.err.find("FATAL:  password authentication failed for user \"" + name + "\"\n"),
        std::string::npos)
        << refused.err;
  }
  const CommandOutcome none = Login(serve, "user=ann");
  EXPECT_NE(none.err.find("no password supplied"), std::string::npos) << none.err;
}

TEST_F(PsqlLoginTest, ChannelBindingWorksOverTlsAlone) {
  const CertificateFiles files = MakeCertificate(folder_);
  ServeProcess serve("w.db", folder_, {files.certificate_flag(), files.key_flag()});
  ASSERT_GT(serve.port(), 0) << serve.log();
  const std::string ann = kAnn;
  const CommandOutcome bound = Login(serve, ann + " sslmode=require channel_binding=require");
  EXPECT_EQ(bound.out, "42\n") << bound.err;
  const CommandOutcome unbound = Login(serve, ann + " sslmode=require channel_binding=disable");
  EXPECT_EQ(unbound.out, "42\n") << unbound.err;
  const CommandOutcome wrong =
      Login(serve, "user=ann password=x sslmode=require channel_binding=require");
  EXPECT_NE(wrong.err.find("password authentication failed"), std::string::npos) << wrong.err;
  EXPECT_EQ(Login(serve, ann + " sslmode=disable").out, "42\n");
  EXPECT_EQ(Login(serve, ann + " sslmode=disable channel_binding=require").exit_status, 2);
}

TEST_F(PsqlLoginTest, RightsAndPasswordsAreChangedWhileServing) {
  ServeProcess serve("w.db", folder_);
  ASSERT_GT(serve.port(), 0) << serve.log();
  const CommandOutcome denied =
      Psql(serve, kBob, {"-c", "INSERT INTO labels (id, text) VALUES ('a', 'b')"});
  EXPECT_NE(denied.err.find("permission denied: INSERT needs the role writer"), std::string::npos)
      << denied.err;
  EXPECT_EQ(Psql(serve, kAnn, {"-c", "GRANT writer TO bob"}).out, "GRANT ROLE\n");
  EXPECT_EQ(Psql(serve, kBob, {"-c", "INSERT INTO labels (id, text) VALUES ('a', 'b')"}).out,
            "INSERT 0 1\n");
  EXPECT_EQ(Psql(serve, kBob, {"-c", "SHOW is_superuser", "-c", "SHOW session_authorization"}).out,
            "off\nbob\n");
  // psql makes the verifier itself and sends ALTER USER.
  const CommandOutcome changed = Psql(serve, kBob, {"-c", "\\password"}, "new one\nnew one\n");
  EXPECT_EQ(changed.exit_status, 0) << changed.err;
  EXPECT_EQ(Login(serve, "user=bob password='new one'").out, "42\n");
  EXPECT_EQ(Login(serve, kBob).exit_status, 2);
  EXPECT_EQ(Psql(serve, "user=bob password='new one'", {"-c", "ALTER ROLE ann PASSWORD 'mine'"})
                .exit_status,
            1);
  // Files of the server are nobody's, unless it is told where they may be.
  const CommandOutcome copy = Psql(serve, kAnn, {"-c", "COPY labels TO '/tmp/dashi_copy.csv'"});
  EXPECT_NE(copy.err.find("in no folder of file_directories"), std::string::npos) << copy.err;
}

TEST_F(PsqlLoginTest, RulesSayWhoIsLetInHow) {
  const auto write = [this](const std::string& rules) {
    std::ofstream(folder_ / "access.conf") << rules;
  };
  write("host all bob all reject\nhost all all 127.0.0.1 trust\nlocal all all scram-sha-256\n");
  ServeProcess serve("w.db", folder_,
                     {"--access-file", "access.conf", "--unix-socket-directory", folder_.string()});
  ASSERT_GT(serve.port(), 0) << serve.log();
  EXPECT_EQ(Login(serve, "user=ann").out, "42\n") << "trusted";
  EXPECT_NE(Login(serve, "user=nobody").err.find("role \"nobody\" does not exist"),
            std::string::npos);
  EXPECT_NE(Login(serve, "user=group_of_people").err.find("is not permitted to log in"),
            std::string::npos);
  const std::string refused = Login(serve, kBob).err;
  EXPECT_NE(refused.find("no access rule lets in host \"127.0.0.1\", user \"bob\", "
                         "database \"w\", no encryption"),
            std::string::npos)
      << refused;
  EXPECT_EQ(Login(serve, std::string(kBob) + " host=" + folder_.string()).out, "42\n");
  write("host all all 127.0.0.1 scram\n");
  serve.Signal(SIGHUP);
  EXPECT_TRUE(serve.WaitForLog("access.conf:1: want trust, scram-sha-256 or reject: got scram"))
      << serve.log();
  EXPECT_EQ(Login(serve, "user=ann").out, "42\n") << "as before";
  write("host all all 127.0.0.1 scram-sha-256\n");
  serve.Signal(SIGHUP);
  EXPECT_TRUE(serve.WaitForLog("dashi: reloaded")) << serve.log();
  EXPECT_EQ(Login(serve, "user=ann").exit_status, 2);
  EXPECT_EQ(Login(serve, kBob).out, "42\n");
}

TEST_F(PsqlLoginTest, ServeRefusesRulesThatAreWrong) {
  std::ofstream(folder_ / "access.conf") << "host all all all trust\n";
  const CommandOutcome outcome = RunCommand({DashiCommand(), "serve", "w.db", "--port", "0",
                                             "--access-file", "access.conf", "--check-config"},
                                            folder_);
  EXPECT_EQ(outcome.exit_status, 1);
  EXPECT_NE(outcome.err.find("access.conf:1: trust is for the addresses of this machine alone"),
            std::string::npos)
      << outcome.err;
}

TEST_F(PsqlLoginTest, TheAuditLogTellsWhatMattersAndNoSecret) {
  const std::filesystem::path path = folder_ / "audit.jsonl";
  ServeProcess serve("w.db", folder_,
                     {"--audit-log-file", path.string(), "--file-directories", folder_.string()});
  ASSERT_GT(serve.port(), 0) << serve.log();
  Login(serve, "user=ann password=hunter2");
  Psql(serve, kAnn,
       {"-c", "CREATE ROLE carl PASSWORD 'hunter2'", "-c", "SELECT 1", "-c",
        "BACKUP TO '" + (folder_ / "backups").string() + "'", "-c", "REVERT MODEL m"});
  std::filesystem::rename(path, folder_ / "audit.old");
  serve.Signal(SIGHUP);
  EXPECT_TRUE(serve.WaitForLog("dashi: reloaded")) << serve.log();
  Psql(serve, kBob, {"-c", "DROP ROLE ann"});
  const auto lines = [](const std::filesystem::path& file) {
    std::vector<std::string> all;
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) {
      EXPECT_TRUE(line.starts_with("{\"time\":\"") && line.ends_with("}")) << line;
      EXPECT_EQ(line.find("hunter2"), std::string::npos);
      EXPECT_EQ(line.find("SCRAM"), std::string::npos);
      all.push_back(line.substr(line.find("\"event\"")));
    }
    return all;
  };
  const std::string ann = "\"role\":\"ann\",\"address\":\"127.0.0.1\",";
  EXPECT_EQ(lines(folder_ / "audit.old"),
            (std::vector<std::string>{
                "\"event\":\"login failed\"," + ann +
                    "\"database\":\"w\",\"encrypted\":false,\"rule\":\"default\","
                    "\"outcome\":\"28P01\"}",
                "\"event\":\"login\"," + ann +
                    "\"database\":\"w\",\"encrypted\":false,\"rule\":\"default\","
                    "\"outcome\":\"ok\"}",
                "\"event\":\"statement\"," + ann +
                    "\"kind\":\"CREATE ROLE\",\"object\":\"carl\",\"outcome\":\"ok\"}",
                "\"event\":\"statement\"," + ann + "\"kind\":\"BACKUP\",\"object\":\"" +
                    (folder_ / "backups").string() + "\",\"outcome\":\"ok\"}",
                "\"event\":\"statement\"," + ann +
                    "\"kind\":\"REVERT\",\"object\":\"m\",\"outcome\":\"42704\"}"}));
  const auto after = lines(path);
  ASSERT_EQ(after.size(), 2U);
  EXPECT_EQ(after[1],
            "\"event\":\"statement\",\"role\":\"bob\",\"address\":\"127.0.0.1\","
            "\"kind\":\"DROP ROLE\",\"object\":\"ann\",\"outcome\":\"42501\"}");
  EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms(0600));
}

}  // namespace
}  // namespace dashi
