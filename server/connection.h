#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>

#include "base/log_line.h"
#include "base/mutex.h"
#include "server/auth/access_rules.h"
#include "server/auth/client_identity.h"
#include "server/auth/login.h"
#include "server/client_session.h"
#include "server/client_stream.h"
#include "server/connection_registry.h"
#include "server/connection_setup.h"
#include "server/copy_inbox.h"
#include "server/extended_query.h"
#include "server/peer_address.h"
#include "server/protocol_machine.h"
#include "server/send_queue.h"
#include "server/server.h"
#include "server/worker_pool.h"
#include "sql/shell/statement_runner.h"

namespace dashi {

/// What all connections of a server use.
struct ConnectionContext {
  CurrentSetup setup;
  ServerHooks hooks;
  WorkerPool& workers;
  ConnectionRegistry& registry;
};

/// One client: its socket, its protocol and its session.
///
/// Threads: the public methods may be called by any thread; they hand over to the strand, on which
///          everything with the socket and the protocol happens. The session is touched by one
///          worker at a time.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Socket = ClientStream::Socket;
  using Strand = ClientStream::Strand;

  /// `process_id` and `secret` are the key with which the client may cancel its query.
  static std::shared_ptr<Connection> Make(boost::asio::io_context& io_context, Socket socket,
                                          ConnectionContext& context, std::uint32_t process_id,
                                          std::uint32_t secret);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void Start();
  /// Cancels the running query when `secret` is the right one.
  void CancelWithKey(std::uint32_t secret);
  void CancelQuery() DASHI_EXCLUDES(mutex_);
  /// Closes it without a word.
  void Drop();
  /// Says goodbye: at once when idle, else after the running query.
  void BeginStop();
  /// Ends the conversation with an error; what runs is cancelled first.
  void Terminate(Status reason);

 private:
  Connection(boost::asio::io_context& io_context, Socket socket, ConnectionContext& context,
             std::uint32_t process_id, std::uint32_t secret);

  /// How long the client may be idle now.
  struct IdleLimit {
    std::optional<std::chrono::milliseconds> time;
    bool in_block = false;
  };
  void StartDeadline();
  /// Has the client be shown out when it stays idle for too long.
  void WatchIdle(const IdleLimit& limit);
  ClientControls Controls();
  void Read();
  void HandleRead(const boost::system::error_code& error, std::size_t num_bytes);
  void Advance();
  void ShakeHands();
  /// Decides by the access rules how the client logs in, and has its role looked up.
  void CheckAccess();
  void HandleRole(const Result<internal::RoleLogin>& role);
  void BeginLogin(const internal::RoleLogin& role);
  void HandleLoginMessage(std::string_view body);
  void Refuse(const Status& status);
  void NoteLogin(const Status& outcome) const;
  void OpenSession();
  void OpenOnWorker();
  void HandleSession(const Status& status);
  void RunQuery(std::string query);
  void RunSeries(std::vector<ExtendedMessage> messages);
  /// Has a worker answer; where none takes it, says so. `answer` returns where its answers end.
  void RunOnWorker(std::function<Result<SeriesEnd>()> answer, bool ends_with_ready);
  void AnswerOnWorker(const std::function<Result<SeriesEnd>()>& answer, bool ends_with_ready);
  /// Returns where the answers end then.
  SeriesEnd AnswerWithError(const Status& error, TransactionStatus status, bool ends_with_ready);
  IdleLimit IdleLimitOfSession() const;
  /// Whom the log's lines about this connection name.
  LogSubject SubjectOfLog() const;
  void HandleDone(TransactionStatus status, SeriesEnd end, const IdleLimit& idle);
  void SetRunning(bool running) DASHI_EXCLUDES(mutex_);
  CopyInbox::Hooks CopyHooks();
  void Write();
  void HandleWritten(const boost::system::error_code& error, std::size_t num_bytes);
  void SayGoodbye();
  void CloseAfterWrites();
  void SayEnd();
  void Close();
  void KeepCancelling();
  void ReleaseSession();

  ConnectionContext& context_;
  const CurrentSetup::Pointer setup_;
  const ServerOptions& options_;  // of the setup
  const std::uint32_t process_id_;
  const std::uint32_t secret_;
  Strand strand_;
  ClientStream stream_;
  boost::asio::steady_timer startup_timer_;  // after Close: when to cancel again
  boost::asio::steady_timer write_timer_;
  boost::asio::steady_timer idle_timer_;
  const PeerAddress peer_;
  ProtocolMachine machine_;
  AccessDecision access_;
  std::optional<Login> login_;  // while it lasts
  ClientIdentity identity_;
  int num_of_user_max_ = -1;
  SendQueue send_queue_;
  CopyInbox copy_inbox_;
  std::array<char, 8192> read_buffer_ = {};
  std::string writing_;          // taken from the queue
  std::size_t num_written_ = 0;  // of it
  std::uint64_t write_number_ = 0;
  bool write_pending_ = false;
  bool reading_ = false;
  bool starting_tls_ = false;  // once what is queued is written
  bool busy_ = false;          // a worker has the session
  bool stopping_ = false;
  std::optional<Status> farewell_;  // why, when it is not the server that stops
  std::uint64_t num_requests_ = 0;
  bool close_after_writes_ = false;
  bool closed_ = false;
  // Sharers: this connection and the job that lets it go on a worker.
  std::shared_ptr<ClientSession> session_;
  Mutex mutex_;
  StatementRunner* running_ DASHI_GUARDED_BY(mutex_) = nullptr;  // while a query runs
};

}  // namespace dashi
