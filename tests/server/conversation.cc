#include "tests/server/conversation.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <gtest/gtest.h>

#include "server/copy_conversation.h"
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
    : engine_(*new FakeStatementRunner),
      session_(std::unique_ptr<StatementRunner>(&engine_), {}),
      inbox_(std::size_t{1} << 30, std::chrono::seconds(1),
             {[this] { FillInbox(); }, [] {}, [this] { machine_.EndCopyIn(); }}) {
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
      const Result<SeriesEnd> end = SimpleQuery(session_, sink, inbox_).Run(step.query);
      EXPECT_TRUE(end.ok());
      machine_.AnswerDone(session_.transaction_status(), *end);
    } else if (step.action == Action::kRunSeries) {
      const Result<SeriesEnd> end = ExtendedQuery(session_, sink, inbox_).Run(step.series);
      EXPECT_TRUE(end.ok());
      machine_.AnswerDone(session_.transaction_status(), *end);
    }
  }
}

void Conversation::FillInbox() {
  using Action = ProtocolMachine::Step::Action;
  machine_.BeginCopyIn();
  while (machine_.state() == ProtocolMachine::State::kCopyIn) {
    ProtocolMachine::Step step = machine_.Advance();
    if (!TakeCopyStep(step, inbox_) && step.action != Action::kContinue) {
      inbox_.Fail(Status::Aborted("the input has no end"));
      return;
    }
  }
}

std::string Conversation::Said(std::string_view bytes) {
  return TranscriptOf(MessagesOf(Exchange(bytes)));
}

}  // namespace dashi
