#include "dashi/session.h"

#include <gtest/gtest.h>

#include "dashi/database.h"

namespace dashi {
namespace {

TEST(SessionTest, SmokeOfTheWholeStack) {
  auto database = Database::Open(::testing::TempDir() + "/session_smoke.db");
  ASSERT_TRUE(database.ok()) << database.status().ToString();
  auto session = (*database)->NewSession();
  ASSERT_TRUE(session.ok());
  auto result = (*session)->Execute("SELECT 1");
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  Row row;
  auto more = result->Next(&row);
  ASSERT_TRUE(more.ok()) << more.status().ToString();
  EXPECT_EQ(row[0].integer(), 1);
}

}  // namespace
}  // namespace dashi
