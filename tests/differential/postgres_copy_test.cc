// COPY over the wire, as PostgreSQL has it.

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/differential/protocol_comparison.h"
#include "tests/server/wire_client.h"

namespace dashi::differential {
namespace {

using std::string_literals::operator""s;

constexpr const char* kCopyIn = "COPY anchors (id, text) FROM STDIN";
constexpr const char* kAll = "SELECT id, text FROM anchors ORDER BY id";

std::string Data(std::string_view bytes) { return MessageBytes('d', bytes); }
std::string Done() { return MessageBytes('c', ""); }
std::string Fail(std::string_view reason) { return MessageBytes('f', std::string(reason) + '\0'); }
Turn Look() { return {QueryBytes(kAll)}; }
Turn Clear() { return {QueryBytes("DELETE FROM anchors")}; }

std::vector<Case> InCases() {
  return {
      {"rows in pieces",
       {{QueryBytes(kCopyIn) + Data("a\tone\nb\t") + Data("two\n") + Data("") + Data("c\tthree") +
         Data("\n") + Done()},
        Look(),
        Clear()}},
      {"the last line without its end",
       {{QueryBytes(kCopyIn) + Data("a\tone") + Done()}, Look(), Clear()}},
      {"no rows", {{QueryBytes(kCopyIn) + Done()}, Look()}},
      {"the marker of the end, and what follows it",
       {{QueryBytes(kCopyIn) + Data("a\tone\n\\.\nb\ttwo\n") + Done()}, Look(), Clear()}},
      {"escapes and NULLs of text",
       {{QueryBytes(kCopyIn) + Data("a\tb\\tc\\nd\\\\\n") + Done()},
        {QueryBytes("COPY (SELECT id, text FROM anchors) TO STDOUT")},
        Clear()}},
      {"csv",
       {{QueryBytes("COPY anchors (id, text) FROM STDIN (FORMAT csv)") +
         Data("a,\"one, \"\"two\"\"\nthree\"\n") + Done()},
        Look(),
        {QueryBytes("COPY (SELECT id, text FROM anchors) TO STDOUT WITH CSV HEADER")},
        Clear()}},
      {"a client that gives up",
       {{QueryBytes(kCopyIn) + Data("a\tone\n") + Fail("no more")}, Look()}},
      {"a bad row, and what the client sends before it knows",
       {{QueryBytes(kCopyIn) + Data("a\tone\ttoo many\n") + Data("b\ttwo\n") + Done()}, Look()}},
      {"a key twice", {{QueryBytes(kCopyIn) + Data("a\tone\na\ttwo\n") + Done()}, Look()}},
      {"a table that is none",
       {{QueryBytes("COPY nope FROM STDIN") + Data("a\tone\n") + Done() + QueryBytes("SELECT 1"),
         2}},
       "its place is told too",
       "E:42P01@6 Z:I T D(1) C:SELECT 1 Z:I"},
      {"a column that is none",
       {{QueryBytes("COPY anchors (id, nope) FROM STDIN") + Done()}},
       "its place is told too",
       "E:42703@19 Z:I"},
  };
}

std::vector<Case> TransactionCases() {
  return {
      {"a block",
       {{QueryBytes("BEGIN")},
        {QueryBytes(kCopyIn) + Data("a\tone\n") + Done()},
        Look(),
        {QueryBytes("ROLLBACK")},
        Look()}},
      {"a block that fails",
       {{QueryBytes("BEGIN")},
        {QueryBytes(kCopyIn) + Data("a\tone\n") + Fail("x")},
        {QueryBytes(kCopyIn) + Data("a\tone\n") + Done()},
        {QueryBytes("COMMIT")},
        Look()}},
      {"between other statements",
       {{QueryBytes("INSERT INTO anchors (id, text) VALUES ('i', 'x'); "s + kCopyIn + "; " + kAll) +
         Data("a\tone\n") + Done()},
        Clear()}},
      {"between other statements, and fails",
       {{QueryBytes("INSERT INTO anchors (id, text) VALUES ('i', 'x'); "s + kCopyIn + "; " + kAll) +
         Data("a\tone\n") + Fail("x")},
        Look()}},
      {"two in one query",
       {{QueryBytes(kCopyIn + "; "s + kCopyIn) + Data("a\tone\n") + Done() + Data("b\ttwo\n") +
         Done()},
        Look(),
        Clear()}},
  };
}

std::vector<Case> ExtendedCases() {
  return {
      {"a Sync before the input is not one",
       {{Run(kCopyIn) + SyncBytes() + Data("a\tone\n") + Done() + SyncBytes()}, Look(), Clear()}},
      {"a Flush and no Sync",
       {{Run(kCopyIn) + FlushBytes() + Data("a\tone\n") + Done() + SyncBytes()}, Look(), Clear()}},
      {"Syncs and Flushes between the rows",
       {{QueryBytes(kCopyIn) + Data("a\tone\n") + SyncBytes() + FlushBytes() + SyncBytes() +
         Data("b\ttwo\n") + Done()},
        Look(),
        Clear()}},
      {"described",
       {{ParseBytes("", kCopyIn) + DescribeBytes('S', "") + BindBytes("", "") +
         DescribeBytes('P', "") + ExecuteBytes("") + SyncBytes() + Data("a\tone\n") + Done() +
         SyncBytes()},
        Look(),
        Clear()}},
      {"a client that gives up",
       {{Run(kCopyIn) + SyncBytes() + Data("a\tone\n") + Fail("x") + Run("SELECT 1") + SyncBytes()},
        Look()}},
      {"a bad row",
       {{Run(kCopyIn) + SyncBytes() + Data("a\n") + Data("b\ttwo\n") + Done() + SyncBytes()},
        Look()}},
      {"out",
       {{Described("COPY (SELECT id FROM labels ORDER BY id) TO STDOUT") + SyncBytes()},
        {Run("COPY (SELECT id FROM labels ORDER BY id) TO STDOUT") + Run("SELECT 1") +
         SyncBytes()}}},
      {"an unknown table",
       {{ParseBytes("", "COPY nope FROM STDIN") + BindBytes("", "") + ExecuteBytes("") +
         SyncBytes()}},
       "its place is told too",
       "1 2 E:42P01@6 Z:I"},
      {"twice by one statement",
       {{ParseBytes("s", kCopyIn) + SyncBytes()},
        {BindBytes("", "s") + ExecuteBytes("") + SyncBytes() + Data("a\tone\n") + Done() +
         SyncBytes()},
        {BindBytes("", "s") + ExecuteBytes("") + SyncBytes() + Data("b\ttwo\n") + Done() +
         SyncBytes()},
        Look(),
        Clear()}},
  };
}

std::vector<Case> OutCases() {
  return {
      {"rows", {{QueryBytes("COPY (SELECT id, text FROM labels ORDER BY id) TO STDOUT")}}},
      {"a table", {{QueryBytes("COPY labels TO STDOUT")}}},
      {"no rows", {{QueryBytes("COPY anchors TO STDOUT")}}},
      {"NULLs and escapes", {{QueryBytes("COPY (SELECT NULL, E'a\\tb\\\\', 1.5, 7) TO STDOUT")}}},
      {"an error in the first row",
       {{QueryBytes("COPY (SELECT 1/(length(text)-3) FROM labels) TO STDOUT")}}},
      {"beside others", {{QueryBytes("SELECT 1; COPY (SELECT 2) TO STDOUT; SELECT 3")}}},
      {"a failed block",
       {{QueryBytes("BEGIN; SELECT nope")},
        {QueryBytes("COPY labels TO STDOUT")},
        {QueryBytes("ROLLBACK")}}},
  };
}

std::vector<Case> LostCases() {
  return {
      {"a query where rows should come", {{QueryBytes(kCopyIn) + QueryBytes("SELECT 1")}}},
      {"a Parse where rows should come",
       {{QueryBytes(kCopyIn) + Data("a\tone\n") + Run("SELECT 1") + SyncBytes()}}},
      {"a series that goes on", {{Run(kCopyIn) + Run("SELECT 1") + SyncBytes()}}},
      {"a malformed CopyFail", {{QueryBytes(kCopyIn) + MessageBytes('f', "x")}}},
      {"an unknown type of message", {{QueryBytes(kCopyIn) + "~"}}},
      {"nothing was loaded by them", {Look()}},
  };
}

std::string Coded16(int value) {
  return {static_cast<char>((value >> 8) & 0xFF), static_cast<char>(value & 0xFF)};
}
std::string Coded32(int value) { return Coded16(value >> 16) + Coded16(value); }
std::string Field(std::string_view bytes) {
  return Coded32(static_cast<int>(bytes.size())) + std::string(bytes);
}
std::string Header(int flags = 0, std::string_view extension = "") {
  return "PGCOPY\n\377\r\n\0"s + Coded32(flags) + Field(extension);
}
std::string RowOf(std::string_view id, std::string_view text) {
  return Coded16(2) + Field(id) + Field(text);
}

std::vector<Case> BinaryCases() {
  const std::string copy = QueryBytes("COPY anchors (id, text) FROM STDIN (FORMAT binary)");
  const std::string end = Coded16(-1);
  const auto in = [&](const std::string& bytes) -> std::vector<Turn> {
    return {{copy + Data(bytes) + Done()}, Look(), Clear()};
  };
  const std::string whole = Header() + RowOf("a", "one") + RowOf("b", "\xc3\xa9") + end;
  std::vector<Case> cases = {
      {"rows", in(whole)},
      {"rows in two pieces",
       {{copy + Data(whole.substr(0, 25)) + Data(whole.substr(25)) + Done()}, Look(), Clear()}},
      {"without a trailer", in(Header() + RowOf("a", "one"))},
      {"no rows", in(Header() + end)},
      {"an extension of the header", in(Header(1, "anything") + RowOf("a", "one") + end)},
      {"critical flags", in(Header(1 << 17) + end)},
      {"another signature", in("PGCOPY\n\377\n\n\0"s + Coded32(0) + Coded32(0) + end)},
      {"text", in("a\tone\n")},
      {"nothing at all", in("")},
      {"half a header", in(Header().substr(0, 13))},
      {"too few values", in(Header() + Coded16(1) + Field("a") + end)},
      {"too many values", in(Header() + Coded16(3) + Field("a") + Field("b") + Field("c") + end)},
      {"a negative number of values", in(Header() + Coded16(-2))},
      {"bytes behind the trailer", in(whole + "x")},
      {"a row that breaks off", in(Header() + RowOf("a", "one").substr(0, 9))},
      {"a length that is negative", in(Header() + Coded16(2) + Coded32(-2) + Field("a") + end)},
      {"text that is not UTF-8", in(Header() + RowOf("a", "\xff") + end)},
      {"a NULL that may not be one here",
       in(Header() + Coded16(2) + Field("a") + Coded32(-1) + end), "texts are never NULL",
       "G(\\x01\\x00\\x02\\x00\\x01\\x00\\x01) E:23502 Z:I | T C:SELECT 0 Z:I | C:DELETE 0 Z:I"},
      {"a client that gives up", {{copy + Data(Header() + RowOf("a", "one")) + Fail("x")}, Look()}},
  };
  const char* const kTypes =
      "COPY (SELECT id, 7::bigint, 1.5::float8, true, NULL::bytea, "
      "'2026-11-29 10:00:00+00'::timestamptz, '2026-11-29'::date, "
      "'10:00'::time, '1 day 2 hours'::interval FROM labels ORDER BY id) "
      "TO STDOUT (FORMAT binary)";
  cases.push_back({"out",
                   {{QueryBytes("COPY labels (id, text) TO STDOUT (FORMAT binary)")},
                    {QueryBytes(kTypes)},
                    {QueryBytes("COPY anchors TO STDOUT WITH BINARY")},
                    {Described("COPY labels TO STDOUT (FORMAT binary)") + SyncBytes()}}});
  return cases;
}

TEST_F(PostgresProtocolTest, CopyInBinary) { Compare(BinaryCases()); }
TEST_F(PostgresProtocolTest, CopyIn) { Compare(InCases()); }
TEST_F(PostgresProtocolTest, CopyInTransactions) { Compare(TransactionCases()); }
TEST_F(PostgresProtocolTest, CopyOfTheExtendedProtocol) { Compare(ExtendedCases()); }
TEST_F(PostgresProtocolTest, CopyOut) { Compare(OutCases()); }
TEST_F(PostgresProtocolTest, CopyThatLosesItsClient) { Compare(LostCases()); }

}  // namespace
}  // namespace dashi::differential
