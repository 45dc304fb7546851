#include "base/status.h"

#include <memory>
#include <new>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

namespace dashi {
namespace {

TEST(StatusTest, OkCarriesNothing) {
  const Status status;
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(status.sqlstate(), "00000");
  EXPECT_EQ(status.message(), "");
  EXPECT_EQ(status.ToString(), "OK");
}

TEST(StatusTest, CopyAndMoveKeepEverything) {
  const Status original = Status::NotFound("unknown table: x")
                              .WithSqlState("42P01")
                              .WithHint("Perhaps labels.")
                              .WithPosition({14, 2, 3})
                              .WithContext("line 1");
  const Status copy = original;
  Status moved = Status(original);
  EXPECT_EQ(copy.code(), StatusCode::kNotFound);
  EXPECT_EQ(moved.sqlstate(), "42P01");
  EXPECT_EQ(moved.hint(), "Perhaps labels.");
  EXPECT_EQ(moved.message(), "line 1: unknown table: x");
  ASSERT_TRUE(moved.position().has_value());
  EXPECT_EQ(moved.position()->line, 2U);
  moved = copy;
  EXPECT_EQ(moved.ToString(), "not found: line 1: unknown table: x");
}

TEST(StatusTest, EveryCodeHasASqlState) {
  for (int code = 1; code <= static_cast<int>(StatusCode::kInternal); ++code) {
    const Status status(static_cast<StatusCode>(code), "m");
    EXPECT_FALSE(status.ok());
    EXPECT_EQ(status.sqlstate().size(), 5U);
    EXPECT_NE(status.sqlstate(), "00000");
    EXPECT_NE(StatusCodeName(status.code()), "unknown");
  }
}

Result<int> Half(int value) {
  if (value % 2 != 0) {
    return Status::InvalidArgument("odd");
  }
  return value / 2;
}

Result<int> Quarter(int value) {
  DASHI_ASSIGN_OR_RETURN(const int half, Half(value));
  return Half(half);
}

TEST(ResultTest, ErrorsTravelThroughTheMacros) {
  EXPECT_EQ(Quarter(8).value(), 2);
  EXPECT_EQ(Quarter(6).status().message(), "odd");
  EXPECT_TRUE(Quarter(8).status().ok());
}

TEST(ResultTest, MoveOnlyValues) {
  Result<std::unique_ptr<int>> result(std::make_unique<int>(5));
  ASSERT_TRUE(result.ok());
  const std::unique_ptr<int> taken = std::move(result).value();
  EXPECT_EQ(*taken, 5);
}

TEST(ResultDeathTest, AFailedResultHasNoValue) {
  Result<int> result(Status::NotFound("no such thing"));
  EXPECT_DEATH(static_cast<void>(result.value()), "no such thing");
}

TEST(CatchAsStatusTest, ForeignExceptionsBecomeStatuses) {
  EXPECT_TRUE(CatchAsStatus("fine", [] {}).ok());
  const Status error = CatchAsStatus("faiss add", [] { throw std::runtime_error("bad"); });
  EXPECT_EQ(error.code(), StatusCode::kInternal);
  EXPECT_EQ(error.message(), "faiss add: bad");
  const Status memory = CatchAsStatus("build", [] { throw std::bad_alloc(); });
  EXPECT_EQ(memory.code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(memory.sqlstate(), "53200");
  const Result<int> value = CatchAsStatus("value", []() -> Result<int> { return 3; });
  EXPECT_EQ(value.value(), 3);
}

}  // namespace
}  // namespace dashi
