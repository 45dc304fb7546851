// The same bytes to PostgreSQL and to the server: messages, command tags, values, SQLSTATEs and
// status bytes of the answers are the same, except where a case says why they are not.

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "tests/differential/answers.h"
#include "tests/differential/protocol_comparison.h"
#include "tests/server/wire_client.h"

namespace dashi::differential {
namespace {

using std::string_literals::operator""s;

constexpr const char* kRows = "SELECT id FROM labels ORDER BY id";  // three of them
constexpr const char* kEndless =
    "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT max(n) FROM r";
constexpr const char* kInsert = "INSERT INTO anchors (id, text) VALUES ('a', 'b')";
constexpr const char* kCount = "SELECT count(*) FROM anchors";

std::vector<Case> PortalCases() {
  const std::string begin = QueryBytes("BEGIN");
  return {
      {"exactly as many rows as there are, then again",
       {{begin},
        {ParseBytes("", kRows) + BindBytes("p", "") + ExecuteBytes("p", 3) + SyncBytes()},
        {ExecuteBytes("p", 3) + SyncBytes()},
        {ExecuteBytes("p") + SyncBytes()}}},
      {"rows in pieces",
       {{begin},
        {ParseBytes("", kRows) + BindBytes("p", "") + DescribeBytes('P', "p") +
         ExecuteBytes("p", 2) + SyncBytes()},
        {ExecuteBytes("p", 2) + SyncBytes()},
        {ExecuteBytes("p", 2) + SyncBytes()}}},
      {"a negative number of rows is all of them",
       {{ParseBytes("", kRows) + BindBytes("", "") + ExecuteBytes("", 0xFFFFFFFF) + SyncBytes()}}},
      {"a portal without a block dies at the Sync",
       {{ParseBytes("", kRows) + BindBytes("p", "") + ExecuteBytes("p", 2) + SyncBytes()},
        {ExecuteBytes("p", 2) + SyncBytes()}}},
      {"a portal dies at the COMMIT",
       {{begin},
        {ParseBytes("", kRows) + BindBytes("p", "") + ExecuteBytes("p", 1) + SyncBytes()},
        {QueryBytes("COMMIT")},
        {ExecuteBytes("p") + SyncBytes()}}},
      {"a portal outlives a Sync in a block",
       {{begin},
        {ParseBytes("s", kRows) + BindBytes("p", "s") + SyncBytes()},
        {CloseBytes('S', "s") + ExecuteBytes("p", 1) + SyncBytes()},
        {CloseBytes('P', "p") + ExecuteBytes("p", 1) + SyncBytes()}}},
      {"a finished portal again in the same series",
       {{ParseBytes("", "SELECT 'x'") + BindBytes("", "") + ExecuteBytes("") + ExecuteBytes("") +
         SyncBytes()}}},
      {"a write runs once", {{Run(kInsert) + ExecuteBytes("") + SyncBytes()}}},
      {"a write that returns rows, in pieces",
       {{begin},
        {ParseBytes("",
                    "INSERT INTO anchors (id, text) VALUES ('r1', 'b'), ('r2', 'b') "
                    "RETURNING id") +
         BindBytes("p", "") + ExecuteBytes("p", 1) + SyncBytes()},
        {ExecuteBytes("p", 1) + SyncBytes()},
        {ExecuteBytes("p", 1) + SyncBytes()},
        {QueryBytes("ROLLBACK")}}},
      {"a write between the pieces of a portal",
       {{begin},
        {ParseBytes("", "SELECT id FROM anchors ORDER BY id") + BindBytes("p", "") +
         ExecuteBytes("p", 1) + SyncBytes()},
        {QueryBytes("DELETE FROM anchors")},
        {ExecuteBytes("p") + SyncBytes()},
        {QueryBytes("ROLLBACK")}}},
      {"a savepoint between the pieces of a portal",
       {{begin},
        {ParseBytes("", kRows) + BindBytes("p", "") + ExecuteBytes("p", 1) + SyncBytes()},
        {QueryBytes("SAVEPOINT s")},
        {ExecuteBytes("p", 1) + SyncBytes()},
        {QueryBytes("SELECT nope")},
        {QueryBytes("ROLLBACK TO s")},
        {ExecuteBytes("p", 1) + SyncBytes()}}},
      {"SHOW in pieces",
       {{ParseBytes("", "SHOW statement_timeout") + BindBytes("", "") + ExecuteBytes("", 1) +
         ExecuteBytes("", 1) + SyncBytes()}}},
  };
}

std::vector<Case> SeriesCases() {
  return {
      {"everything that is to be had", {{Described(kRows) + SyncBytes()}}},
      {"a statement described",
       {{ParseBytes("s", "SELECT id FROM labels WHERE id = $1") + DescribeBytes('S', "s") +
         SyncBytes()}}},
      {"a Flush shows what there is",
       {{ParseBytes("s", kRows) + DescribeBytes('S', "s") + FlushBytes(), 0, 3},
        {BindBytes("", "s") + ExecuteBytes("") + SyncBytes()}}},
      {"an error skips to the Sync",
       {{BindBytes("", "nope") + ParseBytes("", kRows) + QueryBytes(kRows) + SyncBytes()},
        {QueryBytes(kRows)}}},
      {"an error behind a Flush skips to the Sync",
       {{BindBytes("", "nope") + FlushBytes(), 0, 1},
        {ParseBytes("", kRows) + ExecuteBytes("") + FlushBytes() + SyncBytes()}}},
      {"an error undoes the series",
       {{Run(kInsert) + Run("SELECT nope FROM labels") + Run(kInsert) + SyncBytes()},
        {QueryBytes(kCount)}}},
      {"an error undoes the series behind a Flush",
       {{Run(kInsert) + FlushBytes(), 0, 3},
        {Run("SELECT nope FROM labels") + SyncBytes()},
        {QueryBytes(kCount)}}},
      {"two series", {{Run("SELECT 'a'") + SyncBytes() + Run("SELECT 'b'") + SyncBytes(), 2}}},
      {"an error behind the last Execute",
       {{Run(kInsert) + BindBytes("", "nope") + SyncBytes()},
        {Run(kInsert) + ParseBytes("", "nonsense") + SyncBytes()},
        {QueryBytes(kCount)}}},
      {"a syntax error behind other statements",
       {{QueryBytes(std::string(kInsert) + "; nonsense")},
        {QueryBytes("BEGIN; COMMIT; FETCH")},
        {QueryBytes(kCount)}}},
      {"BEGIN takes the series over",
       {{Run(kInsert) + Run("BEGIN") + SyncBytes()},
        {QueryBytes("ROLLBACK")},
        {QueryBytes(kCount)}}},
      {"COMMIT ends it early",
       {{Run(kInsert) + Run("COMMIT") + Run("SELECT nope FROM labels") + SyncBytes()},
        {QueryBytes(kCount)},
        {QueryBytes("DELETE FROM anchors")}}},
      {"ROLLBACK ends it early",
       {{Run(kInsert) + Run("ROLLBACK") + Run("SELECT 'a'") + SyncBytes()}, {QueryBytes(kCount)}}},
      {"a savepoint needs a block", {{Run(kInsert) + Run("SAVEPOINT s") + SyncBytes()}}},
      {"BEGIN and COMMIT as drivers send them",
       {{Described("BEGIN") + SyncBytes()},
        {Described(kRows) + SyncBytes()},
        {Described("COMMIT") + SyncBytes()}}},
      {"BEGIN twice, COMMIT of nothing",
       {{QueryBytes("BEGIN")},
        {QueryBytes("BEGIN")},
        {QueryBytes("COMMIT")},
        {QueryBytes("COMMIT")},
        {Run("ROLLBACK") + SyncBytes()}}},
      {"a simple query in the midst of a series",
       {{Run(kInsert) + QueryBytes(kCount)}, {SyncBytes()}, {QueryBytes("DELETE FROM anchors")}}},
      {"statements of one query are one transaction",
       {{QueryBytes(std::string(kInsert) + "; SELECT nope FROM labels; " + kInsert)},
        {QueryBytes(kCount)}}},
      {"a BEGIN among statements of one query",
       {{QueryBytes(std::string(kInsert) + "; BEGIN; SELECT 'a'")},
        {QueryBytes("ROLLBACK")},
        {QueryBytes(kCount)}}},
      {"a COMMIT among statements of one query",
       {{QueryBytes(std::string(kInsert) + "; COMMIT; SELECT nope FROM labels")},
        {QueryBytes(kCount)},
        {QueryBytes("DELETE FROM anchors")}}},
      {"nothing but a Sync", {{SyncBytes()}, {FlushBytes() + SyncBytes()}}},
  };
}

std::vector<Case> ErrorCases() {
  return {
      {"an unknown statement", {{BindBytes("", "nope") + SyncBytes()}}},
      {"no unnamed statement", {{BindBytes("", "") + SyncBytes()}}},
      {"unknown names described",
       {{DescribeBytes('S', "nope") + SyncBytes()}, {DescribeBytes('P', "nope") + SyncBytes()}}},
      {"an unknown portal", {{ExecuteBytes("nope") + SyncBytes()}}},
      {"unknown names closed", {{CloseBytes('S', "nope") + CloseBytes('P', "nope") + SyncBytes()}}},
      {"a statement twice",
       {{ParseBytes("a", kRows) + SyncBytes()}, {ParseBytes("a", kRows) + SyncBytes()}}},
      {"a portal twice",
       {{QueryBytes("BEGIN")},
        {ParseBytes("", kRows) + BindBytes("p", "") + BindBytes("p", "") + SyncBytes()}}},
      {"too few parameters",
       {{ParseBytes("", "SELECT id FROM labels WHERE id = $1") + BindBytes("", "") + SyncBytes()}}},
      {"too many parameters",
       {{ParseBytes("", kRows) + BindBytes("", "", {.parameters = {"a"}}) + SyncBytes()}}},
      {"parameters of which only the types are there",
       {{ParseBytes("", kRows, {23, 25}) + DescribeBytes('S', "") + BindBytes("", "") +
         SyncBytes()},
        {ParseBytes("", kRows, {23, 25}) + BindBytes("", "", {.parameters = {"1", "b"}}) +
         ExecuteBytes("") + SyncBytes()}}},
      {"too many formats of parameters",
       {{ParseBytes("", kRows, {23}) +
         BindBytes("", "", {.parameter_formats = {0, 0}, .parameters = {"1"}}) + SyncBytes()}}},
      {"too many formats of results",
       {{ParseBytes("", kRows) + BindBytes("", "", {.result_formats = {0, 0}}) + SyncBytes()}}},
      {"formats that do not exist",
       {{ParseBytes("", kRows) + BindBytes("", "", {.result_formats = {7}}) + ExecuteBytes("") +
         SyncBytes()},
        {ParseBytes("", kRows, {25}) +
         BindBytes("", "", {.parameter_formats = {7}, .parameters = {"a"}}) + SyncBytes()}}},
      {"a parameter that is none of its type",
       {{ParseBytes("", "SELECT id FROM labels WHERE id = 'L' || $1::int", {23}) +
         BindBytes("", "", {.parameters = {"zz"}}) + SyncBytes()},
        {ParseBytes("", kRows, {23}) +
         BindBytes("", "", {.parameter_formats = {1}, .parameters = {"abc"}}) + SyncBytes()}}},
  };
}

std::vector<Case> FailedBlockCases() {
  return {
      {"a failed transaction",
       {{QueryBytes("BEGIN")},
        {QueryBytes("SELECT nope FROM labels")},
        {QueryBytes(kRows)},
        {ParseBytes("", kRows) + SyncBytes()},
        {Run("") + SyncBytes()},
        {Described("COMMIT") + SyncBytes()}}},
      {"statements prepared before a transaction fails",
       {{ParseBytes("s", kRows) + ParseBytes("c", "ROLLBACK") + SyncBytes()},
        {QueryBytes("BEGIN")},
        {BindBytes("p", "s") + SyncBytes()},
        {BindBytes("", "nope") + SyncBytes()},
        {BindBytes("", "s") + SyncBytes()},
        {ExecuteBytes("p") + SyncBytes()},
        {DescribeBytes('S', "s") + SyncBytes()},
        {BindBytes("", "c") + ExecuteBytes("") + SyncBytes()}}},
  };
}

std::vector<Case> MessageCases() {
  const std::string zero(1, '\0');
  return {
      {"text that is not UTF-8",
       {{QueryBytes("SELECT '\xff'")},
        {ParseBytes("", "SELECT '\xff'") + SyncBytes()},
        {ParseBytes("", kRows, {25}) + BindBytes("", "", {.parameters = {"\xff"}}) + SyncBytes()},
        {ParseBytes("", kRows, {25}) + BindBytes("", "", {.parameters = {"a"s + zero}}) +
         SyncBytes()}}},
      {"two commands in a Parse", {{ParseBytes("", "SELECT 1; SELECT 2") + SyncBytes()}}},
      {"a syntax error drops the unnamed statement",
       {{ParseBytes("", kRows) + SyncBytes()},
        {ParseBytes("", "SELEC") + SyncBytes()},
        {BindBytes("", "") + SyncBytes()}}},
      {"a simple query drops the unnamed statement",
       {{ParseBytes("", kRows) + SyncBytes()},
        {QueryBytes(kRows)},
        {BindBytes("", "") + SyncBytes()}}},
      {"an unknown table and column",
       {{ParseBytes("", "SELECT * FROM nope") + SyncBytes()},
        {ParseBytes("", "SELECT nope FROM labels") + SyncBytes()}}},
      {"a malformed message is skipped to its Sync",
       {{MessageBytes('P', "x") + ParseBytes("", kRows) + SyncBytes()},
        {MessageBytes('D', "X" + zero) + SyncBytes()},
        {MessageBytes('C', "X" + zero) + SyncBytes()},
        {MessageBytes('E', zero) + SyncBytes()},
        {MessageBytes('P', zero + "SELECT 1" + zero + zero + zero + "more") + SyncBytes()}}},
      {"a Bind that breaks off",
       {{MessageBytes('B', zero + zero) + SyncBytes()}},
       "messages are read to their end before names are looked up",
       "E:08P01 Z:I"},
      {"a statement that takes too long",
       {{QueryBytes("SET statement_timeout = '200ms'")}, {Described(kEndless) + SyncBytes()}},
       "columns without a declared type are announced with the first row",
       "C:SET Z:I | 1 2 E:57014 Z:I"},
      {"a malformed Query and Sync", {{MessageBytes('Q', "SELECT 1")}, {MessageBytes('S', "x")}}},
      {"a malformed Sync in a series",
       {{Run(kInsert) + MessageBytes('S', "x")}, {QueryBytes(kCount)}}},
      {"COPY messages without a COPY",
       {{MessageBytes('d', "x") + MessageBytes('c', "") + MessageBytes('f', "x" + zero) +
         SyncBytes()}}},
      {"an unknown type of message", {{"~"}}},
      {"an unknown type of message behind a series", {{Run("SELECT 'a'") + "~"}}},
      {"a length that is none", {{"Q\0\0\0\3"s}}},
      {"a negative length", {{"Q\xff\xff\xff\xff"s}}},
      {"a great length", {{"Q\x7f\xff\xff\xff"s}}},
      {"a great length of a Parse", {{"P\x7f\xff\xff\xff"s}}},
      {"a great length of a Sync", {{"S\0\1\0\0"s}}},
      {"a Bind that announces a format of its results and has none",
       {{ParseBytes("", kRows) + MessageBytes('B', "\0\0\0\0\0\0\0\1"s) + SyncBytes()},
        {QueryBytes(kRows)}}},
      {"a password that nobody asked for", {{MessageBytes('p', "x" + zero)}}},
      {"empty queries",
       {{QueryBytes("")},
        {QueryBytes(" ;")},
        {Described("") + SyncBytes()},
        {ParseBytes("", ";") + DescribeBytes('S', "") +
         BindBytes("", "", {.result_formats = {1, 1}}) + ExecuteBytes("") + ExecuteBytes("") +
         SyncBytes()}}},
  };
}

std::vector<Case> CursorCases() {
  const std::string declare = "DECLARE c CURSOR FOR SELECT id FROM labels ORDER BY id";
  return {
      {"a cursor",
       {{QueryBytes("BEGIN")},
        {QueryBytes(declare)},
        {QueryBytes("FETCH c")},
        {QueryBytes("FETCH FORWARD 5 FROM c")},
        {QueryBytes("FETCH ALL IN c")},
        {QueryBytes("CLOSE c")},
        {QueryBytes("CLOSE c")}}},
      {"a cursor as psycopg has it",
       {{Described("BEGIN") + SyncBytes()},
        {Described("DECLARE \"named\" CURSOR FOR SELECT id FROM labels ORDER BY id") + SyncBytes()},
        {DescribeBytes('P', "named") + SyncBytes()},
        {Described("FETCH FORWARD 2 FROM \"named\"") + SyncBytes()},
        {Described("FETCH FORWARD ALL FROM \"named\"") + SyncBytes()},
        {Described("CLOSE \"named\"") + SyncBytes()},
        {Described("COMMIT") + SyncBytes()}}},
      {"a cursor as psql has it",
       {{QueryBytes("BEGIN")},
        {QueryBytes("DECLARE _psql_cursor NO SCROLL CURSOR FOR SELECT id FROM labels ORDER BY id")},
        {QueryBytes("FETCH FORWARD 2 FROM _psql_cursor")},
        {QueryBytes("FETCH FORWARD 2 FROM _psql_cursor")},
        {QueryBytes("CLOSE _psql_cursor")},
        {QueryBytes("COMMIT")}}},
      {"a cursor is for a transaction",
       {{QueryBytes(declare)},
        {Run(declare) + SyncBytes()},
        {Run(kInsert) + Run(declare) + SyncBytes()},
        {QueryBytes(declare + "; FETCH 2 FROM c")},
        {QueryBytes("FETCH c")}}},
      {"a cursor with hold",
       {{QueryBytes("DECLARE h CURSOR WITH HOLD FOR SELECT id FROM labels ORDER BY id")},
        {QueryBytes("FETCH 2 FROM h")},
        {QueryBytes("BEGIN; DECLARE i CURSOR WITH HOLD FOR SELECT 1; ROLLBACK")},
        {QueryBytes("FETCH i")},
        {QueryBytes("FETCH ALL FROM h")},
        {QueryBytes("CLOSE ALL")},
        {QueryBytes("FETCH h")}}},
  };
}

std::vector<Case> SharedNameCases() {
  const std::string declare = "DECLARE c CURSOR FOR SELECT id FROM labels ORDER BY id";
  return {
      {"cursors and portals share their names",
       {{QueryBytes("BEGIN")},
        {QueryBytes(declare)},
        {ExecuteBytes("c", 1) + SyncBytes()},
        {ParseBytes("", kRows) + BindBytes("p", "") + SyncBytes()},
        {QueryBytes("FETCH 2 FROM p")},
        {QueryBytes("MOVE 1 FROM c")},
        {QueryBytes("FETCH 2 FROM c")},
        {BindBytes("c", "") + SyncBytes()}}},
      {"backwards",
       {{QueryBytes("BEGIN")},
        {QueryBytes("DECLARE c NO SCROLL CURSOR FOR SELECT 1")},
        {QueryBytes("FETCH PRIOR FROM c")}}},
      {"no rows of a cursor",
       {{QueryBytes("BEGIN")},
        {QueryBytes("DECLARE c NO SCROLL CURSOR FOR SELECT id FROM labels ORDER BY id "
                    "FOR READ ONLY")},
        {QueryBytes("FETCH 0 FROM c")},
        {QueryBytes("MOVE 0 FROM c")},
        {QueryBytes("FETCH 3 FROM c")},
        {QueryBytes("MOVE FORWARD 0 FROM c")},
        {QueryBytes("FETCH c")},
        {QueryBytes("FETCH 0 FROM c")},
        {QueryBytes("MOVE 0 FROM c")}}},
      {"no rows of a cursor that stands on one",
       {{QueryBytes("BEGIN")},
        {QueryBytes("DECLARE c NO SCROLL CURSOR FOR SELECT id FROM labels ORDER BY id")},
        {QueryBytes("FETCH c")},
        {QueryBytes("FETCH FORWARD 0 FROM c")}}},
      {"a cursor with parameters",
       {{QueryBytes("BEGIN")},
        {ParseBytes("", "DECLARE c CURSOR FOR SELECT id FROM labels WHERE id > $1 ORDER BY id",
                    {25}) +
         BindBytes("", "", {.parameters = {"L1"}}) + ExecuteBytes("") + SyncBytes()},
        {QueryBytes("FETCH ALL FROM c")}}},
      {"a FETCH in pieces",
       {{QueryBytes("BEGIN")},
        {QueryBytes(declare)},
        {ParseBytes("", "FETCH 2 FROM c") + BindBytes("p", "") + ExecuteBytes("p", 1) +
         SyncBytes()},
        {ExecuteBytes("p", 1) + SyncBytes()},
        {ExecuteBytes("p", 1) + SyncBytes()},
        {QueryBytes("FETCH ALL FROM c")}}},
      {"an unknown cursor in a prepared FETCH",
       {{ParseBytes("", "FETCH nope") + DescribeBytes('S', "") + BindBytes("", "") +
         ExecuteBytes("") + SyncBytes()}}},
  };
}

std::vector<Case> ResetCases() {
  return {
      {"prepared statements of SQL",
       {{QueryBytes("PREPARE p (text) AS SELECT id FROM labels WHERE id = $1")},
        {QueryBytes("EXECUTE p ('L1')")},
        {Described("EXECUTE p ('L2')") + SyncBytes()},
        {QueryBytes("EXECUTE p")},
        {BindBytes("", "p", {.parameters = {"L3"}}) + ExecuteBytes("") + SyncBytes()},
        {QueryBytes("PREPARE p AS SELECT 1")},
        {QueryBytes("DEALLOCATE p")},
        {QueryBytes("DEALLOCATE PREPARE p")},
        {QueryBytes("DEALLOCATE ALL")}}},
      {"a statement of the protocol is deallocated",
       {{ParseBytes("s", kRows) + SyncBytes()},
        {QueryBytes("DEALLOCATE s")},
        {BindBytes("", "s") + SyncBytes()}}},
      {"asyncpg resets",
       {{QueryBytes("SELECT pg_advisory_unlock_all();\nCLOSE ALL;\nUNLISTEN *;\nRESET ALL;")}}},
      {"Npgsql resets",
       {{QueryBytes("CLOSE ALL; UNLISTEN *; RESET ALL; SET SESSION AUTHORIZATION DEFAULT; "
                    "SELECT pg_advisory_unlock_all(); DISCARD SEQUENCES; DISCARD TEMP")},
        {QueryBytes("RESET SESSION AUTHORIZATION")}}},
      {"DISCARD",
       {{ParseBytes("s", kRows) + SyncBytes()},
        {QueryBytes("DISCARD ALL")},
        {BindBytes("", "s") + SyncBytes()},
        {QueryBytes("DISCARD PLANS")},
        {QueryBytes("DISCARD TEMPORARY")},
        {QueryBytes("BEGIN")},
        {QueryBytes("DISCARD ALL")}}},
      {"settings are reported",
       {{QueryBytes("SET application_name = 'a'")},
        {Run("SET application_name = 'b'") + SyncBytes()},
        {QueryBytes("SET application_name = 'b'")},
        {QueryBytes("SET statement_timeout = '5s'")},
        {QueryBytes("RESET ALL")}}},
      {"what drivers set",
       {{QueryBytes("SET extra_float_digits = 3")},
        {QueryBytes("SET client_encoding TO 'UTF8'")},
        {QueryBytes("SET DateStyle = 'ISO'")},
        {QueryBytes("SET standard_conforming_strings = on")}}},
      {"a setting that is none",
       {{QueryBytes("SET nonsense_setting = 1")}, {QueryBytes("SHOW nonsense_setting")}},
       "its place is told too",
       "E:42704@5 Z:I | E:42704@6 Z:I"},
  };
}

/// Makes conversations of messages that are well formed, and often out of place.
class RandomTurns {
 public:
  explicit RandomTurns(std::uint64_t seed) : random_(seed) {}

