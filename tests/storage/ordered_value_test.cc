#include "storage/ordered_value.h"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "storage/key_codec.h"

namespace dashi::storage {
namespace {

std::string RandomText(Random& random) {
  std::string text(random.Uniform(20), '\0');
  for (char& c : text) {
    // Few letters, so that texts begin alike; zeros and 0xFF are where an encoding could go wrong.
    constexpr char kLetters[] = {'\0', '\x01', 'a', '\x7F', '\xFE', '\xFF'};
    c = kLetters[random.Uniform(std::size(kLetters))];
  }
  return text;
}

double RandomReal(Random& random) {
  switch (random.Uniform(4)) {
    case 0:
      return static_cast<double>(random.Uniform(5)) - 2.0;
    case 1:
      return random.Normal() * 1e-310;  // Denormal.
    case 2:
      return random.Normal() * 1e300;
    default:
      return random.Normal();
  }
}

TEST(OrderedValueTest, IntegersKeepTheirOrder) {
  Random random(1);
  for (int i = 0; i < 50'000; ++i) {
    const auto shift = static_cast<unsigned>(random.Uniform(64));
    const auto a = static_cast<std::int64_t>(random.Next()) >> shift;
    const auto b = static_cast<std::int64_t>(random.Next()) >> shift;
    const std::string x = EncodeOrdered(Value::Integer(a));
    const std::string y = EncodeOrdered(Value::Integer(b));
    ASSERT_EQ(x < y, a < b) << a << " " << b;
    ASSERT_EQ(x == y, a == b);
    ASSERT_LT(EncodeOrdered(Value::Null()), x);
  }
}

TEST(OrderedValueTest, RealsKeepTheirOrder) {
  Random random(2);
  for (int i = 0; i < 50'000; ++i) {
    const double a = RandomReal(random);
    const double b = RandomReal(random);
    const std::string x = EncodeOrdered(Value::Real(a));
    const std::string y = EncodeOrdered(Value::Real(b));
    ASSERT_EQ(x < y, a < b) << a << " " << b;
    ASSERT_EQ(x == y, a == b);
  }
  EXPECT_EQ(EncodeOrdered(Value::Real(-0.0)), EncodeOrdered(Value::Real(0.0)));
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_LT(EncodeOrdered(Value::Real(-infinity)), EncodeOrdered(Value::Real(-1e308)));
  EXPECT_GT(EncodeOrdered(Value::Real(infinity)), EncodeOrdered(Value::Real(1e308)));
}

TEST(OrderedValueTest, TextsKeepTheirOrderAndNoneBeginsAnother) {
  Random random(3);
  for (int i = 0; i < 50'000; ++i) {
    const std::string a = RandomText(random);
    const std::string b = RandomText(random);
    const std::string x = EncodeOrdered(Value::Text(a));
    const std::string y = EncodeOrdered(Value::Text(b));
    ASSERT_EQ(x < y, a < b);
    ASSERT_EQ(x == y, a == b);
    ASSERT_TRUE(a == b || !x.starts_with(y));
    // What follows in a key does not disturb the order.
    ASSERT_TRUE(a == b ||
                (IndexEntryKey(1, x, Ordinal{9}) < IndexEntryKey(1, y, Ordinal{1})) == (a < b));
  }
}

TEST(OrderedValueTest, LongTextsThatBeginAlikeEncodeAlike) {
  const std::string start(kOrderedTextBytesMax, 'x');
  EXPECT_EQ(EncodeOrdered(Value::Text(start + "a")), EncodeOrdered(Value::Text(start + "b")));
  EXPECT_LT(EncodeOrdered(Value::Text(start)), EncodeOrdered(Value::Text(start.substr(1) + "y")));
  EXPECT_LE(EncodeOrdered(Value::Text(start)), EncodeOrdered(Value::Text(start + "a")));
}

TEST(OrderedValueTest, BytesStayAsTheyAre) {
  using namespace std::string_literals;
  EXPECT_EQ(EncodeOrdered(Value::Null()), "\x00"s);
  EXPECT_EQ(EncodeOrdered(Value::Integer(1)), "\x01\x80\0\0\0\0\0\0\x01"s);
  EXPECT_EQ(EncodeOrdered(Value::Integer(-1)), "\x01\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF"s);
  EXPECT_EQ(EncodeOrdered(Value::Real(1.0)), "\x01\xBF\xF0\0\0\0\0\0\0"s);
  EXPECT_EQ(EncodeOrdered(Value::Real(-1.0)), "\x01\x40\x0F\xFF\xFF\xFF\xFF\xFF\xFF"s);
  EXPECT_EQ(EncodeOrdered(Value::Text("")), "\x01\0\0\0\0\0\0\0\0\xF7"s);
  EXPECT_EQ(EncodeOrdered(Value::Text("ab")),
            "\x01"s
            "ab\0\0\0\0\0\0\xF9"s);
  EXPECT_EQ(EncodeOrdered(Value::Text("abcdefgh")),
            "\x01"s
            "abcdefgh\xFF"s
            "\0\0\0\0\0\0\0\0\xF7"s);
  EXPECT_EQ(IndexEntryKey(2, EncodeOrdered(Value::Null()), Ordinal{3}), "\0\0\0\x02\0\0\0\0\x03"s);
}

TEST(OrderedValueTest, RangesTakeTheirEndsAndLeaveNullOut) {
  const OrderedRange range = OrderedRange::Between(Value::Integer(2), Value::Integer(4));
  EXPECT_EQ(range.lower, EncodeOrdered(Value::Integer(2)));
  EXPECT_EQ(*range.upper, EncodeOrdered(Value::Integer(4)));
  const OrderedRange all = OrderedRange::Between({}, {});
  EXPECT_GT(all.lower, EncodeOrdered(Value::Null()));
  EXPECT_LT(all.lower, EncodeOrdered(Value::Integer(INT64_MIN)));
  EXPECT_FALSE(all.upper.has_value());
  EXPECT_EQ(OrderedRange::Nulls().lower, EncodeOrdered(Value::Null()));
}

}  // namespace
}  // namespace dashi::storage
