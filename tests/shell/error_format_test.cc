#include "sql/shell/error_format.h"

#include <string>

#include <gtest/gtest.h>

#include "sql/shell/display_width.h"
#include "tests/shell/fake_statement_runner.h"

namespace dashi {
namespace {

// Returns the columns at which the LINE text and its caret point.
std::string PointedAt(const std::string& error) {
  const std::size_t line_begin = error.find("LINE ");
  const std::size_t line_end = error.find('\n', line_begin);
  const std::size_t caret_end = error.find('\n', line_end + 1);
  const std::string line = error.substr(line_begin, line_end - line_begin);
  const std::size_t column = caret_end - line_end - 2;
  return line.substr(PrefixOfWidth(line, column).size());
}

TEST(ErrorFormatTest, ShowsMessageLineCaretHintAndSqlState) {
  EXPECT_EQ(FormatError(UnknownColumn(7), "SELECT labl FROM topk('x', 5)"),
            "ERROR:  column \"labl\" does not exist\n"
            "LINE 1: SELECT labl FROM topk('x', 5)\n"
            "               ^\n"
            "HINT:  Perhaps you meant \"label\".\n"
            "SQLSTATE:  42703\n");
}

TEST(ErrorFormatTest, LeavesOutWhatIsNotKnown) {
  EXPECT_EQ(FormatError(Status::IoError("disk gone"), "SELECT 1"),
            "ERROR:  disk gone\nSQLSTATE:  " + std::string(Status::IoError("").sqlstate()) + "\n");
}

TEST(ErrorFormatTest, ShowsTheLineOfTheError) {
  const std::string sql = "SELECT a,\n       labl\nFROM t";
  const Status status = Status::InvalidArgument("no").WithPosition({17, 2, 8});
  const std::string error = FormatError(status, sql);
  EXPECT_NE(error.find("LINE 2:        labl\n"), std::string::npos) << error;
  EXPECT_EQ(PointedAt(error), "labl");
}

TEST(ErrorFormatTest, CountsColumnsOfWideCombiningAndTabCharacters) {
  for (const std::string before : {"SELECT '日本語', ", "SELECT 'e\xCC\x81', ", "SELECT\t'a',\t",
                                   "SELECT '\xF0\x9F\x98\x80', "}) {
    const Status status = Status::InvalidArgument("no").WithPosition({before.size(), 1, 1});
    EXPECT_EQ(PointedAt(FormatError(status, before + "labl FROM t")), "labl FROM t") << before;
  }
}

TEST(ErrorFormatTest, CutsLongLinesAroundTheError) {
  const std::string before = "SELECT " + std::string(500, 'a') + ", ";
  const std::string sql = before + "labl" + std::string(500, ' ') + "FROM t";
  const Status status = Status::InvalidArgument("no").WithPosition({before.size(), 1, 1});
  const std::string error = FormatError(status, sql);
  EXPECT_TRUE(PointedAt(error).starts_with("labl ")) << error;
  const std::size_t line_begin = error.find("LINE ");
  EXPECT_LE(error.find('\n', line_begin) - line_begin, 90U);
}

TEST(ErrorFormatTest, PointsBehindTheEnd) {
  const Status status = Status::InvalidArgument("unexpected end").WithPosition({6, 1, 7});
  EXPECT_NE(FormatError(status, "SELECT").find("LINE 1: SELECT\n              ^\n"),
            std::string::npos);
}

TEST(ErrorFormatTest, IgnoresAPositionOutsideTheStatement) {
  const Status status = Status::InvalidArgument("no").WithPosition({60, 1, 61});
  EXPECT_EQ(FormatError(status, "SELECT").find("LINE"), std::string::npos);
}

TEST(ErrorFormatTest, MakesControlCharactersVisible) {
  const Status status = Status::InvalidArgument("bad \x1b[31mtext").WithPosition({7, 1, 8});
  const std::string error = FormatError(status, "SELECT \x1b[2J\xFF");
  EXPECT_EQ(error.find('\x1b'), std::string::npos);
  EXPECT_NE(error.find("\\x1B[2J"), std::string::npos);
}

}  // namespace
}  // namespace dashi
