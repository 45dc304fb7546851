// SHA-256 and what is made of it, compared with OpenSSL's and with the vectors of the RFCs.

#include "base/sha256.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/base64.h"
#include "base/random.h"
#include "base/scram_verifier.h"
#include "base/secret_bytes.h"

namespace dashi {
namespace {

std::string Hex(const std::string& bytes) {
  std::string hex;
  for (const char byte : bytes) {
    constexpr const char* kDigits = "0123456789abcdef";
    hex += kDigits[static_cast<unsigned char>(byte) >> 4];
    hex += kDigits[static_cast<unsigned char>(byte) & 15];
  }
  return hex;
}

std::string RandomText(Random& random, std::size_t size) {
  std::string text;
  for (std::size_t i = 0; i < size; ++i) {
    text += static_cast<char>(random.Uniform(256));
  }
  return text;
}

const unsigned char* Bytes(const std::string& text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

TEST(Sha256Test, HasTheVectorsOfTheStandard) {
  EXPECT_EQ(Hex(Sha256Of("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Hex(Sha256Of("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Hex(HmacSha256("Jefe").Of("what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(Hex(Pbkdf2Sha256("password", "salt", 4096)),
            "c5e478d59288c841aa530db6845c4c8d962893a001ce4e11a4963873aa98134a");
}

TEST(Sha256Test, IsWhatOpenSslSays) {
  const std::uint64_t seed = 20261129;
  SCOPED_TRACE(seed);
  Random random(seed);
  for (std::size_t size = 0; size < 300; ++size) {
    const std::string text = RandomText(random, size);
    const std::string key = RandomText(random, random.Uniform(150));
    unsigned char expected[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    ASSERT_EQ(EVP_Digest(text.data(), size, expected, &length, EVP_sha256(), nullptr), 1);
    ASSERT_EQ(Sha256Of(text), std::string(expected, expected + length)) << size;
    Sha256 pieces;
    for (std::size_t at = 0; at < size;) {
      const std::size_t taken = std::min<std::size_t>(1 + random.Uniform(100), size - at);
      pieces.Update(text.substr(at, taken));
      at += taken;
    }
    const Sha256::Digest digest = pieces.Finish();
    ASSERT_EQ(std::string(digest.begin(), digest.end()), std::string(expected, expected + length));
    HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), Bytes(text), size, expected,
         &length);
    ASSERT_EQ(HmacSha256(key).Of(text), std::string(expected, expected + length)) << size;
    const int iterations = 1 + static_cast<int>(random.Uniform(5));
    ASSERT_EQ(PKCS5_PBKDF2_HMAC(key.data(), static_cast<int>(key.size()), Bytes(text),
                                static_cast<int>(size), iterations, EVP_sha256(), 32, expected),
              1);
    ASSERT_EQ(Pbkdf2Sha256(key, text, iterations), std::string(expected, expected + 32)) << size;
  }
}

TEST(Base64Test, WritesAndReadsItself) {
  Random random(7);
  for (std::size_t size = 0; size < 100; ++size) {
    const std::string text = RandomText(random, size);
    std::vector<unsigned char> expected(2 * size + 8);
    const int length = EVP_EncodeBlock(expected.data(), Bytes(text), static_cast<int>(size));
    EXPECT_EQ(Base64Of(text), std::string(expected.begin(), expected.begin() + length));
    EXPECT_EQ(FromBase64(Base64Of(text)), text);
  }
  for (const char* wrong : {"a", "ab", "abc", "ab=c", "a===", "====", "ab==cdef", "ab\n=", "ab-_",
                            "YQ=\0", "YR==", "YWJ="}) {
    EXPECT_EQ(FromBase64(wrong), std::nullopt) << wrong;
  }
}

TEST(SecretBytesTest, AreNotTheSameTwice) {
  EXPECT_EQ(SecretBytes(0), "");
  EXPECT_EQ(SecretBytes(33).size(), 33U);
  EXPECT_NE(SecretBytes(16), SecretBytes(16));
  EXPECT_TRUE(SameSecret("abc", "abc"));
  EXPECT_FALSE(SameSecret("abc", "abd"));
  EXPECT_FALSE(SameSecret("abc", "ab"));
}

TEST(ScramVerifierTest, IsWrittenAsPostgreSqlDoes) {
  const ScramVerifier made = MakeScramVerifier("pencil", "0123456789abcdef");
  const auto read = ParseScramVerifier(made.ToString());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->ToString(), made.ToString());
  EXPECT_EQ(read->num_iterations, 4096);
  // Made by PostgreSQL 15 of the password "foo".
  const std::string theirs =
      "SCRAM-SHA-256$4096:cSW2RnUKRJK6CW6tmUCYUw==$"
      "LYqOcDdb+gQdSNjdqxVAafXDIDbuh5cBYKh5q5lQ4EU=:YyD4pIqJKxNg4MKEd1NMgyWYXWX9SFh0A3yMTzl7Lx4=";
  const auto parsed = ParseScramVerifier(theirs);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->ToString(), theirs);
  const std::string good = made.ToString();
  const auto with = [&good](const std::string& from, const std::string& to) {
    std::string changed = good;
    changed.replace(changed.find(from), from.size(), to);
    return changed;
  };
  for (const std::string& wrong :
       {std::string(), std::string("md5a6c1"), with("4096", "4095"), with("4096", "-4096"),
        with("4096", "99999999999"), with("4096", "2000000"), with("4096", "4096x"),
        with("SCRAM", "scram"), with("=$", "$"), good + "=", good.substr(0, good.size() - 4)}) {
    EXPECT_FALSE(ParseScramVerifier(wrong)) << wrong;
  }
}

TEST(ScramVerifierTest, PasswordsArePrepared) {
  EXPECT_EQ(PreparedPassword("pencil\x01 x"), "pencil\x01 x");
  EXPECT_EQ(PreparedPassword("I\u00ADX"), "IX") << "RFC 4013: a soft hyphen goes";
  EXPECT_EQ(PreparedPassword("\u00AA"), "a");
  EXPECT_EQ(PreparedPassword("\u2168"), "IX");
  EXPECT_EQ(PreparedPassword("a\u00A0b"), "a b");
  EXPECT_EQ(PreparedPassword("e\u0301"), "\u00E9");
  EXPECT_EQ(PreparedPassword("\u00E9\x07"), "\u00E9\x07") << "prohibited: as it is";
  EXPECT_EQ(PreparedPassword("\xFF\xFE"), "\xFF\xFE") << "no UTF-8: as it is";
}

}  // namespace
}  // namespace dashi
