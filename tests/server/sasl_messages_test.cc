#include "server/auth/sasl_messages.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/server/wire_client.h"

namespace dashi {
namespace {

TEST(SaslMessagesTest, OnlyResponsesAreTaken) {
  EXPECT_EQ(DecodeLoginMessage("").outcome, DecodeOutcome::kNeedMore);
  const std::string message = MessageBytes('p', "hello");
  for (std::size_t size = 0; size < message.size(); ++size) {
    EXPECT_EQ(DecodeLoginMessage(message.substr(0, size)).outcome, DecodeOutcome::kNeedMore);
  }
  const LoginDecoding decoding = DecodeLoginMessage(message + "Q");
  EXPECT_EQ(decoding.outcome, DecodeOutcome::kMessage);
  EXPECT_EQ(decoding.num_bytes, message.size());
  EXPECT_EQ(decoding.body, "hello");
  const LoginDecoding query = DecodeLoginMessage(QueryBytes("SELECT 1"));
  EXPECT_EQ(query.outcome, DecodeOutcome::kMalformed);
  EXPECT_EQ(query.status.sqlstate(), "08P01");
  for (const std::string& bytes : {std::string("p\0\0\0\3", 5), std::string("p\xff\xff\xff\xff", 5),
                                   MessageBytes('p', std::string(kLoginBytesMax + 1, 'x'))}) {
    const LoginDecoding wrong = DecodeLoginMessage(bytes);
    EXPECT_EQ(wrong.outcome, DecodeOutcome::kMalformed);
    EXPECT_TRUE(wrong.status.ok());
  }
}

TEST(SaslMessagesTest, TheFirstResponseNamesTheMechanism) {
  const auto initial = DecodeSaslInitialResponse(std::string("SCRAM-SHA-256\0\0\0\0\3n,,", 21));
  ASSERT_TRUE(initial.ok());
  EXPECT_EQ(initial->mechanism, "SCRAM-SHA-256");
  EXPECT_EQ(initial->response, "n,,");
  for (const std::string& wrong :
       {std::string(), std::string("SCRAM-SHA-256"), std::string("S\0", 2),
        std::string("S\0\0\0\0\3n,", 8), std::string("S\0\0\0\0\1n,", 8),
        std::string("S\0\xff\xff\xff\xff", 6)}) {
    EXPECT_EQ(DecodeSaslInitialResponse(wrong).status().sqlstate(), "08P01");
  }
}

TEST(SaslMessagesTest, RequestsHaveTheirForm) {
  std::string out;
  AppendAuthenticationSasl(&out, {"A", "B"});
  AppendAuthenticationSaslContinue(&out, "r=1");
  AppendAuthenticationSaslFinal(&out, "v=2");
  const auto messages = MessagesOf(out);
  ASSERT_EQ(TypesOf(messages), "RRR");
  EXPECT_EQ(messages[0].body, std::string("\0\0\0\12A\0B\0\0", 9));
  EXPECT_EQ(messages[1].body, std::string("\0\0\0\13r=1", 7));
  EXPECT_EQ(messages[2].body, std::string("\0\0\0\14v=2", 7));
}

}  // namespace
}  // namespace dashi
