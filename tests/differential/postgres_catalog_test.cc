// The catalog against PostgreSQL's own: the same queries, and columns of the same names and types;
// where what they tell does not depend on the database, the same rows.

#include <filesystem>
#include <memory>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "dashi/database.h"
#include "server/server.h"
#include "sql/pg_catalog/builtin_types.h"
#include "sql/pg_catalog/system_relations.h"
#include "sql/shell/session_runner.h"
#include "tests/differential/postgres_server.h"
#include "tests/server/wire_client.h"

namespace dashi::differential {
namespace {

using Columns = std::vector<std::pair<std::string, std::uint32_t>>;

struct Reply {
  Columns columns;
  std::vector<std::string> rows;
  std::string error;
};

Reply ReplyTo(WireClient& client, const std::string& sql) {
  Reply reply;
  for (const ServerMessage& message : client.Query(sql)) {
    if (message.type == 'T') {
      reply.columns = ColumnsOf(message);
    } else if (message.type == 'D') {
      std::string row;
      for (const std::string& value : ValuesOf(message)) {
        row += (row.empty() ? "" : " | ") + value;
      }
      reply.rows.push_back(std::move(row));
    } else if (message.type == 'E') {
      reply.error = FieldOf(message, 'C') + " " + FieldOf(message, 'M');
    }
  }
  return reply;
}

/// Texts of limited length, and types that no value here has, are announced as text.
std::uint32_t Announced(std::uint32_t theirs) {
  constexpr std::uint32_t kText = 25;
  constexpr std::uint32_t kOthers[] = {1043, 17, 3220, 2277, 869};
  for (const std::uint32_t other : kOthers) {
    if (theirs == other) {
      return kText;
    }
  }
  return theirs;
}

class PostgresCatalogTest : public ::testing::Test {
 protected:
  // PostgreSQL takes seconds to start, so the tests share it.
  static void SetUpTestSuite() {
    auto postgres = PostgresServer::Start();
    ASSERT_TRUE(postgres.ok()) << postgres.status().ToString();
    shared_postgres = std::move(*postgres);
    shared_folder = std::filesystem::path(::testing::TempDir()) /
                    ("postgres_catalog_test_" + std::to_string(::getpid()));
    std::filesystem::remove_all(shared_folder);
    auto database = Database::Open((shared_folder / "w.db").string());
    ASSERT_TRUE(database.ok()) << database.status().ToString();
    shared_database = std::move(*database);
    const auto make_runner = []() -> Result<std::unique_ptr<StatementRunner>> {
      auto session = shared_database->NewSession();
      if (!session.ok()) {
        return session.status();
      }
      return std::unique_ptr<StatementRunner>(std::make_unique<SessionRunner>(std::move(*session)));
    };
    auto server = Server::Start({.port = 0}, make_runner, [] { return 7U; });
    ASSERT_TRUE(server.ok()) << server.status().ToString();
    shared_server = std::move(*server);
  }
  static void TearDownTestSuite() {
    shared_server.reset();
    shared_database.reset();
    shared_postgres.reset();
    std::filesystem::remove_all(shared_folder);
  }

  void SetUp() override {
    theirs_ = std::make_unique<WireClient>(shared_postgres->socket_path());
    ASSERT_TRUE(
        TypesOf(theirs_->LogIn({{"user", "dashi"}, {"database", "postgres"}})).ends_with("Z"));
    ours_ = std::make_unique<WireClient>(shared_server->port());
    ASSERT_TRUE(TypesOf(ours_->LogIn()).ends_with("Z"));
  }

  void ExpectSameRows(const std::string& sql) {
    const Reply theirs = ReplyTo(*theirs_, sql);
    const Reply ours = ReplyTo(*ours_, sql);
    ASSERT_EQ(theirs.error, "") << sql;
    ASSERT_EQ(ours.error, "") << sql;
    EXPECT_EQ(ours.rows, theirs.rows) << sql;
  }

  std::unique_ptr<WireClient> theirs_;
  std::unique_ptr<WireClient> ours_;

