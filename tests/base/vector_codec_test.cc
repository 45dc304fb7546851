#include "base/vector_codec.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/random.h"

namespace dashi {
namespace {

std::string BytesOf(const std::vector<float>& numbers) {
  std::string bytes(numbers.size() * sizeof(float), '\0');
  std::memcpy(bytes.data(), numbers.data(), bytes.size());
  return bytes;
}

std::string StateOf(std::string_view text) {
  return std::string(VectorOfText(text).status().sqlstate());
}

TEST(VectorCodecTest, ReadsBothSpellings) {
  const std::string vector = BytesOf({1.0F, -2.5F, 1e-3F});
  for (const std::string_view text :
       {"[1,-2.5,0.001]", " [ 1 , -2.5,\t+1e-3 ]\n", "{1,-2.5,.001}"}) {
    const Result<std::string> read = VectorOfText(text);
    ASSERT_TRUE(read.ok()) << text << read.status().ToString();
    EXPECT_EQ(*read, vector) << text;
  }
  EXPECT_EQ(VectorText(vector), "[1,-2.5,0.001]");
  std::string array = "x";
  AppendVectorArrayText(&array, vector);
  EXPECT_EQ(array, "x{1,-2.5,0.001}");
  EXPECT_EQ(VectorDimension(vector), 3U);
}

TEST(VectorCodecTest, TinyNumbersAreTakenAndLargeOnesAreNot) {
  EXPECT_EQ(VectorOfText("[1e-60,-1e-60,1e-40]").value(), BytesOf({0.0F, -0.0F, 1e-40F}));
  EXPECT_EQ(StateOf("[1e60]"), "22003");
  EXPECT_EQ(StateOf("[-3.5e38]"), "22003");
  EXPECT_EQ(VectorOfText("[3.4028235e38]").value(), BytesOf({std::numeric_limits<float>::max()}));
}

TEST(VectorCodecTest, OtherTextIsRefused) {
  for (const std::string_view text :
       {"", "[", "1,2", "[1,2", "[1,,2]", "[1 2]", "[1,2}", "{1,2]", "[1,2]x", "[a]", "[1,2,]",
        "[,]", "[0x10]", "[+-1]", "[--1]", "[[1,2]]", "[1e]", "\xff", "null"}) {
    EXPECT_EQ(StateOf(text), "22P02") << text;
  }
  for (const std::string_view text :
       {"[]", "{ }", "[nan]", "[1,NaN]", "[inf]", "{-Infinity}", "{1,NULL}", "[null]"}) {
    EXPECT_EQ(StateOf(text), "22000") << text;
  }
  std::string many = "[1";
  for (std::size_t i = 1; i < kVectorDimensionMax; ++i) {
    many += ",1";
  }
  EXPECT_EQ(VectorDimension(VectorOfText(many + "]").value()), kVectorDimensionMax);
  EXPECT_EQ(StateOf(many + ",1]"), "54000");
}

TEST(VectorCodecTest, BytesAreChecked) {
  EXPECT_TRUE(CheckVector(BytesOf({1.0F, 0.0F})).ok());
  EXPECT_EQ(CheckVector("").sqlstate(), "22000");
  EXPECT_EQ(CheckVector("12345").sqlstate(), "22P03");
  EXPECT_EQ(CheckVector(BytesOf({1.0F, std::nanf("")})).sqlstate(), "22000");
  EXPECT_EQ(CheckVector(BytesOf({-std::numeric_limits<float>::infinity()})).sqlstate(), "22000");
  EXPECT_EQ(CheckVector(std::string((kVectorDimensionMax + 1) * 4, '\0')).sqlstate(), "54000");
}

// The text of any number is read as the same number.
TEST(VectorCodecTest, TextKeepsEveryBit) {
  const char* given = std::getenv("DASHI_TEST_SEED");
  const std::uint64_t seed = given == nullptr
                                 ? static_cast<std::uint64_t>(Clock::System().NowMicros())
                                 : std::strtoull(given, nullptr, 10);
  std::cout << "seed " << seed << "\n";
  Random random(seed);
  for (int round = 0; round < 300; ++round) {
    std::vector<float> numbers(1 + random.Uniform(40));
    for (float& number : numbers) {
      do {
        number = std::bit_cast<float>(static_cast<std::uint32_t>(random.Next()));
      } while (!std::isfinite(number));
    }
    const std::string vector = BytesOf(numbers);
    const Result<std::string> read = VectorOfText(VectorText(vector));
    ASSERT_TRUE(read.ok()) << read.status().ToString();
    ASSERT_EQ(*read, vector);
  }
}

}  // namespace
}  // namespace dashi