  Turn Next() {
    if (random_.Uniform(4) == 0) {
      // A portal of PostgreSQL's sees the rows as of its Bind, so tables that change are read here.
      std::string sql = random_.Uniform(2) == 0
                            ? random_.Pick({"EXECUTE b", kCount, "SELECT id FROM anchors"})
                            : Statement();
      for (std::uint64_t i = random_.Uniform(3); i > 0; --i) {
        sql += "; " + Statement();
      }
      return {QueryBytes(sql)};
    }
    std::string bytes;
    for (std::uint64_t i = 1 + random_.Uniform(6); i > 0; --i) {
      bytes += Message();
    }
    return {bytes + SyncBytes()};
  }

 private:
  std::string Message() {
    switch (random_.Uniform(9)) {
      case 0:
        return ParseBytes(random_.Pick({"", "a"}), Statement());
      case 1:
        return BindBytes(PortalName(), StatementName());
      case 2:
        return DescribeBytes('S', StatementName());
      case 3:
        return DescribeBytes('P', PortalName());
      case 4:
        return ExecuteBytes(PortalName(), static_cast<std::uint32_t>(random_.Uniform(4)));
      case 5:
        return random_.Uniform(2) == 0 ? CloseBytes('S', StatementName())
                                       : CloseBytes('P', PortalName());
      default:
        // What drivers do, so that something is done.
        return ParseBytes("", Statement()) + BindBytes("", "") + DescribeBytes('P', "") +
               ExecuteBytes("", static_cast<std::uint32_t>(random_.Uniform(3)));
    }
  }
  std::string StatementName() { return random_.Pick({"", "a", "b"}); }
  std::string PortalName() { return random_.Pick({"", "p", "c"}); }
  std::string Statement() {
    return random_.Pick({kRows,
                         kRows,
                         "SELECT id FROM labels WHERE id = 'L1'",
                         "INSERT INTO anchors (id, text) VALUES ('r', 'x')",
                         "INSERT INTO anchors (id, text) VALUES ('s', 'x') RETURNING id",
                         "DELETE FROM anchors WHERE id = 'r'",
                         "SELECT nope FROM labels",
                         "nonsense",
                         "",
                         "BEGIN",
                         "BEGIN",
                         "COMMIT",
                         "ROLLBACK",
                         "SAVEPOINT s",
                         "RELEASE s",
                         "DECLARE c CURSOR FOR SELECT id FROM labels ORDER BY id",
                         "DECLARE p CURSOR WITH HOLD FOR SELECT id FROM labels ORDER BY id",
                         "FETCH 2 FROM c",
                         "FETCH p",
                         "MOVE 1 FROM c",
                         "CLOSE c",
                         "CLOSE ALL",
                         "DEALLOCATE a",
                         "PREPARE b AS SELECT id FROM labels ORDER BY id",
                         "SHOW statement_timeout"});
  }