  static inline std::filesystem::path shared_folder;
  static inline std::unique_ptr<PostgresServer> shared_postgres;
  static inline std::unique_ptr<Database> shared_database;
  static inline std::unique_ptr<Server> shared_server;
};

TEST_F(PostgresCatalogTest, TablesHaveTheSameColumns) {
  ASSERT_GT(sql::pg_catalog::SystemRelations().size(), 50U);
  for (const sql::pg_catalog::SystemRelation& relation : sql::pg_catalog::SystemRelations()) {
    const bool information = relation.schema == sql::pg_catalog::kInformationSchema;
    const std::string sql = std::string("SELECT * FROM ") +
                            (information ? "information_schema." : "pg_catalog.") + relation.name +
                            " LIMIT 0";
    const Reply theirs = ReplyTo(*theirs_, sql);
    const Reply ours = ReplyTo(*ours_, sql);
    ASSERT_EQ(theirs.error, "") << sql;
    ASSERT_EQ(ours.error, "") << sql;
    Columns wanted = theirs.columns;
    for (auto& [name, type] : wanted) {
      type = Announced(type);
    }
    EXPECT_EQ(ours.columns, wanted) << sql;
  }
}

TEST_F(PostgresCatalogTest, TypesAreTheSame) {
  std::string numbers;
  for (const sql::pg_catalog::BuiltinType& type : sql::pg_catalog::BuiltinTypes()) {
    if (type.oid < 16'384) {
      numbers += (numbers.empty() ? "" : ", ") + std::to_string(type.oid);
    }
  }
  ExpectSameRows(
      "SELECT oid, typname, typnamespace, typlen, typbyval, typtype, typcategory, typispreferred, "
      "typisdefined, typdelim, typrelid, typsubscript, typelem, typarray, typinput, typoutput, "
      "typreceive, typsend, typalign, typstorage, typnotnull, typbasetype, typtypmod, "
      "typcollation FROM pg_type WHERE oid IN (" +
      numbers + ") ORDER BY oid");
  for (const char* modifier : {"24", "655366"}) {
    ExpectSameRows("SELECT oid, format_type(oid, " + std::string(modifier) +
                   ") FROM pg_type WHERE oid IN (20, 1042, 1043, 1700) ORDER BY oid");
  }
  for (const char* modifier : {"NULL", "-1"}) {
    ExpectSameRows("SELECT oid, format_type(oid, " + std::string(modifier) +
                   ") FROM pg_type WHERE oid IN (16, 17, 18, 19, 20, 21, 23, 25, 26, 700, 701, "
                   "1000, 1007, 1009, 1021, 1043, 1082, 1700, 2205, 2206) ORDER BY oid");
  }
}

// What hangs together in the catalog does so here.
TEST_F(PostgresCatalogTest, NumbersReferToRows) {
  for (const char* sql :
       {"SELECT count(*) FROM pg_attribute a WHERE NOT EXISTS (SELECT 1 FROM pg_class c WHERE "
        "c.oid = a.attrelid)",
        "SELECT count(*) FROM pg_attribute a WHERE NOT EXISTS (SELECT 1 FROM pg_type t WHERE "
        "t.oid = a.atttypid)",
        "SELECT count(*) FROM pg_class c WHERE NOT EXISTS (SELECT 1 FROM pg_namespace n WHERE "
        "n.oid = c.relnamespace)",
        "SELECT count(*) FROM pg_index i WHERE NOT EXISTS (SELECT 1 FROM pg_class c WHERE c.oid = "
        "i.indexrelid AND c.relkind = 'i')",
        "SELECT count(*) FROM pg_constraint r WHERE NOT EXISTS (SELECT 1 FROM pg_class c WHERE "
        "c.oid = r.conrelid)",
        "SELECT count(*) FROM (SELECT oid FROM pg_class GROUP BY oid HAVING count(*) > 1) d",
        "SELECT count(*) FROM pg_type t WHERE t.typelem <> 0 AND NOT EXISTS (SELECT 1 FROM pg_type "
        "e WHERE e.oid = t.typelem)"}) {
    EXPECT_EQ(ReplyTo(*ours_, sql).rows, std::vector<std::string>{"0"}) << sql;
  }
}

TEST_F(PostgresCatalogTest, FunctionsAnswerTheSame) {
  for (const char* sql : {
           "SELECT 'pg_class'::regclass, 'pg_class'::regclass::oid, 1259::regclass, '-'::regclass",
           "SELECT 'int4'::regtype, 'integer'::regtype::oid, '_float4'::regtype, 'text'::regtype, "
           "'timestamp with time zone'::regtype, 'character varying(5)'::regtype",
           "SELECT 'int4in'::regproc, 'pg_catalog'::regnamespace, 11::regnamespace::text",
           "SELECT to_regclass('pg_nope'), to_regtype('nope'), to_regclass('pg_type')",
           "SELECT pg_table_is_visible('pg_class'::regclass), pg_type_is_visible(23)",
           "SELECT pg_encoding_to_char(6), pg_is_in_recovery(), current_schema()",
           "SELECT ARRAY[1, 2], ARRAY['a', 'b c', NULL, ''], ARRAY[true, false], ARRAY[]::int[]",
           "SELECT (ARRAY[1, 2])[1], (ARRAY['x'])[2], ('{a,b}'::text[])[2]",
           "SELECT array_length(ARRAY[1, 2], 1), array_length(ARRAY[1], 2), array_upper(ARRAY[1], "
           "1), array_lower(ARRAY[1], 1), cardinality(ARRAY[1, 2]), array_ndims(ARRAY[1])",
           "SELECT array_to_string(ARRAY['a', NULL, 'b'], ','), array_to_string(ARRAY['a', NULL], "
           "',', '*'), string_to_array('a,b,,c', ','), string_to_array('', ',')",
           "SELECT array_position(ARRAY['a', 'b'], 'b'), array_remove(ARRAY[1, 2, 1], 1), "
           "array_append(ARRAY[1], 2), array_cat(ARRAY[1], ARRAY[2, 3])",
           "SELECT unnest(ARRAY[1, 2, 3]), unnest(ARRAY['a', 'b'])",
           "SELECT generate_subscripts(ARRAY['a', 'b'], 1)",
           "SELECT * FROM unnest(ARRAY[1, 2], ARRAY['a', 'b', 'c']) AS t(n, s)",
           "SELECT * FROM unnest(ARRAY['a', 'b']) WITH ORDINALITY AS t(x, n)",
           "SELECT ARRAY(SELECT n FROM generate_series(1, 3) AS g(n) ORDER BY n DESC)",
           "SELECT array_agg(n ORDER BY n DESC), array_agg(n::text ORDER BY n) FROM "
           "generate_series(1, 3) AS g(n)",
           "SELECT array_agg(n) FROM generate_series(1, 0) AS g(n)",
           "SELECT 1 = ANY (ARRAY[1, 2]), 3 = ANY ('{1,2}'::int[]), 'a' <> ALL (ARRAY['b', 'c'])",
           "SELECT (information_schema._pg_expandarray(ARRAY[7, 8])).n",
           "SELECT quote_ident('a'), quote_ident('A b'), quote_ident('a\"b'), quote_ident('')",
           "SELECT pg_size_pretty(0::bigint), pg_size_pretty(10239::bigint), "
           "pg_size_pretty(10240::bigint), pg_size_pretty(123456789::bigint), "
           "pg_size_pretty(-20480::bigint), pg_size_pretty(5000000000000::bigint)",
           "SELECT '5'::oid, 'abc'::\"char\", 'name'::name, 3::oid = '3'",
           "SELECT current_schemas(false), current_schemas(true)",
           "SELECT CASE WHEN true THEN 'x' END AS default, 1 AS select, 2 AS \"Mixed\"",
       }) {
    ExpectSameRows(sql);
  }
}

TEST_F(PostgresCatalogTest, MistakesAreTheSame) {
  for (const char* sql :
       {"SELECT 'nope'::regclass", "SELECT 'nope'::regtype", "SELECT 'nope'::regnamespace",
        "SELECT 'nope'::regrole", "SELECT * FROM pg_catalog.pg_nope", "SELECT nope FROM pg_class",
        "SELECT 'x'::oid", "SELECT ARRAY['x']::int[]", "SELECT unnest(1)", "SELECT ARRAY[1, 2",
        "SELECT has_table_privilege('nope', 'SELECT')", "SELECT current_setting('no.such')",
        "SELECT 1 = ANY ('{a')"}) {
    const Reply theirs = ReplyTo(*theirs_, sql);
    const Reply ours = ReplyTo(*ours_, sql);
    EXPECT_EQ(ours.error.substr(0, 5), theirs.error.substr(0, 5))
        << sql << ": " << ours.error << "; " << theirs.error;
  }
}

}  // namespace
}  // namespace dashi::differential
