#include "server/extended_messages.h"

#include <random>
#include <string>

#include <gtest/gtest.h>

#include "tests/server/wire_client.h"

namespace dashi {
namespace {

ExtendedMessage Decoded(std::string_view bytes) {
  const MessageDecoding decoding = DecodeMessage(bytes);
  EXPECT_EQ(decoding.outcome, DecodeOutcome::kMessage);
  EXPECT_TRUE(IsExtended(decoding.message.type));
  return DecodeExtended(decoding.message);
}

// The SQLSTATE and text of what is wrong with a message.
std::string Complaint(char type, const std::string& body) {
  const ExtendedMessage message = Decoded(MessageBytes(type, body));
  const auto* malformed = std::get_if<MalformedMessage>(&message);
  return malformed == nullptr ? ""
                              : std::string(malformed->status.sqlstate()) + " " +
                                    std::string(malformed->status.message());
}

std::string Zeros(std::size_t count) { return std::string(count, '\0'); }

TEST(DecodeExtendedTest, ReadsParse) {
  const auto parse =
      std::get<ParseMessage>(Decoded(ParseBytes("s", "SELECT $1", {20, 0xFFFFFFFF})));
  EXPECT_EQ(parse.name, "s");
  EXPECT_EQ(parse.query, "SELECT $1");
  EXPECT_EQ(parse.parameter_types,
            (std::vector<TypeOid>{TypeOid::kInt8, static_cast<TypeOid>(0xFFFFFFFF)}));
}

TEST(DecodeExtendedTest, ReadsBind) {
  const auto bind = std::get<BindMessage>(Decoded(BindBytes(
      "p", "s",
      {.parameter_formats = {1, 7}, .parameters = {"a", std::nullopt}, .result_formats = {1}})));
  EXPECT_EQ(bind.portal, "p");
  EXPECT_EQ(bind.statement, "s");
  EXPECT_EQ(bind.parameter_formats,
            (std::vector<WireFormat>{WireFormat::kBinary, static_cast<WireFormat>(7)}));
  EXPECT_EQ(bind.parameters, (std::vector<std::optional<std::string>>{"a", std::nullopt}));
  EXPECT_EQ(bind.result_formats, std::vector<WireFormat>{WireFormat::kBinary});
}

TEST(DecodeExtendedTest, ReadsTheRest) {
  const auto describe = std::get<DescribeMessage>(Decoded(DescribeBytes('P', "p")));
  EXPECT_EQ(describe.kind, NamedKind::kPortal);
  EXPECT_EQ(describe.name, "p");
  const auto close = std::get<CloseMessage>(Decoded(CloseBytes('S', "s")));
  EXPECT_EQ(close.kind, NamedKind::kStatement);
  const auto execute = std::get<ExecuteMessage>(Decoded(ExecuteBytes("p", 7)));
  EXPECT_EQ(execute.portal, "p");
  EXPECT_EQ(execute.num_rows_max, 7U);
  EXPECT_EQ(std::get<ExecuteMessage>(Decoded(ExecuteBytes("", 0xFFFFFFFF))).num_rows_max, 0U)
      << "a negative number is no bound";
  EXPECT_TRUE(std::holds_alternative<FlushMessage>(Decoded(FlushBytes())));
  EXPECT_TRUE(std::holds_alternative<SyncMessage>(Decoded(SyncBytes())));
  EXPECT_EQ(*DecodeCopyFail(std::string("why\0", 4)), "why");
  EXPECT_EQ(DecodeCopyFail("why").status().sqlstate(), "08P01");
}

TEST(DecodeExtendedTest, SaysWhatIsWrong) {
  EXPECT_EQ(Complaint('P', "s"), "08P01 invalid string in message");
  EXPECT_EQ(Complaint('P', "s" + Zeros(1) + "x"), "08P01 invalid string in message");
  EXPECT_EQ(Complaint('P', "s" + Zeros(1) + "x" + Zeros(2)),
            "08P01 insufficient data left in message");
  EXPECT_EQ(Complaint('P', "s" + Zeros(1) + "x" + Zeros(2) + "\1"),
            "08P01 insufficient data left in message");
  EXPECT_EQ(Complaint('P', Zeros(4) + "more"), "08P01 invalid message format");
  EXPECT_EQ(Complaint('P', "\xff" + Zeros(4)),
            "22021 invalid byte sequence for encoding \"UTF8\": 0xff");
  EXPECT_EQ(Complaint('B', Zeros(2) + "\xff\xff"), "08P01 insufficient data left in message");
  // One parameter of 2 GB, and one of a length below NULL's.
  EXPECT_EQ(Complaint('B', Zeros(5) + "\1" + "\x7f\xff\xff\xff"),
            "08P01 insufficient data left in message");
  EXPECT_EQ(Complaint('B', Zeros(5) + "\1" + "\xff\xff\xff\xfe"),
            "08P01 insufficient data left in message");
  EXPECT_EQ(Complaint('D', "X" + Zeros(1)), "08P01 invalid DESCRIBE message subtype 88");
  EXPECT_EQ(Complaint('C', "X" + Zeros(1)), "08P01 invalid CLOSE message subtype 88");
  EXPECT_EQ(Complaint('D', ""), "08P01 insufficient data left in message");
  EXPECT_EQ(Complaint('E', Zeros(4)), "08P01 insufficient data left in message");
  EXPECT_EQ(Complaint('H', "x"), "08P01 invalid message format");
  EXPECT_EQ(Complaint('S', "x"), "08P01 invalid message format");
}

TEST(DecodeExtendedTest, OnlyABadSyncIsOne) {
  EXPECT_TRUE(std::get<MalformedMessage>(Decoded(MessageBytes('S', "x"))).is_sync);
  EXPECT_FALSE(std::get<MalformedMessage>(Decoded(MessageBytes('H', "x"))).is_sync);
}

TEST(DecodeExtendedTest, EveryTruncationIsToldFromTheWhole) {
  const std::string whole[] = {
      ParseBytes("s", "SELECT $1", {20}),
      BindBytes("p", "s", {.parameter_formats = {1}, .parameters = {"abc"}, .result_formats = {0}}),
      DescribeBytes('S', "s"), CloseBytes('P', "p"), ExecuteBytes("p", 1)};
  for (const std::string& bytes : whole) {
    const std::string body = bytes.substr(5);
    EXPECT_EQ(Complaint(bytes.front(), body), "");
    for (std::size_t size = 0; size < body.size(); ++size) {
      EXPECT_NE(Complaint(bytes.front(), body.substr(0, size)), "") << bytes.front() << size;
    }
    EXPECT_EQ(Complaint(bytes.front(), body + "x"), "08P01 invalid message format");
  }
}

TEST(DecodeExtendedTest, GarbageIsNeverMoreThanItsBytes) {
  constexpr unsigned kSeed = 916;
  SCOPED_TRACE(kSeed);
  std::minstd_rand random(kSeed);
  int num_good = 0;
  for (int round = 0; round < 50'000; ++round) {
    std::string body(random() % 24, '\0');
    for (char& byte : body) {
      byte = static_cast<char>(random() % 4 == 0 ? random() % 256 : random() % 3);
    }
    const ExtendedMessage message = Decoded(MessageBytes("PBDEC"[random() % 5], body));
    if (const auto* parse = std::get_if<ParseMessage>(&message)) {
      EXPECT_LE(parse->parameter_types.size() * 4, body.size());
    } else if (const auto* bind = std::get_if<BindMessage>(&message)) {
      EXPECT_LE(bind->parameters.size() * 4, body.size());
    }
    num_good += std::holds_alternative<MalformedMessage>(message) ? 0 : 1;
  }
  EXPECT_GT(num_good, 50);
}

}  // namespace
}  // namespace dashi