  struct Picks {
    explicit Picks(std::uint64_t seed) : random(seed) {}
    std::uint64_t Uniform(std::uint64_t bound) { return random.Uniform(bound); }
    std::string Pick(std::initializer_list<const char*> words) {
      return words.begin()[random.Uniform(words.size())];
    }
    Random random;
  };
  Picks random_;
};

TEST_F(PostgresProtocolTest, Portals) { Compare(PortalCases()); }

TEST_F(PostgresProtocolTest, Series) { Compare(SeriesCases()); }

TEST_F(PostgresProtocolTest, Errors) { Compare(ErrorCases()); }

TEST_F(PostgresProtocolTest, FailedBlocks) { Compare(FailedBlockCases()); }

TEST_F(PostgresProtocolTest, Messages) { Compare(MessageCases()); }

TEST_F(PostgresProtocolTest, Cursors) { Compare(CursorCases()); }

TEST_F(PostgresProtocolTest, SharedNames) { Compare(SharedNameCases()); }

TEST_F(PostgresProtocolTest, Resets) { Compare(ResetCases()); }

TEST_F(PostgresProtocolTest, RandomConversations) {
  const std::uint64_t seed = FromEnvironment("DASHI_TEST_SEED", 20261128);
  const std::uint64_t num_rounds = FromEnvironment("DASHI_TEST_ROUNDS", 200);
  SCOPED_TRACE("DASHI_TEST_SEED=" + std::to_string(seed));
  RandomTurns random(seed);
  int num_differences = 0;
  std::uint64_t num_compared = 0;
  for (std::uint64_t round = 0; round < num_rounds && num_differences < 5; ++round) {
    WireClient theirs(shared_postgres->socket_path());
    if (!TypesOf(theirs.LogIn({{"user", "dashi"}, {"database", "postgres"}})).ends_with("Z")) {
      continue;  // It is getting up again.
    }
    WireClient ours(shared_server->port());
    ours.LogIn();
    ++num_compared;
    theirs.Query("DELETE FROM anchors");
    ours.Query("DELETE FROM anchors");
    std::string said;
    bool failed = false;
    for (int i = 0; i < 12; ++i) {
      const Case tried = {"", {random.Next()}};
      const std::string wanted = Answers(theirs, tried);
      const std::string got = Answers(ours, tried);
      said += "\n" + Asked(tried.turns[0].bytes) + "\n  " + wanted;
      // Which of several errors a failed block answers with is not compared, nor what follows. And
      // PostgreSQL 15 itself falls over such conversations now and then.
      // It fetches from portals of writes, too.
      const bool lost = wanted.ends_with(".") || got.find("E:55000") != std::string::npos;
      const bool stays_failed = failed && wanted.ends_with("Z:E") && got.ends_with("Z:E");
      if (lost || (failed && got != wanted && !stays_failed)) {
        break;
      }
      failed = wanted.ends_with("Z:E");
      if (got != wanted && !stays_failed) {
        ADD_FAILURE() << "conversation " << round << ":" << said << "\n  dashi: " << got;
        ++num_differences;
        break;
      }
    }
  }
  EXPECT_TRUE(num_compared > num_rounds / 2 || num_differences > 0);
}

}  // namespace
}  // namespace dashi::differential
