#include "server/protocol_machine.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/server/wire_client.h"

namespace dashi {
namespace {

using Action = ProtocolMachine::Step::Action;
using State = ProtocolMachine::State;

// Takes steps until there is something to wait for or to do; joins the replies.
ProtocolMachine::Step Advance(ProtocolMachine& machine) {
  std::string reply;
  while (true) {
    ProtocolMachine::Step step = machine.Advance();
    reply += step.reply;
    if (step.action != Action::kContinue) {
      step.reply = reply;
      return step;
    }
  }
}

ProtocolMachine::Step Feed(ProtocolMachine& machine, std::string_view bytes) {
  machine.Receive(bytes);
  return Advance(machine);
}

void LetIn(ProtocolMachine& machine) {
  ASSERT_EQ(Feed(machine, StartupBytes({{"user", "ann"}})).action, Action::kOpenSession);
  machine.SessionOpened(1, 2);
  ASSERT_EQ(machine.state(), State::kReady);
}

std::string ErrorCode(const std::string& reply) {
  const auto messages = MessagesOf(reply);
  return messages.empty() ? "" : FieldOf(messages.front(), 'C');
}

TEST(ProtocolMachineTest, LetsClientsIn) {
  ProtocolMachine machine;
  EXPECT_EQ(Feed(machine, SslRequestBytes()).reply, "N");
  EXPECT_EQ(Feed(machine, GssEncRequestBytes()).reply, "N");
  const auto step =
      Feed(machine,
           StartupBytes({{"user", "ann"}, {"database", "ads"}, {"application_name", "psql\n"}}));
  EXPECT_EQ(step.action, Action::kOpenSession);
  EXPECT_EQ(step.reply, "");
  EXPECT_EQ(machine.parameters().user, "ann");
  const auto messages = MessagesOf(machine.SessionOpened(7, 8));
  EXPECT_EQ(TypesOf(messages), "R" + std::string(14, 'S') + "KZ");
  EXPECT_EQ(messages[1].body, std::string("application_name\0psql?\0", 23));
  EXPECT_EQ(messages.back().body, "I");
}

TEST(ProtocolMachineTest, AnswersEncryptionRequestsOnce) {
  ProtocolMachine machine;
  EXPECT_EQ(Feed(machine, SslRequestBytes()).reply, "N");
  EXPECT_EQ(Feed(machine, SslRequestBytes()).action, Action::kClose);
}

TEST(ProtocolMachineTest, StartsTlsWhereItIsOffered) {
  ProtocolMachine machine(/*offers_tls=*/true);
  EXPECT_EQ(Feed(machine, GssEncRequestBytes()).reply, "N");
  const auto step = Feed(machine, SslRequestBytes());
  EXPECT_EQ(step.action, Action::kStartTls);
  EXPECT_EQ(step.reply, "S");
  EXPECT_FALSE(machine.let_in());
  EXPECT_EQ(Advance(machine).action, Action::kWait);
  machine.TlsStarted();
  LetIn(machine);
  EXPECT_TRUE(machine.let_in());
}

TEST(ProtocolMachineTest, WhatIsSentInTheClearBehindTheRequestIsNotTakenForEncrypted) {
  ProtocolMachine machine(/*offers_tls=*/true);
  const auto step = Feed(machine, SslRequestBytes() + StartupBytes({{"user", "eve"}}));
  EXPECT_EQ(step.action, Action::kClose);
  EXPECT_EQ(step.reply, "");
  ProtocolMachine twice(/*offers_tls=*/true);
  EXPECT_EQ(Feed(twice, SslRequestBytes()).action, Action::kStartTls);
  twice.TlsStarted();
  EXPECT_EQ(Feed(twice, SslRequestBytes()).action, Action::kClose);
}

TEST(ProtocolMachineTest, NegotiatesNewerProtocols) {
  ProtocolMachine machine;
  const auto step = Feed(machine, StartupBytes({{"user", "ann"}, {"_pq_.foo", "1"}}, 0x0003270F));
  EXPECT_EQ(step.action, Action::kOpenSession);
  const auto messages = MessagesOf(machine.SessionOpened(7, 8));
  ASSERT_EQ(messages.front().type, 'v');
  EXPECT_EQ(messages.front().body, std::string("\0\3\0\0\0\0\0\1_pq_.foo\0", 17));
}

TEST(ProtocolMachineTest, RefusesStartupsWithAReason) {
  const auto refused = [](const StartupPairs& parameters) {
    ProtocolMachine machine;
    const auto step = Feed(machine, StartupBytes(parameters));
    EXPECT_EQ(step.action, Action::kClose);
    const auto messages = MessagesOf(step.reply);
    EXPECT_EQ(messages.size(), 1U);
    EXPECT_EQ(messages.empty() ? "" : FieldOf(messages[0], 'S'), "FATAL");
    return ErrorCode(step.reply);
  };
  EXPECT_EQ(refused({}), "28000");
  EXPECT_EQ(refused({{"database", "ads"}}), "28000");
  EXPECT_EQ(refused({{"user", "ann"}, {"client_encoding", "LATIN1"}}), "22023");
  EXPECT_EQ(refused({{"user", "ann"}, {"replication", "database"}}), "0A000");
  EXPECT_EQ(refused({{"user", "ann"}, {"options", "nonsense"}}), "42601");
  EXPECT_EQ(refused({{"user", "ann"}, {"options", "-c"}}), "42601");
}

TEST(ProtocolMachineTest, SettingsOfTheStartupBecomeStatements) {
  ProtocolMachine machine;
  Feed(machine, StartupBytes({{"user", "ann"},
                              {"client_encoding", "'utf-8'"},
                              {"application_name", "psql\n"},
                              {"DateStyle", "ISO"},
                              {"options", "-c statement_timeout=5s --topk.ef=o'x\\ y"},
                              {"weird name", "1"}}));
  EXPECT_EQ(SettingStatements(machine.parameters()),
            (std::vector<std::string>{"SET application_name = 'psql?'", "SET DateStyle = 'ISO'",
                                      "SET statement_timeout = '5s'", "SET topk.ef = 'o''x y'",
                                      "SET \"weird name\" = '1'"}));
}

TEST(ProtocolMachineTest, RefusedSessionsEnd) {
  ProtocolMachine machine;
  Feed(machine, StartupBytes({{"user", "ann"}}));
  EXPECT_EQ(ErrorCode(machine.SessionRefused(
                Status::ResourceExhausted("too many").WithSqlState("53300"))),
            "53300");
  EXPECT_EQ(machine.Advance().action, Action::kClose);
}

TEST(ProtocolMachineTest, CancelRequestsGetNoReply) {
  ProtocolMachine machine;
  const auto step = Feed(machine, CancelRequestBytes(5, 6));
  EXPECT_EQ(step.action, Action::kCancelOther);
  EXPECT_EQ(step.process_id, 5U);
  EXPECT_EQ(step.secret, 6U);
  EXPECT_EQ(step.reply, "");
  EXPECT_EQ(machine.Advance().action, Action::kClose);
}

TEST(ProtocolMachineTest, RunsOneQueryAtATime) {
  ProtocolMachine machine;
  LetIn(machine);
  auto step = Feed(machine, QueryBytes("SELECT 1") + QueryBytes("SELECT 2"));
  EXPECT_EQ(step.action, Action::kRunQuery);
  EXPECT_EQ(step.query, "SELECT 1");
  EXPECT_EQ(Advance(machine).action, Action::kWait);
  machine.AnswerDone(TransactionStatus::kInTransaction, SeriesEnd::kSynced);
  step = Advance(machine);
  EXPECT_EQ(step.query, "SELECT 2");
  machine.AnswerDone(TransactionStatus::kInTransaction, SeriesEnd::kSynced);
  // The state of the transaction shows in every ReadyForQuery.
  EXPECT_EQ(MessagesOf(Feed(machine, MessageBytes('S', "")).reply).back().body, "T");
}

TEST(ProtocolMachineTest, BytesMayArriveOneByOne) {
  ProtocolMachine machine;
  const std::string bytes = SslRequestBytes() + StartupBytes({{"user", "ann"}});
  std::string reply;
  for (const char byte : bytes) {
    reply += Feed(machine, std::string_view(&byte, 1)).reply;
  }
  EXPECT_EQ(reply, "N");
  EXPECT_EQ(machine.state(), State::kOpening);
}

TEST(ProtocolMachineTest, ASeriesIsRunAtItsSync) {
  ProtocolMachine machine;
  LetIn(machine);
  EXPECT_EQ(Feed(machine, ParseBytes("", "SELECT 1") + ExecuteBytes("")).action, Action::kWait);
  const auto step = Feed(machine, MessageBytes('S', "") + ParseBytes("", "SELECT 2"));
  ASSERT_EQ(step.action, Action::kRunSeries);
  ASSERT_EQ(step.series.size(), 3U);
  EXPECT_EQ(std::get<ParseMessage>(step.series[0]).query, "SELECT 1");
  EXPECT_TRUE(std::holds_alternative<SyncMessage>(step.series[2]));
  EXPECT_EQ(Advance(machine).action, Action::kWait);
  machine.AnswerDone(TransactionStatus::kIdle, SeriesEnd::kSynced);
  EXPECT_EQ(Advance(machine).action, Action::kWait) << "the second series has no end yet";
  EXPECT_EQ(Feed(machine, MessageBytes('H', "")).series.size(), 2U);
}

TEST(ProtocolMachineTest, ASyncOfNothingIsAnsweredAtOnce) {
  ProtocolMachine machine;
  LetIn(machine);
  EXPECT_EQ(TypesOf(MessagesOf(Feed(machine, MessageBytes('H', "") + MessageBytes('S', "")).reply)),
            "Z");
  EXPECT_EQ(Feed(machine, ParseBytes("", "SELECT 1") + MessageBytes('H', "")).action,
            Action::kRunSeries);
  machine.AnswerDone(TransactionStatus::kIdle, SeriesEnd::kOpen);
  // There may be a transaction to end.
  const auto step = Feed(machine, MessageBytes('S', ""));
  EXPECT_EQ(step.action, Action::kRunSeries);
  EXPECT_EQ(step.reply, "");
}

TEST(ProtocolMachineTest, AnErrorHasTheRestSkippedUpToTheSync) {
  ProtocolMachine machine;
  LetIn(machine);
  EXPECT_EQ(Feed(machine, ParseBytes("", "x") + MessageBytes('H', "")).action, Action::kRunSeries);
  machine.AnswerDone(TransactionStatus::kFailed, SeriesEnd::kFailed);
  EXPECT_EQ(machine.state(), State::kSkipToSync);
  const auto step = Feed(machine, ParseBytes("", "y") + MessageBytes('B', "x") + ExecuteBytes("") +
                                      QueryBytes("SELECT 1") + MessageBytes('S', ""));
  EXPECT_EQ(step.action, Action::kWait);
  const auto messages = MessagesOf(step.reply);
  ASSERT_EQ(TypesOf(messages), "Z");
  EXPECT_EQ(messages[0].body, "E");
  EXPECT_EQ(Feed(machine, QueryBytes("SELECT 2")).query, "SELECT 2");
}

TEST(ProtocolMachineTest, OtherMessagesComeBehindTheSeries) {
  const std::string others[] = {QueryBytes("SELECT 1"), MessageBytes('X', ""),
                                MessageBytes('F', "x"), std::string("~")};
  for (const std::string& other : others) {
    ProtocolMachine machine;
    LetIn(machine);
    const auto step = Feed(machine, ParseBytes("", "COMMIT") + ExecuteBytes("") + other);
    ASSERT_EQ(step.action, Action::kRunSeries);
    EXPECT_EQ(step.series.size(), 2U);
    machine.AnswerDone(TransactionStatus::kIdle, SeriesEnd::kOpen);
    EXPECT_NE(Advance(machine).action, Action::kRunSeries);
  }
}

TEST(ProtocolMachineTest, ALongSeriesIsRunInPieces) {
  ProtocolMachine machine;
  LetIn(machine);
  const std::string parse = ParseBytes("", std::string(100'000, 'x'));
  EXPECT_EQ(Feed(machine, parse + parse).action, Action::kWait);
  const auto step = Feed(machine, parse);
  EXPECT_EQ(step.action, Action::kRunSeries);
  EXPECT_EQ(step.series.size(), 3U);
}

TEST(ProtocolMachineTest, WhatCannotBeReadIsAnsweredInItsTurn) {
  ProtocolMachine machine;
  LetIn(machine);
  const auto step =
      Feed(machine, ParseBytes("", "SELECT 1") + MessageBytes('B', "x") + MessageBytes('S', ""));
  ASSERT_EQ(step.action, Action::kRunSeries);
  const auto* malformed = std::get_if<MalformedMessage>(&step.series.at(1));
  ASSERT_NE(malformed, nullptr);
  EXPECT_EQ(malformed->status.sqlstate(), "08P01");
  EXPECT_FALSE(malformed->is_sync);
}

TEST(ProtocolMachineTest, OddMessagesAreAnswered) {
  ProtocolMachine machine;
  LetIn(machine);
  EXPECT_EQ(TypesOf(MessagesOf(Feed(machine, MessageBytes('F', "x")).reply)), "EZ");
  EXPECT_EQ(Feed(machine, MessageBytes('d', "x") + MessageBytes('c', "") + MessageBytes('f', "no") +
                              MessageBytes('H', ""))
                .reply,
            "");
  EXPECT_EQ(ErrorCode(Feed(machine, MessageBytes('Q', "SELECT 1")).reply), "08P01");
  EXPECT_EQ(ErrorCode(Feed(machine, QueryBytes("\xff")).reply), "22021");
  EXPECT_EQ(ErrorCode(Feed(machine, MessageBytes('S', "x")).reply), "08P01");
  EXPECT_EQ(machine.state(), State::kReady);
}

TEST(ProtocolMachineTest, BrokenFramesClose) {
  for (const std::string& bytes : {std::string("Q\0\0\0\3", 5), std::string("Q\xff\xff\xff\xff", 5),
                                   std::string("P\x7f\xff\xff\xff", 5)}) {
    ProtocolMachine machine;
    LetIn(machine);
    const auto step = Feed(machine, bytes);
    EXPECT_EQ(step.action, Action::kClose);
    EXPECT_EQ(step.reply, "");
  }
  ProtocolMachine machine;
  LetIn(machine);
  const auto step = Feed(machine, "~");
  EXPECT_EQ(step.action, Action::kClose);
  EXPECT_EQ(FieldOf(MessagesOf(step.reply).front(), 'S'), "FATAL");
}

TEST(ProtocolMachineTest, TerminateCloses) {
  ProtocolMachine machine;
  LetIn(machine);
  EXPECT_EQ(Feed(machine, MessageBytes('X', "")).action, Action::kClose);
  machine.Receive("more");
  EXPECT_EQ(machine.num_pending_bytes(), 0U);
}

TEST(ProtocolMachineTest, ShutdownTellsThoseWhoAreIn) {
  ProtocolMachine stranger;
  EXPECT_EQ(stranger.Shutdown(), "");
  ProtocolMachine machine;
  LetIn(machine);
  EXPECT_EQ(ErrorCode(machine.Shutdown()), "57P01");
  EXPECT_EQ(machine.Advance().action, Action::kClose);
}

}  // namespace
}  // namespace dashi
