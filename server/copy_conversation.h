#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dashi/copy_streams.h"
#include "dashi/status.h"
#include "server/copy_binary.h"
#include "server/copy_inbox.h"
#include "server/extended_messages.h"
#include "server/protocol_machine.h"
#include "server/reply_buffer.h"

namespace dashi {

/// Hands what a step says of a COPY's input to the inbox. Returns whether it says anything of it.
bool TakeCopyStep(ProtocolMachine::Step& step, CopyInbox& inbox);

/// Ends the conversation with a client whose messages have made no sense since its COPY. Returns
/// kLost.
///
/// Errors: kUnavailable when the client is gone.
Result<SeriesEnd> EndLost(ReplyBuffer& replies);

/// What a COPY ... FROM STDIN or TO STDOUT and its client say to each other, between the client's
/// message that runs it and the CommandComplete or error that ends it.
///
/// Threads: one thread at a time, but for the streams' `read`.
class CopyConversation {
 public:
  /// All must outlive it. `before_input`, which may be null, is asked when COPY ... FROM STDIN
  /// begins: its error ends it.
  CopyConversation(ReplyBuffer& replies, CopyInbox& inbox,
                   std::function<Status()> before_input = nullptr)
      : replies_(replies), inbox_(inbox), before_input_(std::move(before_input)) {}
  ~CopyConversation() { End(/*ok=*/false); }
  CopyConversation(const CopyConversation&) = delete;
  CopyConversation& operator=(const CopyConversation&) = delete;

  /// The streams of the one statement; they must not outlive this.
  CopyStreams streams();
  /// The statement has run.
  void End(bool ok);

 private:
  Status Begin(const CopyStart& start);
  Status Write(std::string_view row);
  Status WriteRow(const Row& row);

  ReplyBuffer& replies_;
  CopyInbox& inbox_;
  const std::function<Status()> before_input_;
  std::optional<CopyStart> start_;
  std::vector<WireColumn> columns_;
  // Of FORMAT binary to the client: the header goes with the first row, as drivers want it.
  std::string row_;
  std::optional<BinaryRowReader> binary_;  // of COPY ... FROM STDIN
};

}  // namespace dashi
