#include "server/auth/scram_server.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/base64.h"
#include "base/random.h"
#include "tests/server/scram_client.h"

namespace dashi {
namespace {

constexpr const char* kPlain = "SCRAM-SHA-256";
constexpr const char* kPlus = "SCRAM-SHA-256-PLUS";

ScramSecrets Secrets(const std::string& password, const std::string& end_point_hash = "") {
  ScramSecrets secrets;
  secrets.verifier = MakeScramVerifier(password, "salt of 16 bytes");
  secrets.may_log_in = true;
  secrets.end_point_hash = end_point_hash;
  secrets.nonce = "3rfcNHYJY1ZVvWVs7j";
  return secrets;
}

// Logs in, and returns the SQLSTATE of a refusal, "" when the client is let in by a server that has
// proven itself.
std::string LogIn(ScramSecrets secrets, const ScramClient::Options& options,
                  const char* mechanism = kPlain) {
  ScramServer server(std::move(secrets));
  ScramClient client(options);
  const auto first = server.Start(mechanism, client.First());
  if (!first.ok()) {
    return std::string(first.status().sqlstate());
  }
  const auto last = server.Finish(client.Last(*first).value_or(""));
  if (last.ok()) {
    EXPECT_EQ(*last, client.expected_answer());
  }
  return last.ok() ? "" : std::string(last.status().sqlstate());
}

TEST(ScramServerTest, HasTheConversationOfTheRfc) {
  ScramSecrets secrets;
  secrets.verifier = MakeScramVerifier("pencil", FromBase64("W22ZaJ0SNY7soEsUEjb6gQ==").value());
  secrets.may_log_in = true;
  secrets.nonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
  ScramServer server(secrets);
  const auto first = server.Start(kPlain, "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
  ASSERT_TRUE(first.ok()) << first.status().ToString();
  EXPECT_EQ(*first,
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
            "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
  const auto last = server.Finish(
      "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
      "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
  ASSERT_TRUE(last.ok()) << last.status().ToString();
  EXPECT_EQ(*last, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
}

TEST(ScramServerTest, TheRightPasswordLetsIn) {
  EXPECT_EQ(LogIn(Secrets("pencil"), {.password = "pencil"}), "");
  EXPECT_EQ(LogIn(Secrets("pencil"), {.password = "pencil", .user = "ann"}), "");
  EXPECT_EQ(LogIn(Secrets("pencil"), {.password = "pencil", .header = "y,,"}), "");
  EXPECT_EQ(LogIn(Secrets("pencil"), {.password = "pencil "}), "28P01");
  EXPECT_EQ(LogIn(Secrets("pencil"), {.password = ""}), "28P01");
  ScramSecrets locked = Secrets("pencil");
  locked.may_log_in = false;
  EXPECT_EQ(LogIn(locked, {.password = "pencil"}), "28P01");
}

TEST(ScramServerTest, TheChannelIsBound) {
  const std::string hash(32, '\7');
  const std::string header = "p=tls-server-end-point,,";
  EXPECT_EQ(ScramServer(Secrets("x", hash)).mechanisms(),
            (std::vector<std::string>{kPlus, kPlain}));
  EXPECT_EQ(ScramServer(Secrets("x")).mechanisms(), std::vector<std::string>{kPlain});
  EXPECT_EQ(LogIn(Secrets("x", hash), {.password = "x", .header = header, .channel = hash}, kPlus),
            "");
  EXPECT_EQ(LogIn(Secrets("x", hash), {.password = "x"}), "") << "a client that cannot bind";
  EXPECT_EQ(LogIn(Secrets("x", hash),
                  {.password = "x", .header = header, .channel = std::string(32, '\6')}, kPlus),
            "28000")
      << "another certificate: somebody stands between";
  EXPECT_EQ(LogIn(Secrets("x", hash), {.password = "x", .header = "y,,"}), "28000")
      << "somebody took the offer away";
  EXPECT_EQ(LogIn(Secrets("x"), {.password = "x", .header = header, .channel = hash}, kPlus),
            "08P01");
  EXPECT_EQ(LogIn(Secrets("x", hash), {.password = "x", .header = header, .channel = hash}),
            "08P01");
  EXPECT_EQ(LogIn(Secrets("x", hash), {.password = "x"}, kPlus), "08P01");
  EXPECT_EQ(LogIn(Secrets("x", hash),
                  {.password = "x", .header = "p=tls-unique,,", .channel = hash}, kPlus),
            "08P01");
}

TEST(ScramServerTest, FirstMessagesThatAreNoneAreRefused) {
  for (const std::string& wrong : std::vector<std::string>{
           "", "n", "n,", "n,,", "n,,n=user", "n,,n=user,", "n,,n=user,r=", "n,,r=abc",
           "n,a=other,n=,r=abc", "x,,n=,r=abc", "n,,m=1,n=,r=abc", "n,,n=,r=a\tb",
           "n,,n=,r=\xC3\xA9", "n,,n=,r=" + std::string(513, 'x'),
           "n,,n=" + std::string(3000, 'x') + ",r=abc", std::string("n,,n=,r=a\0b", 11)}) {
    ScramServer server(Secrets("x"));
    EXPECT_EQ(server.Start(kPlain, wrong).status().sqlstate(), "08P01") << wrong;
  }
  for (const char* mechanism : {"", "scram-sha-256", "SCRAM-SHA-1", "PLAIN", kPlus}) {
    ScramServer server(Secrets("x"));
    EXPECT_EQ(server.Start(mechanism, "n,,n=,r=abc").status().sqlstate(), "08P01") << mechanism;
  }
}

TEST(ScramServerTest, LastMessagesThatAreNoneAreRefused) {
  ScramClient client({.password = "x"});
  const auto with = [&client](const std::string& from, const std::string& to) {
    ScramServer server(Secrets("x"));
    const auto first = server.Start(kPlain, client.First());
    std::string last = client.Last(*first).value();
    const std::size_t at = last.find(from);
    EXPECT_NE(at, std::string::npos);
    last.replace(at, from.size(), to);
    return std::string(server.Finish(last).status().sqlstate());
  };
  EXPECT_EQ(with("c=biws", "c=biws"), "00000");
  EXPECT_EQ(with("c=biws", "c=eSws"), "28000");
  EXPECT_EQ(with("c=biws", "c=!!!!"), "28000");
  EXPECT_EQ(with("c=biws,", ""), "08P01");
  EXPECT_EQ(with("7j,p=", "7k,p="), "08P01") << "another nonce";
  EXPECT_EQ(with("7j,p=", "7,p="), "08P01") << "a part of the nonce";
  EXPECT_EQ(with(",p=", ",q="), "08P01");
  EXPECT_EQ(with(",p=", ",x=1,p="), "28P01") << "an extension, which is signed";
  EXPECT_EQ(with(",p=", ",p=AAAA,p="), "08P01") << "two proofs";
}

TEST(ScramServerTest, HostileLastMessagesNeverLetIn) {
  const std::uint64_t seed = 4711;
  SCOPED_TRACE(seed);
  Random random(seed);
  ScramClient client({.password = "x"});
  const ScramSecrets secrets = Secrets("x");
  const std::string good = client.Last(*ScramServer(secrets).Start(kPlain, client.First())).value();
  for (int i = 0; i < 20'000; ++i) {
    ScramServer server(secrets);
    ASSERT_TRUE(server.Start(kPlain, client.First()).ok());
    std::string last = good;
    const auto num_changes = 1 + random.Uniform(3);
    for (std::uint64_t j = 0; j < num_changes; ++j) {
      const std::size_t at = random.Uniform(last.size());
      switch (random.Uniform(3)) {
        case 0:
          last[at] = static_cast<char>(random.Uniform(256));
          break;
        case 1:
          last.erase(at, 1 + random.Uniform(8));
          break;
        default:
          last.insert(at, 1, static_cast<char>(random.Uniform(256)));
      }
      if (last.empty()) {
        break;
      }
    }
    if (last != good) {
      ASSERT_FALSE(server.Finish(last).ok()) << last;
    }
  }
}

TEST(ScramServerTest, TheMockOfAnUnknownRoleIsAlwaysTheSame) {
  const ScramVerifier mock = MockScramVerifier("eve", "secret");
  EXPECT_EQ(mock.salt.size(), kScramSaltBytes);
  EXPECT_EQ(mock.num_iterations, kScramIterations);
  EXPECT_EQ(mock.salt, MockScramVerifier("eve", "secret").salt);
  EXPECT_NE(mock.salt, MockScramVerifier("eva", "secret").salt);
  EXPECT_NE(mock.salt, MockScramVerifier("eve", "another").salt);
  EXPECT_TRUE(ParseScramVerifier(mock.ToString())) << "it looks like a real one";
}

}  // namespace
}  // namespace dashi
