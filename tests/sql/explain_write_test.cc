// What EXPLAIN ANALYZE tells of INSERT, UPDATE and DELETE, which it runs.

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/sql/session_fixture.h"

namespace dashi {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

class ExplainWriteTest : public SessionFixture {
 protected:
  std::vector<std::string> Told(const std::string& write, std::vector<Value> values = {}) {
    const auto lines = Run(*session_, "EXPLAIN ANALYZE " + write, std::move(values));
    EXPECT_TRUE(lines.ok()) << write << ": " << lines.status().ToString();
    std::vector<std::string> told;
    for (const Value& line : lines.ok() ? *lines : std::vector<Value>()) {
      told.emplace_back(line.text());
    }
    return told;
  }
};

TEST_F(ExplainWriteTest, TheTreeSaysWhatWasReadAndHowManyRowsChanged) {
  EXPECT_THAT(Told("INSERT INTO labels (id, text) VALUES ($1, 'A'), ('b', 'B'), ('c', 'C')",
                   {Value::Text("a")}),
              ::testing::Contains(MatchesRegex("3 rows changed in [0-9.]+ ms")));
  EXPECT_THAT(
      Told("UPDATE labels SET text = 'x' WHERE text > 'A' RETURNING id"),
      ElementsAre(MatchesRegex("SCAN labels VIRTUAL TABLE INDEX 0:scan where text > BINARY \\(1 "
                               "walk, 2 rows, .* ms\\)"),
                  MatchesRegex("in RETURNING: labels VIRTUAL TABLE INDEX 2:rowid = \\? \\(2 walks, "
                               "2 rows, .* ms\\)"),
                  MatchesRegex("2 rows changed in [0-9.]+ ms")));
  EXPECT_THAT(
      Told("INSERT INTO labels (id, text) VALUES ('a', 'A'), ('d', 'D') ON CONFLICT (id) DO "
           "UPDATE SET text = excluded.text"),
      ::testing::AllOf(::testing::Contains(HasSubstr("in ON CONFLICT: labels VIRTUAL")),
                       ::testing::Contains(HasSubstr("2 rows changed"))));
  EXPECT_THAT(Told("DELETE FROM labels AS l USING documents WHERE l.id = 'a'"),
              ElementsAre(HasSubstr("SCAN"), HasSubstr("SCAN"), ::testing::_,
                          MatchesRegex("0 rows changed in [0-9.]+ ms")));
  EXPECT_THAT(
      Told("DELETE FROM labels WHERE id = 'a'"),
      ElementsAre(
          MatchesRegex("SCAN labels VIRTUAL TABLE INDEX 1:id = \\? \\(1 walk, 1 rows, .* ms\\)"),
          MatchesRegex("1 rows changed in [0-9.]+ ms")));
  EXPECT_EQ(CountOf(*session_, "labels"), 3);
}

// A cursor of the block would read on over rows that are gone.
TEST_F(ExplainWriteTest, ItEndsTheResultsOfItsBlockAsTheWriteWould) {
  Must("INSERT INTO labels (id, text) VALUES ('a', 'A'), ('b', 'B')");
  for (const bool analyze : {false, true}) {
    Must("BEGIN");
    auto open = session_->Execute("SELECT id FROM labels");
    ASSERT_TRUE(open.ok());
    Row row;
    ASSERT_TRUE(*open->Next(&row));
    Must(std::string("EXPLAIN ") + (analyze ? "ANALYZE " : "") + "DELETE FROM labels");
    EXPECT_EQ(open->Next(&row).status().sqlstate(), analyze ? "24000" : "00000");
    Must("ROLLBACK");
  }
  EXPECT_EQ(CountOf(*session_, "labels"), 2);
}

}  // namespace
}  // namespace dashi
