#include "base/byte_codec.h"

#include <limits>
#include <string>

#include <gtest/gtest.h>

#include "base/random.h"

namespace dashi {
namespace {

TEST(ByteCodecTest, BigEndianKeepsNumericOrder) {
  Random random(7);
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t a = random.Next() >> random.Uniform(64);
    const std::uint64_t b = random.Next() >> random.Uniform(64);
    std::string bytes_a;
    std::string bytes_b;
    AppendBigEndian64(&bytes_a, a);
    AppendBigEndian64(&bytes_b, b);
    EXPECT_EQ(a < b, bytes_a < bytes_b) << a << " " << b;
  }
}

TEST(ByteCodecTest, EverythingWrittenIsReadBack) {
  std::string bytes;
  AppendBigEndian16(&bytes, 0xABCD);
  AppendBigEndian32(&bytes, 0x01020304);
  AppendBigEndian64(&bytes, 0xFFFFFFFFFFFFFFFEULL);
  AppendLittleEndian16(&bytes, 7);
  AppendLittleEndian32(&bytes, 8);
  AppendLittleEndian64(&bytes, 9);
  AppendFloat(&bytes, -1.5F);
  AppendDouble(&bytes, 2.25);
  AppendVarint(&bytes, std::numeric_limits<std::uint64_t>::max());
  AppendLengthPrefixed(&bytes, "text");

  ByteReader reader(bytes);
  std::uint16_t u16 = 0;
  std::uint32_t u32 = 0;
  std::uint64_t u64 = 0;
  float f = 0;
  double d = 0;
  std::string_view text;
  ASSERT_TRUE(reader.ReadBigEndian16(&u16));
  EXPECT_EQ(u16, 0xABCD);
  ASSERT_TRUE(reader.ReadBigEndian32(&u32));
  EXPECT_EQ(u32, 0x01020304U);
  ASSERT_TRUE(reader.ReadBigEndian64(&u64));
  EXPECT_EQ(u64, 0xFFFFFFFFFFFFFFFEULL);
  ASSERT_TRUE(reader.ReadLittleEndian16(&u16));
  EXPECT_EQ(u16, 7);
  ASSERT_TRUE(reader.ReadLittleEndian32(&u32));
  EXPECT_EQ(u32, 8U);
  ASSERT_TRUE(reader.ReadLittleEndian64(&u64));
  EXPECT_EQ(u64, 9U);
  ASSERT_TRUE(reader.ReadFloat(&f));
  EXPECT_EQ(f, -1.5F);
  ASSERT_TRUE(reader.ReadDouble(&d));
  EXPECT_EQ(d, 2.25);
  ASSERT_TRUE(reader.ReadVarint(&u64));
  EXPECT_EQ(u64, std::numeric_limits<std::uint64_t>::max());
  ASSERT_TRUE(reader.ReadLengthPrefixed(&text));
  EXPECT_EQ(text, "text");
  EXPECT_TRUE(reader.empty());
  EXPECT_FALSE(reader.failed());
}

TEST(ByteCodecTest, VarintsRoundTripAtEveryLength) {
  for (int bits = 0; bits < 64; ++bits) {
    for (const std::uint64_t value : {(1ULL << bits) - 1, 1ULL << bits}) {
      std::string bytes;
      AppendVarint(&bytes, value);
      ByteReader reader(bytes);
      std::uint64_t read = 0;
      ASSERT_TRUE(reader.ReadVarint(&read));
      EXPECT_EQ(read, value);
      EXPECT_TRUE(reader.empty());
    }
  }
}

TEST(ByteCodecTest, ShortAndOverlongInputsFailAndStayFailed) {
  std::uint64_t value = 42;
  ByteReader truncated(std::string_view("\x80", 1));
  EXPECT_FALSE(truncated.ReadVarint(&value));
  EXPECT_TRUE(truncated.failed());
  std::uint8_t byte = 0;
  EXPECT_FALSE(truncated.ReadByte(&byte));

  const std::string overlong(11, '\xFF');
  ByteReader too_long(overlong);
  EXPECT_FALSE(too_long.ReadVarint(&value));
  EXPECT_EQ(value, 42U);

  ByteReader beyond(
      std::string_view("\x05"
                       "abc",
                       4));
  std::string_view text;
  EXPECT_FALSE(beyond.ReadLengthPrefixed(&text));
}

}  // namespace
}  // namespace dashi
