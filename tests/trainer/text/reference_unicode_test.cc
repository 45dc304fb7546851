#include "trainer/text/reference_unicode.h"

#include <fstream>
#include <functional>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <zlib.h>

#include "tests/trainer/text/golden_files.h"

namespace dashi::trainer {
namespace {

std::uint64_t Checksum(std::string_view bytes) {
  return crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size()));
}

void ForEachCodePoint(const std::function<void(char32_t)>& on_code_point) {
  for (char32_t code_point = 0; code_point < 0x110000; ++code_point) {
    if (code_point < 0xD800 || code_point >= 0xE000) {
      on_code_point(code_point);
    }
  }
}

std::uint64_t FlagsChecksum(bool (*function)(char32_t)) {
  std::string flags;
  ForEachCodePoint([&](char32_t code_point) { flags.push_back(function(code_point) ? 1 : 0); });
  return Checksum(flags);
}

std::uint64_t TextsChecksum(void (*append)(char32_t, std::u32string*)) {
  std::string texts;
  std::u32string out;
  ForEachCodePoint([&](char32_t code_point) {
    out.clear();
    append(code_point, &out);
    for (const char32_t made : out) {
      AppendUtf8(made, &texts);
    }
    texts.push_back('\n');
  });
  texts.pop_back();
  return Checksum(texts);
}

// unicode_classes.json holds checksums of what the reference itself said of each code point.
TEST(ReferenceUnicodeTest, AgreesWithTheReferenceOnEveryCodePoint) {
  const auto want = nlohmann::json::parse(ReadGolden("unicode_classes.json"));
  EXPECT_EQ(want["removed"], FlagsChecksum(IsRemovedByCleaning));
  EXPECT_EQ(want["white_space"], FlagsChecksum(IsWhitespace));
  EXPECT_EQ(want["punctuation"], FlagsChecksum(IsPunctuation));
  EXPECT_EQ(want["ideograph"], FlagsChecksum(IsIdeograph));
  EXPECT_EQ(want["nonspacing_mark"], FlagsChecksum(IsNonspacingMark));
  EXPECT_EQ(want["letter"], FlagsChecksum(IsLetter));
  EXPECT_EQ(want["number"], FlagsChecksum(IsNumber));
  EXPECT_EQ(want["decomposition"], TextsChecksum(AppendDecomposition));
  EXPECT_EQ(want["lower_case"], TextsChecksum(AppendLowerCase));
}

TEST(ReferenceUnicodeTest, EncodingAndDecodingAreInverse) {
  ForEachCodePoint([](char32_t code_point) {
    std::string text;
    AppendUtf8(code_point, &text);
    ASSERT_TRUE(IsUtf8(text)) << static_cast<std::uint32_t>(code_point);
    const DecodedCodePoint decoded = DecodeCodePoint(text);
    ASSERT_TRUE(decoded.valid);
    ASSERT_EQ(decoded.code_point, code_point);
    ASSERT_EQ(decoded.size, text.size());
  });
}

TEST(ReferenceUnicodeTest, WhatIsNoUtf8BecomesReplacementCharacters) {
  struct Case {
    std::string_view bytes;
    std::u32string want;
  };
  // What Python's bytes.decode("utf-8", "replace") gives.
  const Case cases[] = {
      {"a\x80z", U"a\uFFFDz"},
      {"\xC3", U"\uFFFD"},
      {"\xC0\xAF", U"\uFFFD\uFFFD"},
      {"\xE2\x82", U"\uFFFD"},
      {"\xE2\x82z", U"\uFFFDz"},
      {"\xED\xA0\x80", U"\uFFFD\uFFFD\uFFFD"},
      {"\xF0\x9F\x98", U"\uFFFD"},
      {"\xF4\x90\x80\x80", U"\uFFFD\uFFFD\uFFFD\uFFFD"},
      {"\xE0\x80\x80", U"\uFFFD\uFFFD\uFFFD"},
      {"\xFF\xFE", U"\uFFFD\uFFFD"},
      {"\xF0\x9F\xC3\xA9", U"\uFFFD\u00E9"},
  };
  for (const Case& item : cases) {
    std::u32string got;
    AppendCodePoints(item.bytes, &got);
    EXPECT_EQ(got, item.want) << nlohmann::json(std::string(item.bytes))
                                     .dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
    EXPECT_FALSE(IsUtf8(item.bytes));
    EXPECT_FALSE(IsUtf8("eight by" + std::string(item.bytes)));
  }
}

}  // namespace
}  // namespace dashi::trainer
