#include "sql/shell/sql_quoting.h"

#include <gtest/gtest.h>

namespace dashi {
namespace {

TEST(SqlQuotingTest, IdentifiersAreQuotedWhereNeeded) {
  EXPECT_EQ(QuotedIdentifier("plain_1"), "plain_1");
  EXPECT_EQ(QuotedIdentifier("1st"), "\"1st\"");
  EXPECT_EQ(QuotedIdentifier("say \"hi\""), "\"say \"\"hi\"\"\"");
  EXPECT_EQ(QuotedIdentifier(""), "\"\"");
  EXPECT_EQ(QuotedIdentifier("naïve"), "\"naïve\"");
}

TEST(SqlQuotingTest, TextIsQuotedAlways) {
  EXPECT_EQ(QuotedText("it's"), "'it''s'");
  EXPECT_EQ(QuotedText(""), "''");
}

}  // namespace
}  // namespace dashi
