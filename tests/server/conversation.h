#pragma once

#include <limits>
#include <memory>
#include <string>
#include <string_view>

#include "server/client_session.h"
#include "server/copy_inbox.h"
#include "server/message_sink.h"
#include "server/protocol_machine.h"
#include "tests/shell/fake_statement_runner.h"

namespace dashi {

/// Keeps what is sent.
class StringMessageSink final : public MessageSink {
 public:
  Status Send(std::string bytes) override;

  std::string text;
  std::size_t largest = 0;
  int num_sends_left = std::numeric_limits<int>::max();
};

/// A client that has been let in, over a fake engine, without sockets and threads. A COPY ... FROM
/// STDIN has what is sent together with it, and fails where that is not enough.
class Conversation {
 public:
  Conversation();

  FakeStatementRunner& engine() { return engine_; }
  ClientSession& session() { return session_; }
  CopyInbox& inbox() { return inbox_; }
  /// Sends bytes and returns the replies.
  std::string Exchange(std::string_view bytes);
  /// As Exchange, as TranscriptOf has it.
  std::string Said(std::string_view bytes);

 private:
  FakeStatementRunner& engine_;  // the session's
  void FillInbox();

  ClientSession session_;
  ProtocolMachine machine_;
  CopyInbox inbox_;
};

}  // namespace dashi
