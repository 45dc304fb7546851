#include "tests/server/conversation.h"

#include <algorithm>
#include <utility>

#include <gtest/gtest.h>

#include "server/extended_query.h"
#include "server/simple_query.h"
#include "tests/server/wire_client.h"

namespace dashi {

Status StringMessageSink::Send(std::string bytes) {
  if (num_sends_left-- <= 0) {
    return Status::Unavailable("gone");
  }
  largest = std::max(largest, bytes.size());
  text += bytes;
  return Status();
}

Conversation::Conversation()
    : engine_(*new FakeStatementRunner), session_(std::unique_ptr<StatementRunner>(&engine_), {}) {
  machine_.Receive(StartupBytes({{"user", "ann"}}));
  EXPECT_EQ(machine_.Advance().action, ProtocolMachine::Step::Action::kOpenSession);
  machine_.SessionOpened(1, 2);
}

std::string Conversation::Exchange(std::string_view bytes) {
  using Action = ProtocolMachine::Step::Action;
  StringMessageSink sink;
  machine_.Receive(bytes);
  for (;;) {
    const ProtocolMachine::Step step = machine_.Advance();
    sink.text += step.reply;
    if (step.action == Action::kWait || step.action == Action::kClose) {
      return sink.text;
    }
    if (step.action == Action::kRunQuery) {
      EXPECT_TRUE(SimpleQuery(session_, sink).Run(step.query).ok());
      machine_.AnswerDone(session_.transaction_status(), SeriesEnd::kSynced);
    } else if (step.action == Action::kRunSeries) {
      const Result<SeriesEnd> end = ExtendedQuery(session_, sink).Run(step.series);
      EXPECT_TRUE(end.ok());
      machine_.AnswerDone(session_.transaction_status(), *end);
    }
  }
}

std::string Conversation::Said(std::string_view bytes) {
  return TranscriptOf(MessagesOf(Exchange(bytes)));
}

}  // namespace dashi
