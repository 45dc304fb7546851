// libpqxx, the C++ client, against a real server, over TLS and with a password.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <tuple>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>
#include <pqxx/pqxx>

#include "tests/server/certificates.h"
#include "tests/server/command_process.h"

namespace dashi {
namespace {

using std::string_literals::operator""s;

constexpr const char* kEndless =
    "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT max(n) FROM r";
constexpr const char* kSeed = R"(
INSERT INTO labels (id, text) VALUES ('L1', 'headphones'), ('L2', 'cables'), ('L3', 'café 日本');
ALTER TABLE documents ADD COLUMN year INTEGER;
ALTER TABLE documents ADD COLUMN price REAL;
ALTER TABLE documents ADD COLUMN active BOOLEAN;
ALTER TABLE documents ADD COLUMN seen TIMESTAMP;
INSERT INTO documents (id, text) VALUES ('d1', 'sound on the ears'), ('d2', 'a wire for sound'),
  ('d3', 'coffee house'), ('d4', 'small headphones');
INSERT INTO relevance (document, label) VALUES ('d1', 'L1'), ('d2', 'L2'), ('d3', 'L3'),
  ('d4', 'L1');
CREATE MODEL m USING ngame WITH (seed = 7, threads = 1);
TRAIN MODEL m;
PUBLISH m@1;
CREATE ROLE ann LOGIN PASSWORD 'a pencil';
GRANT admin TO ann;
)";
constexpr const char* kInsert =
    "INSERT INTO documents (id, text, year, price, active, seen) VALUES ($1, $2, $3, $4, $5, $6)";
constexpr const char* kNoon = "2026-11-28 10:30:00.000000+00";

// One server for all tests: training takes half a second.
class LibpqxxTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder = std::filesystem::path(::testing::TempDir()) / ("libpqxx_" + std::to_string(getpid()));
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    const CommandOutcome made = RunCommand({DashiCommand(), "exec", "w.db"}, folder, kSeed);
    ASSERT_EQ(made.exit_status, 0) << made.err;
    files = MakeCertificate(folder);
    serve = std::make_unique<ServeProcess>(
        "w.db", folder, std::vector<std::string>{files.certificate_flag(), files.key_flag()});
    ASSERT_GT(serve->port(), 0) << serve->log();
  }
  static void TearDownTestSuite() {
    serve.reset();
    std::filesystem::remove_all(folder);
  }

  static std::string Where(const std::string& more) {
    return "host=localhost user=ann dbname=w port=" + std::to_string(serve->port()) + " " + more;
  }
  static std::string Verified() {
    return Where("password='a pencil' channel_binding=require sslmode=verify-full sslrootcert=" +
                 files.authority.string());
  }

  static inline std::filesystem::path folder;
  static inline CertificateFiles files;
  static inline std::unique_ptr<ServeProcess> serve;

  pqxx::connection connection_{Verified()};
};

// The SQLSTATE with which `body` fails.
template <typename Body>
std::string SqlStateOf(const Body& body) {
  try {
    body();
  } catch (const pqxx::sql_error& error) {
    return error.sqlstate();
  }
  return "no error";
}

std::vector<std::string> FirstColumn(const pqxx::result& rows) {
  std::vector<std::string> values;
  for (const auto& row : rows) {
    values.emplace_back(row[0].as<std::string>("NULL"));
  }
  return values;
}

TEST_F(LibpqxxTest, ConnectsWithAPassword) {
  for (const std::string& where : {Where("password='a pencil' sslmode=disable"),
                                   Where("password='a pencil' sslmode=require"), Verified()}) {
    pqxx::connection connection(where);
    pqxx::work work(connection);
    EXPECT_EQ(work.exec1("SELECT 40 + 2")[0].as<int>(), 42) << where;
    EXPECT_EQ(connection.server_version(), 150000);
    EXPECT_EQ(connection.protocol_version(), 3);
  }
  EXPECT_THROW(pqxx::connection(Where("password=x sslmode=require")), pqxx::broken_connection);
}

