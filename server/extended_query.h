#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dashi/status.h"
#include "server/client_session.h"
#include "server/copy_inbox.h"
#include "server/extended_messages.h"
#include "server/message_sink.h"
#include "server/reply_buffer.h"

namespace dashi {

/// Answers messages of the extended query protocol. What the client asks for is encoded and sent as
/// it comes, without waiting for the Sync.
///
/// Threads: one thread at a time.
class ExtendedQuery {
 public:
  /// All must outlive it. `inbox` has the input of a COPY.
  ExtendedQuery(ClientSession& session, MessageSink& sink, CopyInbox& inbox)
      : session_(session), inbox_(inbox), replies_(sink) {}

  /// Answers messages in order, of which only the last may be a Sync, up to the first error.
  ///
  /// Errors: kUnavailable when the client is gone; errors of messages are sent, not returned.
  Result<SeriesEnd> Run(const std::vector<ExtendedMessage>& messages);

 private:
  Status Answer(const ExtendedMessage& message);
  Status Parse(const ParseMessage& message);
  Status Bind(const BindMessage& message);
  Status Describe(const DescribeMessage& message);
  Status DescribeStatement(const std::string& name);
  Status DescribePortal(const std::string& name);
  Status Execute(const ExecuteMessage& message);
  Status Close(const CloseMessage& message);
  Status Sync();

  /// Opens a portal that so many messages that are still to come run.
  Status Open(Portal& portal, std::size_t num_executes);
  Status DecideColumns(Portal& portal);
  Status RunWithoutRows(Portal& portal);
  Status SendRows(Portal& portal, std::uint32_t num_rows_max);
  Result<SeriesEnd> EndWith(const Status& error);
  /// Errors: 08P01 when messages that are still to come stand where a COPY has its input.
  Status PassOverForInput();

  ClientSession& session_;
  CopyInbox& inbox_;
  ReplyBuffer replies_;
  std::shared_ptr<const NamedStatement> running_;  // in whose text the position of an error is
  std::size_t num_left_ = 0;     // behind the message that is answered, of those that may fail
  bool commits_ = false;         // a Sync is the last of the messages
  bool ends_with_sync_ = false;  // or what was meant as one
  // What is still to come.
  std::span<const ExtendedMessage> rest_;
};

}  // namespace dashi
