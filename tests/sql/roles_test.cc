// Roles: what the statements say of them, and what each kind of statement needs.

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "base/scram_verifier.h"
#include "sql/parser.h"
#include "sql/roles/role_directory.h"
#include "sql/roles/statement_rights.h"
#include "tests/sql/session_fixture.h"

namespace dashi {
namespace {

using sql::NeededRight;

class RolesTest : public SessionFixture {
 protected:
  std::unique_ptr<Session> As(const std::string& role,
                              std::optional<std::vector<std::string>> folders = std::nullopt) {
    SessionOptions options;
    options.user = role;
    options.unrestricted = false;
    options.file_directories = std::move(folders);
    auto session = database_->NewSession(options);
    EXPECT_TRUE(session.ok()) << role << session.status().ToString();
    return std::move(*session);
  }
  std::string StateOf(Session& session, const std::string& sql) {
    return std::string(Run(session, sql).status().sqlstate());
  }
  std::string First(Session& session, const std::string& sql) {
    const auto rows = Run(session, sql);
    EXPECT_TRUE(rows.ok()) << sql << rows.status().ToString();
    return rows.ok() && !rows->empty() ? rows->front().ToString() : "";
  }
  internal::RoleLogin Login(const std::string& role, std::int64_t now_micros = 0) {
    auto login = internal::RoleDirectory::Find(*database_, role, now_micros);
    EXPECT_TRUE(login.ok()) << login.status().ToString();
    return std::move(*login);
  }
};

TEST_F(RolesTest, AreMadeChangedAndDropped) {
  EXPECT_FALSE(Login("ann").any_roles);
  Must("CREATE ROLE ann WITH LOGIN PASSWORD 'secret one' CONNECTION LIMIT 3");
  Must("CREATE USER \"Bob\" PASSWORD 'x' VALID UNTIL '2030-01-01'");
  Must("CREATE ROLE carl");
  EXPECT_EQ(State("CREATE ROLE ann"), "42710");
  Must("CREATE ROLE IF NOT EXISTS ANN");
  EXPECT_EQ(State("CREATE ROLE reader"), "42939");
  EXPECT_EQ(State("CREATE ROLE pg_x"), "42939");
  EXPECT_EQ(State("CREATE ROLE \"" + std::string(64, 'x') + "\""), "42602");
  Must("GRANT reader, writer TO ann, \"Bob\"");
  EXPECT_EQ(State("GRANT owner TO ann"), "0LP01");
  EXPECT_EQ(State("GRANT reader TO nobody"), "42704");
  Must("REVOKE writer FROM \"Bob\"");
  Must("ALTER ROLE carl RENAME TO carla");
  EXPECT_EQ(State("ALTER ROLE carla RENAME TO ann"), "42710");
  EXPECT_EQ(State("ALTER ROLE carl LOGIN"), "42704");
  const auto names = Run(*session_, "SELECT name || ':' || rights FROM roles");
  ASSERT_TRUE(names.ok());
  EXPECT_EQ(*names, (std::vector<Value>{Value::Text("Bob:reader"),
                                        Value::Text("ann:reader, writer"), Value::Text("carla:")}));
  const internal::RoleLogin ann = Login("ann");
  EXPECT_TRUE(ann.any_roles && ann.exists && ann.may_log_in && !ann.is_admin);
  EXPECT_EQ(ann.num_connections_max, 3);
  ASSERT_TRUE(ann.verifier);
  EXPECT_EQ(MakeScramVerifier("secret one", ann.verifier->salt).ToString(),
            ann.verifier->ToString());
  EXPECT_FALSE(Login("carla").may_log_in);
  EXPECT_FALSE(Login("nobody").exists);
  EXPECT_EQ(Login("nobody").mock_secret, ann.mock_secret);
  EXPECT_EQ(ann.mock_secret.size(), 32U);
  const std::int64_t end_of_2029 = 1'893'456'000'000'000;
  EXPECT_TRUE(Login("Bob", end_of_2029 - 1).may_log_in);
  EXPECT_FALSE(Login("Bob", end_of_2029).may_log_in);
  Must("ALTER ROLE \"Bob\" VALID UNTIL 'infinity'");
  EXPECT_TRUE(Login("Bob", end_of_2029).may_log_in);
  Must("DROP ROLE \"Bob\"");
  EXPECT_EQ(State("DROP ROLE \"Bob\""), "42704");
  Must("DROP USER IF EXISTS \"Bob\"");
  session_.reset();
  Open({});
  EXPECT_EQ(CountOf(*session_, "roles"), 2) << "they are kept";
}

TEST_F(RolesTest, PasswordsAreKeptAsVerifiersAndShownNowhere) {
  Must("CREATE ROLE ann LOGIN PASSWORD 'pencil'");
  // What psql's \password sends.
  const std::string verifier = MakeScramVerifier("from psql", "0123456789abcdef").ToString();
  Must("ALTER USER ann PASSWORD '" + verifier + "'");
  EXPECT_EQ(Login("ann").verifier->ToString(), verifier);
  Must("ALTER USER ann ENCRYPTED PASSWORD 'again'");
  EXPECT_NE(Login("ann").verifier->ToString(), verifier);
  Must("ALTER USER ann PASSWORD NULL");
  EXPECT_FALSE(Login("ann").verifier);
  for (const std::string& wrong :
       {std::string("SCRAM-SHA-256$1:AAAA$AAAA:AAAA"), std::string("md5") + std::string(32, 'a'),
        std::string(), std::string(1025, 'x')}) {
    const Status status = Run(*session_, "ALTER ROLE ann PASSWORD '" + wrong + "'").status();
    EXPECT_EQ(status.sqlstate(), "22023") << wrong;
    EXPECT_TRUE(wrong.size() < 4 || status.ToString().find(wrong) == std::string::npos);
  }
  for (const char* text :
       {"CREATE ROLE eve PASSWORD hunter2", "ALTER ROLE ann PASSWORD hunter2",
        "ALTER ROLE ann PASSWORD 'hunter2' 'hunter2'", "CREATE ROLE ann PASSWORD 'hunter2'",
        "CREATE ROLE reader PASSWORD 'hunter2'"}) {
    const Status status = Run(*session_, text).status();
    EXPECT_FALSE(status.ok()) << text;
    EXPECT_EQ((status.ToString() + std::string(status.hint())).find("hunter2"), std::string::npos)
        << text << status.ToString();
  }
  const auto columns = session_->Execute("SELECT * FROM roles");
  ASSERT_TRUE(columns.ok());
  for (const Column& column : columns->columns()) {
    EXPECT_EQ(column.name.find("verifier"), std::string::npos);
  }
}

TEST_F(RolesTest, RightsHoldFromTheNextStatementOn) {
  Must("CREATE ROLE ann LOGIN PASSWORD 'x'");
  const auto ann = As("ann");
  EXPECT_EQ(StateOf(*ann, "SELECT 1"), "42501");
  const Status denied = Run(*ann, "INSERT INTO labels (id, text) VALUES ('a', 'b')").status();
  EXPECT_EQ(denied.message(), "permission denied: INSERT needs the role writer");
  EXPECT_EQ(denied.hint(), "An admin can run GRANT writer TO ann.");
  Must("GRANT reader TO ann");
  EXPECT_EQ(StateOf(*ann, "SELECT count(*) FROM labels"), "00000");
  Must("BEGIN");
  Must("GRANT writer TO ann");
  EXPECT_EQ(StateOf(*ann, "DELETE FROM labels"), "42501") << "not committed yet";
  Must("COMMIT");
  EXPECT_EQ(StateOf(*ann, "DELETE FROM labels"), "00000");
  Must("REVOKE reader, writer FROM ann");
  EXPECT_EQ(StateOf(*ann, "SELECT count(*) FROM labels"), "42501");
  Must("GRANT admin TO ann");
  EXPECT_EQ(StateOf(*ann, "CREATE ROLE bob"), "00000");
  EXPECT_EQ(StateOf(*ann, "DROP ROLE ann"), "55006");
  Must("DROP ROLE ann");
  EXPECT_EQ(StateOf(*ann, "SELECT 1"), "42501");
}

TEST_F(RolesTest, ASessionKnowsWhoItIs) {
  Must("CREATE ROLE ann");
  Must("ALTER ROLE ann SET statement_timeout = '5s'");
  EXPECT_EQ(State("ALTER ROLE ann SET no_such = 1"), "42704");
  EXPECT_EQ(State("ALTER ROLE ann SET statement_timeout = 'x'"), "22023");
  const auto ann = As("ann");
  EXPECT_EQ(First(*ann, "SHOW statement_timeout"), "5000ms");
  EXPECT_EQ(First(*ann, "SHOW session_authorization"), "ann");
  EXPECT_EQ(First(*ann, "SHOW is_superuser"), "off");
  EXPECT_EQ(StateOf(*ann, "RESET ALL"), "00000");
  EXPECT_EQ(First(*ann, "SHOW session_authorization"), "ann");
  EXPECT_EQ(StateOf(*ann, "SET is_superuser = on"), "55P02");
  EXPECT_EQ(First(*session_, "SHOW is_superuser"), "on");
  Must("ALTER ROLE ann RESET statement_timeout");
  EXPECT_EQ(First(*As("ann"), "SHOW statement_timeout"), "0");
  SessionOptions options;
  options.user = "nobody";
  options.unrestricted = false;
  EXPECT_EQ(database_->NewSession(options).status().sqlstate(), "28000");
}

TEST_F(RolesTest, EverybodyMayChangeTheOwnPasswordAlone) {
  Must("CREATE ROLE ann LOGIN PASSWORD 'x'");
  Must("CREATE ROLE bob LOGIN PASSWORD 'x'");
  const auto ann = As("ann");
  EXPECT_EQ(StateOf(*ann, "ALTER ROLE ann PASSWORD 'y'"), "00000");
  EXPECT_EQ(StateOf(*ann, "ALTER ROLE bob PASSWORD 'y'"), "42501");
  EXPECT_EQ(StateOf(*ann, "ALTER ROLE ann PASSWORD 'y' CONNECTION LIMIT 5"), "42501");
  EXPECT_EQ(StateOf(*ann, "ALTER ROLE ann RENAME TO eve"), "42501");
  EXPECT_EQ(StateOf(*ann, "ALTER ROLE ann SET statement_timeout = 0"), "42501");
}

TEST_F(RolesTest, FilesOfTheServerAreInsideItsFolders) {
  Must("CREATE ROLE ann");
  Must("GRANT admin TO ann");
  const std::filesystem::path folder = directory_.path() + "/files";
  std::filesystem::create_directories(folder / "inner");
  std::ofstream(folder / "labels.csv") << "id,text\nf1,from a file\n";
  std::ofstream(directory_.path() + "/outside.csv") << "id,text\nf2,outside\n";
  std::filesystem::create_symlink("/", folder / "link");
  const auto ann = As("ann", std::vector<std::string>{folder.string()});
  const auto copy = [&](const std::string& path) {
    return StateOf(*ann, "COPY labels FROM '" + path + "' WITH (FORMAT csv, header = on)");
  };
  EXPECT_EQ(copy((folder / "labels.csv").string()), "00000");
  EXPECT_EQ(copy((folder / "inner/../labels.csv").string()), "23505") << "it was read again";
  for (const std::string& outside :
       {directory_.path() + "/outside.csv", (folder / "../outside.csv").string(),
        (folder / "link/etc/passwd").string(), folder.string() + "x/labels.csv",
        std::string("/etc/passwd"), std::string("labels.csv"), std::string()}) {
    EXPECT_EQ(copy(outside), "42501") << outside;
  }
  EXPECT_EQ(StateOf(*ann, "COPY labels TO '" + directory_.path() + "/out.csv'"), "42501");
  EXPECT_EQ(StateOf(*ann, "COPY labels TO '" + (folder / "out.csv").string() + "'"), "00000");
  EXPECT_EQ(StateOf(*ann, "BACKUP TO '" + directory_.path() + "/backups'"), "42501");
  EXPECT_EQ(StateOf(*ann, "BACKUP TO '" + (folder / "backups").string() + "'"), "00000");
  EXPECT_EQ(StateOf(*As("ann", std::vector<std::string>()),
                    "COPY labels TO '" + (folder / "out.csv").string() + "'"),
            "42501")
      << "no folder at all";
}

struct RightsCase {
  const char* sql;
  const char* kind;
  NeededRight needs;
};

// One statement, or more, of each kind.
constexpr RightsCase kCases[] = {
    {"SELECT 1", "SELECT", NeededRight::kReader},
    {"WITH a AS (SELECT 1) SELECT * FROM a", "SELECT", NeededRight::kReader},
    {"VALUES (1)", "SELECT", NeededRight::kReader},
    {"SELECT label FROM topk('x', 1)", "SELECT", NeededRight::kReader},
    {"INSERT INTO labels (id, text) VALUES ('x', 'y')", "INSERT", NeededRight::kWriter},
    {"UPDATE labels SET text = 'z'", "UPDATE", NeededRight::kWriter},
    {"DELETE FROM labels RETURNING id", "DELETE", NeededRight::kWriter},
    {"WITH a AS (SELECT 'q' AS id) DELETE FROM labels WHERE id IN (SELECT id FROM a)", "DELETE",
     NeededRight::kWriter},
    {"EXPLAIN SELECT 1", "EXPLAIN", NeededRight::kReader},
    {"EXPLAIN DELETE FROM labels", "EXPLAIN", NeededRight::kReader},
    {"EXPLAIN ANALYZE DELETE FROM labels", "EXPLAIN", NeededRight::kWriter},
    {"COPY labels FROM STDIN", "COPY FROM STDIN", NeededRight::kWriter},
    {"COPY labels FROM STDIN WITH (FORMAT csv, rejects = '/proc/nowhere/r')", "COPY FROM",
     NeededRight::kAdmin},
    {"COPY labels FROM '/proc/nowhere.csv'", "COPY FROM", NeededRight::kAdmin},
    {"COPY labels TO STDOUT", "COPY TO STDOUT", NeededRight::kReader},
    {"COPY (SELECT 1) TO STDOUT", "COPY TO STDOUT", NeededRight::kReader},
    {"COPY labels TO '/proc/nowhere/x.csv'", "COPY TO", NeededRight::kAdmin},
    {"BEGIN", "BEGIN", NeededRight::kNone},
    {"SET TRANSACTION READ ONLY", "SET TRANSACTION", NeededRight::kNone},
    {"SAVEPOINT a", "SAVEPOINT", NeededRight::kNone},
    {"ROLLBACK TO a", "ROLLBACK TO", NeededRight::kNone},
    {"RELEASE a", "RELEASE", NeededRight::kNone},
    {"ROLLBACK", "ROLLBACK", NeededRight::kNone},
    {"COMMIT", "COMMIT", NeededRight::kNone},
    {"SET ann.ef = 16", "SET", NeededRight::kNone},
    {"RESET ann.ef", "RESET", NeededRight::kNone},
    {"SHOW ann.ef", "SHOW", NeededRight::kNone},
    {"SHOW ROLES", "SHOW LIST", NeededRight::kReader},
    {"SHOW MODEL m", "SHOW MODEL", NeededRight::kReader},
    {"DESCRIBE labels", "DESCRIBE", NeededRight::kReader},
    {"ALTER TABLE labels ADD COLUMN price REAL", "ALTER TABLE", NeededRight::kAdmin},
    {"CREATE INDEX i ON labels (price)", "CREATE INDEX", NeededRight::kTrainer},
    {"DROP INDEX i", "DROP INDEX", NeededRight::kTrainer},
    {"COMMENT ON TABLE labels IS 'x'", "COMMENT", NeededRight::kAdmin},
    {"CREATE GRAPH g FROM documents TO labels", "CREATE GRAPH", NeededRight::kTrainer},
    {"DROP GRAPH g", "DROP GRAPH", NeededRight::kTrainer},
    {"CREATE MODEL m USING ngame", "CREATE MODEL", NeededRight::kTrainer},
    {"CREATE MODEL m2 USING ngame WITH (path = '/proc/nowhere')", "CREATE MODEL",
     NeededRight::kAdmin},
    {"ALTER MODEL m SET (retain_releases = 1)", "ALTER MODEL", NeededRight::kTrainer},
    {"DROP MODEL IF EXISTS m", "DROP MODEL", NeededRight::kTrainer},
    {"DROP RELEASE m@1", "DROP RELEASE", NeededRight::kTrainer},
    {"PIN RELEASE m@1", "PIN RELEASE", NeededRight::kTrainer},
    {"REFRESH MODEL m", "REFRESH MODEL", NeededRight::kTrainer},
    {"EXPLAIN TRAIN MODEL m", "TRAIN MODEL", NeededRight::kTrainer},
    {"TRAIN MODEL m", "TRAIN MODEL", NeededRight::kTrainer},
    {"EVALUATE MODEL m@1 ON 'test'", "EVALUATE MODEL", NeededRight::kTrainer},
    {"COMPARE m@1 WITH m@2 ON 'test'", "COMPARE", NeededRight::kTrainer},
    {"PUBLISH m@1", "PUBLISH", NeededRight::kTrainer},
    {"REVERT MODEL m", "REVERT", NeededRight::kTrainer},
    {"WAIT JOB 99", "WAIT JOB", NeededRight::kTrainer},
    {"CANCEL JOB 99", "CANCEL JOB", NeededRight::kTrainer},
    {"PAUSE JOB 99", "PAUSE JOB", NeededRight::kTrainer},
    {"RESUME JOB 99", "RESUME JOB", NeededRight::kTrainer},
    {"EXPORT MODEL m@1 TO '/proc/nowhere/x'", "EXPORT MODEL", NeededRight::kAdmin},
    {"IMPORT MODEL m3 FROM '/proc/nowhere'", "IMPORT MODEL", NeededRight::kAdmin},
    {"BACKUP TO '/proc/nowhere/x'", "BACKUP", NeededRight::kAdmin},
    {"SHOW BACKUPS FROM '/proc/nowhere'", "SHOW BACKUPS", NeededRight::kAdmin},
    {"CHECK DATABASE", "CHECK DATABASE", NeededRight::kAdmin},
    {"CANCEL SESSION 1", "CANCEL SESSION", NeededRight::kNone},
    {"TERMINATE SESSION 1", "TERMINATE SESSION", NeededRight::kNone},
    {"CREATE SCHEDULE s CRON '@daily' AS SELECT 1", "CREATE SCHEDULE", NeededRight::kTrainer},
    {"ALTER SCHEDULE s CRON '@hourly'", "ALTER SCHEDULE", NeededRight::kTrainer},
    {"PAUSE SCHEDULE s", "PAUSE SCHEDULE", NeededRight::kTrainer},
    {"RESUME SCHEDULE s", "RESUME SCHEDULE", NeededRight::kTrainer},
    {"RUN SCHEDULE s", "RUN SCHEDULE", NeededRight::kTrainer},
    {"DROP SCHEDULE s", "DROP SCHEDULE", NeededRight::kTrainer},
    {"CREATE ROLE made", "CREATE ROLE", NeededRight::kAdmin},
    {"ALTER ROLE made LOGIN", "ALTER ROLE", NeededRight::kAdmin},
    {"ALTER ROLE made PASSWORD 'x'", "ALTER ROLE", NeededRight::kOwnPassword},
    {"GRANT reader TO made", "GRANT", NeededRight::kAdmin},
    {"REVOKE reader FROM made", "REVOKE", NeededRight::kAdmin},
    {"DROP ROLE made", "DROP ROLE", NeededRight::kAdmin},
};

TEST(StatementRightsTest, EveryKindOfStatementIsTriedHere) {
  std::set<std::size_t> seen;
  for (const RightsCase& each : kCases) {
    const auto parsed = sql::ParseOne(each.sql);
    ASSERT_TRUE(parsed.ok()) << each.sql << parsed.status().ToString();
    const sql::StatementTraits traits = sql::TraitsOf(parsed->node);
    EXPECT_EQ(traits.kind, each.kind) << each.sql;
    EXPECT_EQ(traits.needs, each.needs) << each.sql;
    seen.insert(parsed->node.index());
  }
  EXPECT_EQ(seen.size(), std::variant_size_v<sql::StatementNode>)
      << "a kind of statement is in no case";
}

// Whether a role with one right may run what needs `needs`, told apart from the code.
bool Expected(const std::string& right, NeededRight needs) {
  switch (needs) {
    case NeededRight::kNone:
      return true;
    case NeededRight::kReader:
      return !right.empty();
    case NeededRight::kWriter:
      return right == "writer" || right == "admin";
    case NeededRight::kTrainer:
      return right == "trainer" || right == "admin";
    case NeededRight::kAdmin:
    case NeededRight::kOwnPassword:
      break;
  }
  return right == "admin";
}

TEST_F(RolesTest, EachRoleRunsWhatItMay) {
  for (const std::string right : {"", "reader", "writer", "trainer", "admin"}) {
    const std::string role = "role_" + right;
    Must("CREATE ROLE " + role);
    if (!right.empty()) {
      Must("GRANT " + right + " TO " + role);
    }
    const auto session = As(role);
    for (const RightsCase& each : kCases) {
      const std::string state = StateOf(*session, each.sql);
      EXPECT_EQ(state != "42501", Expected(right, each.needs))
          << role << ": " << each.sql << ": " << state;
      if (session->in_transaction() &&
          std::string(each.kind).find("TRANSACTION") == std::string::npos &&
          each.needs != NeededRight::kNone) {
        Run(*session, "ROLLBACK").status().IgnoreError("there may be none");
      }
    }
  }
}

}  // namespace
}  // namespace dashi
