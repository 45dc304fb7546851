#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dashi/status.h"
#include "server/client_session.h"
#include "server/extended_messages.h"
#include "server/message_sink.h"

namespace dashi {

/// Answers messages of the extended query protocol. What the client asks for is encoded and sent as
/// it comes, without waiting for the Sync.
///
/// Threads: one thread at a time.
class ExtendedQuery {
 public:
  /// Both must outlive it.
  ExtendedQuery(ClientSession& session, MessageSink& sink) : session_(session), sink_(sink) {}

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
  Status FlushIfLarge();
  Status Flush();

  ClientSession& session_;
  MessageSink& sink_;
  std::string out_;
  std::shared_ptr<const NamedStatement> running_;  // in whose text the position of an error is
  std::size_t num_left_ = 0;     // behind the message that is answered, of those that may fail
  bool commits_ = false;         // a Sync is the last of the messages
  bool ends_with_sync_ = false;  // or what was meant as one
  bool client_gone_ = false;
};

}  // namespace dashi
