#include "server/wire_decoder.h"

#include <random>
#include <string>

#include <gtest/gtest.h>

#include "base/byte_codec.h"
#include "tests/server/wire_client.h"

namespace dashi {
namespace {

std::string WithLength(std::uint32_t length, std::string_view rest) {
  std::string bytes;
  AppendBigEndian32(&bytes, length);
  return bytes + std::string(rest);
}

TEST(DecodeStartupTest, ReadsParameters) {
  const std::string bytes = StartupBytes({{"user", "ann"}, {"database", "ads"}}) + "next";
  const StartupDecoding decoding = DecodeStartup(bytes);
  ASSERT_EQ(decoding.outcome, DecodeOutcome::kMessage);
  EXPECT_TRUE(decoding.status.ok());
  EXPECT_EQ(decoding.num_bytes, bytes.size() - 4);
  EXPECT_EQ(decoding.message.kind, StartupMessage::Kind::kStartup);
  EXPECT_EQ(decoding.message.minor_version, 0);
  ASSERT_EQ(decoding.message.parameters.size(), 2U);
  EXPECT_EQ(decoding.message.parameters[1],
            (std::pair<std::string, std::string>("database", "ads")));
}

TEST(DecodeStartupTest, ReadsRequests) {
  EXPECT_EQ(DecodeStartup(SslRequestBytes()).message.kind, StartupMessage::Kind::kSslRequest);
  EXPECT_EQ(DecodeStartup(GssEncRequestBytes()).message.kind, StartupMessage::Kind::kGssEncRequest);
  const StartupDecoding cancel = DecodeStartup(CancelRequestBytes(7, 0x01020304));
  EXPECT_EQ(cancel.message.kind, StartupMessage::Kind::kCancelRequest);
  EXPECT_EQ(cancel.message.process_id, 7U);
  EXPECT_EQ(cancel.message.secret, 0x01020304U);
}

TEST(DecodeStartupTest, WaitsForEveryTruncation) {
  const std::string bytes = StartupBytes({{"user", "ann"}});
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(DecodeStartup(std::string_view(bytes).substr(0, size)).outcome,
              DecodeOutcome::kNeedMore)
        << size;
  }
}

TEST(DecodeStartupTest, RefusesWhatIsNoStartup) {
  const auto outcome = [](const std::string& bytes) { return DecodeStartup(bytes).outcome; };
  EXPECT_EQ(outcome("GET / HTTP/1.1\r\n"), DecodeOutcome::kMalformed);
  EXPECT_EQ(outcome(WithLength(20'000, "")), DecodeOutcome::kMalformed);
  EXPECT_EQ(outcome(WithLength(0xFFFFFFFFU, "")), DecodeOutcome::kMalformed);
  EXPECT_EQ(outcome(WithLength(7, "abc")), DecodeOutcome::kMalformed);
  EXPECT_EQ(outcome(WithLength(0, "")), DecodeOutcome::kMalformed);
  // Protocol 2, and a cancel request that is too short.
  EXPECT_EQ(outcome(WithLength(8, std::string("\0\2\0\0", 4))), DecodeOutcome::kMalformed);
  EXPECT_EQ(outcome(WithLength(8, CancelRequestBytes(1, 2).substr(4, 4))),
            DecodeOutcome::kMalformed);
}

TEST(DecodeStartupTest, TellsAParameterListThatIsNone) {
  for (const std::string& list : {std::string("user\0ann", 8), std::string("user\0ann\0", 9),
                                  std::string("user\0\0ann\0\0", 11), std::string("")}) {
    const StartupDecoding decoding = DecodeStartup(
        WithLength(static_cast<std::uint32_t>(8 + list.size()), std::string("\0\3\0\0", 4) + list));
    ASSERT_EQ(decoding.outcome, DecodeOutcome::kMessage);
    EXPECT_EQ(decoding.status.sqlstate(), "08P01");
  }
}

TEST(DecodeMessageTest, ReadsEveryType) {
  for (const char type : std::string("QPBDECHSFdcfX")) {
    const std::string bytes = MessageBytes(type, "body") + "rest";
    const MessageDecoding decoding = DecodeMessage(bytes);
    ASSERT_EQ(decoding.outcome, DecodeOutcome::kMessage) << type;
    EXPECT_EQ(static_cast<char>(decoding.message.type), type);
    EXPECT_EQ(decoding.message.body, "body");
    EXPECT_EQ(decoding.num_bytes, 9U);
  }
}

TEST(DecodeMessageTest, WaitsForEveryTruncation) {
  const std::string bytes = QueryBytes("SELECT 1");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(DecodeMessage(std::string_view(bytes).substr(0, size)).outcome,
              DecodeOutcome::kNeedMore)
        << size;
  }
}

TEST(DecodeMessageTest, NamesAnUnknownTypeAtItsFirstByte) {
  const MessageDecoding decoding = DecodeMessage("~");
  EXPECT_EQ(decoding.outcome, DecodeOutcome::kMalformed);
  EXPECT_EQ(decoding.status.sqlstate(), "08P01");
  EXPECT_EQ(decoding.status.message(), "invalid frontend message type 126");
}

TEST(DecodeMessageTest, RefusesLengthsBeforeTheBodyComes) {
  const auto outcome = [](char type, std::uint32_t length) {
    return DecodeMessage(std::string(1, type) + WithLength(length, "")).outcome;
  };
  EXPECT_EQ(outcome('Q', 3), DecodeOutcome::kMalformed);
  EXPECT_EQ(outcome('Q', 0), DecodeOutcome::kMalformed);
  EXPECT_EQ(outcome('Q', 0x80000000U), DecodeOutcome::kMalformed);
  EXPECT_EQ(outcome('Q', 0xFFFFFFFFU), DecodeOutcome::kMalformed);
  EXPECT_EQ(outcome('Q', static_cast<std::uint32_t>(kLongMessageBytesMax + 5)),
            DecodeOutcome::kMalformed);
  EXPECT_EQ(outcome('Q', static_cast<std::uint32_t>(kLongMessageBytesMax + 4)),
            DecodeOutcome::kNeedMore);
  EXPECT_EQ(outcome('S', static_cast<std::uint32_t>(kShortMessageBytesMax + 5)),
            DecodeOutcome::kMalformed);
}

TEST(DecodeMessageTest, GarbageNeverReadsBeyondItsInput) {
  constexpr unsigned kSeed = 915;
  SCOPED_TRACE(kSeed);
  std::minstd_rand random(kSeed);
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes(random() % 40, '\0');
    for (char& byte : bytes) {
      // Small values make plausible lengths.
      byte = static_cast<char>(random() % 3 == 0 ? random() % 256 : random() % 12);
    }
    const StartupDecoding startup = DecodeStartup(bytes);
    EXPECT_LE(startup.num_bytes, bytes.size());
    bytes.insert(0, 1, "QPBDECHSFdcfX"[random() % 13]);
    const MessageDecoding message = DecodeMessage(bytes);
    EXPECT_LE(message.num_bytes, bytes.size());
    if (message.outcome == DecodeOutcome::kMessage) {
      EXPECT_EQ(message.message.body.size() + 5, message.num_bytes);
      const Result<std::string> query = DecodeQuery(message.message.body);
      EXPECT_TRUE(!query.ok() || query->size() + 1 == message.message.body.size());
    }
  }
}

TEST(DecodeQueryTest, ChecksTheString) {
  EXPECT_EQ(*DecodeQuery(std::string("SELECT 1\0", 9)), "SELECT 1");
  EXPECT_EQ(*DecodeQuery(std::string("\0", 1)), "");
  EXPECT_EQ(DecodeQuery("SELECT 1").status().sqlstate(), "08P01");
  EXPECT_EQ(DecodeQuery("").status().sqlstate(), "08P01");
  EXPECT_EQ(DecodeQuery(std::string("a\0b\0", 4)).status().sqlstate(), "08P01");
  EXPECT_EQ(*DecodeQuery(std::string("SELECT 'é日'\0", 15)), "SELECT 'é日'");
  for (const std::string bad : {"\xff", "a\xC0\x80", "\xE6\x97", "\xED\xA0\x80", "\x80"}) {
    const Status status = DecodeQuery(bad + std::string(1, '\0')).status();
    EXPECT_EQ(status.sqlstate(), "22021");
  }
}

TEST(DecodeQueryTest, EmptyBodiesAreEmpty) {
  EXPECT_TRUE(CheckEmptyBody("").ok());
  EXPECT_EQ(CheckEmptyBody("x").sqlstate(), "08P01");
}

}  // namespace
}  // namespace dashi