TEST_F(LibpqxxTest, ParametersAndColumnsKeepTheirValues) {
  pqxx::work work(connection_);
  const std::string bytes("\0\xff\x01", 3);
  work.exec_params0(kInsert, "pqxx", "café 日本", std::int64_t{1} << 40, 0.5, true, kNoon);
  work.exec_params0(kInsert, "nulls", "x", nullptr, nullptr, nullptr, nullptr);
  const pqxx::result rows = work.exec(
      "SELECT text, year, price, active, seen, DATE '2026-01-02', count(*) OVER () FROM documents "
      "WHERE id IN ('pqxx', 'nulls') ORDER BY id DESC");
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0][0].as<std::string>(), "café 日本");
  EXPECT_EQ(rows[0][1].as<std::int64_t>(), std::int64_t{1} << 40);
  EXPECT_EQ(rows[0][2].as<double>(), 0.5);
  EXPECT_TRUE(rows[0][3].as<bool>());
  EXPECT_EQ(rows[0][4].as<std::string>(), kNoon);
  EXPECT_EQ(rows[0][5].as<std::string>(), "2026-01-02");
  EXPECT_EQ(rows[0][6].as<int>(), 2);
  EXPECT_EQ(rows.column_type("year"), 20U);
  EXPECT_EQ(rows.column_type("price"), 701U);
  EXPECT_EQ(rows.column_type("active"), 16U);
  EXPECT_EQ(rows.column_type("seen"), 1184U);
  for (const char* name : {"year", "price", "active", "seen"}) {
    EXPECT_TRUE(rows[1][name].is_null()) << name;
  }
  const pqxx::row row = work.exec_params1("SELECT $1, $2::int2, $3, $4::bytea", "it's",
                                          std::int16_t{-7}, 2.5F, pqxx::binarystring(bytes));
  EXPECT_EQ(row[0].as<std::string>(), "it's");
  EXPECT_EQ(row[1].as<int>(), -7);
  EXPECT_EQ(row[2].as<float>(), 2.5F);
  EXPECT_EQ(pqxx::binarystring(row[3]).str(), bytes);
  EXPECT_EQ(work.exec1("SELECT " + work.quote("it's") + ", x'00ff'")[0].as<std::string>(), "it's");
}

TEST_F(LibpqxxTest, PreparedStatementsRunAgain) {
  connection_.prepare("by id", "SELECT text FROM labels WHERE id = $1");
  connection_.prepare("nearest", "SELECT label, score FROM topk($1, 2)");
  pqxx::work work(connection_);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(FirstColumn(work.exec_prepared("by id", "L2")), std::vector{"cables"s});
    const pqxx::result nearest = work.exec_prepared("nearest", "small headphones");
    ASSERT_EQ(nearest.size(), 2U);
    EXPECT_EQ(nearest[0][0].as<std::string>(), "L1");
    EXPECT_GT(nearest[0][1].as<double>(), nearest[1][1].as<double>());
  }
  work.commit();
  connection_.unprepare("by id");
  EXPECT_EQ(SqlStateOf([&] {
              connection_.prepare("bad", "SELECT nope FROM labels");
              pqxx::work(connection_).exec_prepared("bad");
            }),
            "42703");
}

TEST_F(LibpqxxTest, TransactionsEndAsTheyShould) {
  const std::string insert = "INSERT INTO anchors (id, text) VALUES ('pqxx tx', 'x')";
  const std::string look = "SELECT id FROM anchors WHERE id = 'pqxx tx'";
  {
    pqxx::work work(connection_);
    work.exec0(insert);
    {
      pqxx::subtransaction inner(work);  // a savepoint, to which its end goes back
      EXPECT_EQ(SqlStateOf([&] { inner.exec0(insert); }), "23505");
    }
    EXPECT_EQ(work.exec(look).size(), 1U);
    EXPECT_EQ(SqlStateOf([&] { work.exec("SELECT nope FROM labels"); }), "42703");
  }
  {
    pqxx::work work(connection_);
    EXPECT_EQ(work.exec(look).size(), 0U);
    work.exec0(insert);
    work.commit();
  }
  pqxx::read_transaction reading(connection_);
  EXPECT_EQ(reading.exec(look).size(), 1U);
  EXPECT_EQ(SqlStateOf([&] { reading.exec0("DELETE FROM anchors"); }), "25006");
  reading.abort();
  pqxx::nontransaction alone(connection_);
  EXPECT_EQ(alone.exec("DELETE FROM anchors WHERE id = 'pqxx tx'").affected_rows(), 1U);
  alone.commit();
  int attempts = 0;
  pqxx::perform([&] {
    pqxx::transaction<pqxx::repeatable_read> work(connection_);
    work.exec1("SELECT 1");
    if (++attempts == 1) {
      throw pqxx::serialization_failure("as if another had written");
    }
    work.commit();
  });
  EXPECT_EQ(attempts, 2);
}

TEST_F(LibpqxxTest, StreamsCopyBothWays) {
  using Values = std::tuple<std::string, std::unique_ptr<double>, std::string, std::string>;
  const std::vector<std::string> columns = {"id", "price", "split", "text"};
  pqxx::work work(connection_);
  pqxx::stream_to into(work, "documents", columns);
  const std::string text = "tab\t, \\ and\nnewline \u00e9";
  for (int i = 0; i < 1000; ++i) {
    into << Values("s" + std::to_string(i),
                   i % 2 == 0 ? std::make_unique<double>(i / 4.0) : nullptr, "test", text);
  }
  into.complete();
  const pqxx::row sums =
      work.exec1("SELECT count(*), sum(price), count(price) FROM documents WHERE split = 'test'");
  EXPECT_EQ(sums[0].as<int>(), 1000);
  EXPECT_EQ(sums[1].as<double>(), 62375);
  EXPECT_EQ(sums[2].as<int>(), 500);
  // Its operator>> reads a member that nothing has set, so the lines are taken as they come.
  pqxx::stream_from from(work, "documents", columns);
  int num_read = 0;
  for (std::string line; from.get_raw_line(line);) {
    if (line.starts_with("s")) {
      const int i = num_read++;
      const std::string price = i % 2 == 0 ? pqxx::to_string(i / 4.0) : "\\N";
      EXPECT_EQ(
          line.substr(0, line.find_last_not_of('\n') + 1),
          "s" + std::to_string(i) + "\t" + price + "\ttest\ttab\\t, \\\\ and\\nnewline \u00e9");
    }
  }
  from.complete();
  EXPECT_EQ(num_read, 1000);
  EXPECT_EQ(SqlStateOf([&] {
              pqxx::subtransaction inner(work);
              pqxx::stream_to again(inner, "labels", std::vector<std::string>{"id", "text"});
              again << std::tuple<std::string, std::string>("L1", "again");
              again.complete();
            }),
            "23505");
  EXPECT_EQ(work.exec("SELECT id FROM labels").size(), 3U);
}

TEST_F(LibpqxxTest, CursorsAndPipelines) {
  pqxx::work work(connection_);
  pqxx::icursorstream cursor(work, "SELECT n FROM generate_series(1, 25) AS g(n)", "numbers", 10);
  std::vector<std::size_t> sizes;
  for (pqxx::result rows; cursor >> rows;) {
    sizes.push_back(rows.size());
  }
  EXPECT_EQ(sizes, (std::vector<std::size_t>{10, 10, 5}));
  pqxx::pipeline pipeline(work);
  pipeline.retain(3);
  const auto first = pipeline.insert("SELECT 1");
  const auto second = pipeline.insert("SELECT id FROM labels ORDER BY id");
  pipeline.complete();
  EXPECT_EQ(FirstColumn(pipeline.retrieve(second)), (std::vector{"L1"s, "L2"s, "L3"s}));
  EXPECT_EQ(FirstColumn(pipeline.retrieve(first)), std::vector{"1"s});
}

TEST_F(LibpqxxTest, QueriesAreCancelled) {
  std::promise<void> ended;
  // A cancel that comes too early is forgotten, so it is asked again.
  const auto cancelling = std::async(std::launch::async, [&, wait = ended.get_future()] {
    while (wait.wait_for(std::chrono::milliseconds(300)) == std::future_status::timeout) {
      connection_.cancel_query();
    }
  });
  EXPECT_EQ(SqlStateOf([&] { pqxx::work(connection_).exec(kEndless); }), "57014");
  ended.set_value();
  cancelling.wait();
  connection_.set_variable("statement_timeout", "'200ms'");
  EXPECT_EQ(SqlStateOf([&] { pqxx::work(connection_).exec(kEndless); }), "57014");
  connection_.set_variable("statement_timeout", "DEFAULT");
  EXPECT_EQ(pqxx::work(connection_).exec1("SELECT 1")[0].as<int>(), 1);
}

TEST_F(LibpqxxTest, WhatIsRefused) {
  {
    pqxx::work work(connection_);
    EXPECT_THROW(pqxx::largeobject object(work), pqxx::failure);
  }
  // Its transactions that outlive a lost connection keep a log of their own in a table.
  EXPECT_EQ(SqlStateOf([&] { pqxx::robusttransaction<> work(connection_); }), "42P01");
}

}  // namespace
}  // namespace dashi
