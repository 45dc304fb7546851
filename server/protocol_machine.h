#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/status.h"
#include "server/extended_messages.h"
#include "server/startup_parameters.h"
#include "server/wire_decoder.h"
#include "server/wire_encoder.h"

namespace dashi {

/// One connection's side of the protocol: bytes in; replies and things to do out. Knows no sockets
/// and runs no SQL.
///
/// Messages of the extended protocol are collected up to a Sync, a Flush, a message of another kind
/// or a bound, and run together, so that whoever runs them knows what is alone in its series.
///
///     kTls <-> kStartup -> kLogin? -> kOpening -> kReady <-> kRunning
///                                        |  ^
///                                        v  |
///                                    kSkipToSync          any -> kClosed
///
/// While a COPY ... FROM STDIN runs, kRunning <-> kCopyIn: what comes is the statement's input.
///
/// Threads: one thread at a time.
class ProtocolMachine {
 public:
  enum class State {
    kStartup,
    kTls,
    kLogin,
    kOpening,
    kReady,
    kRunning,
    kCopyIn,
    kSkipToSync,
    kClosed
  };

  /// What to do after sending `reply`.
  struct Step {
    enum class Action {
      kContinue,     ///< with the next step
      kWait,         ///< for more bytes, or for the end of what runs
      kStartTls,     ///< once `reply` is sent; then call TlsStarted
      kLogIn,        ///< with the message in `query`; stays in kLogin
      kOpenSession,  ///< then call SessionOpened or SessionRefused
      kRunQuery,     ///< then call AnswerDone
      kRunSeries,    ///< the messages of `series`, then call AnswerDone
      kCopyData,     ///< `copy_bytes` are input of the statement that runs
      kCopyDone,     ///< its input is complete
      kCopyFailed,   ///< the client gave up, with `copy_error`
      kCopyBroken,   ///< the client has sent what is none, says `copy_error`
      kCancelOther,  ///< the query of the connection with this key, then close without a reply
      kClose
    };
    Action action = Action::kContinue;
    std::string reply;
    std::string query;
    std::vector<ExtendedMessage> series;
    std::string copy_bytes;
    Status copy_error;
    std::uint32_t process_id = 0;
    std::uint32_t secret = 0;
  };

  /// `offers_tls`: a client that asks for TLS gets it.
  explicit ProtocolMachine(bool offers_tls = false) : offers_tls_(offers_tls) {}

  /// Takes bytes as they arrive.
  void Receive(std::string_view bytes);
  /// Takes the next step. Call it again until it says kWait or kClose.
  Step Advance();

  /// What comes from now on is encrypted.
  void TlsStarted();
  /// Begins a login with a password, where kOpenSession was asked for. Returns `request`.
  std::string BeginLogin(const std::string& request);
  /// The login is over: goes on as after kOpenSession.
  void EndLogin();
  /// Tells the client, once it is let in, whether it may do everything.
  void SetSuperuser(bool is_superuser) { parameters_.is_superuser = is_superuser; }
  /// The session stands. Returns the replies that let the client in.
  std::string SessionOpened(std::uint32_t process_id, std::uint32_t secret);
  /// The session was refused. Returns the reply; the connection ends.
  std::string SessionRefused(const Status& status);
  /// What runs reads its input, or needs no more of it.
  void BeginCopyIn();
  void EndCopyIn();
  /// What ran has been answered, up to `end`.
  void AnswerDone(TransactionStatus status, SeriesEnd end);
  /// Ends the conversation from this side. Returns the reply that tells the client.
  std::string Shutdown();
  std::string Shutdown(const Status& reason);

  State state() const { return state_; }
  /// Whether the client is let in.
  bool let_in() const {
    return state_ == State::kReady || state_ == State::kRunning || state_ == State::kSkipToSync;
  }
  /// What the client asked for; valid from kOpening on.
  const StartupParameters& parameters() const { return parameters_; }
  /// Bytes received and not yet used.
  std::size_t num_pending_bytes() const { return inbound_.size() - begin_; }

 private:
  Step AdvanceStartup();
  Step AdvanceLogin();
  Step Start(const StartupMessage& message);
  Step AnswerEncryptionRequest(StartupMessage::Kind kind);
  Step AdvanceMessage();
  Step AdvanceCopyIn();
  Step BreakCopyIn(char type);
  Step Handle(const FrontendMessage& message);
  Step Collect(const FrontendMessage& message);
  Step RunSeries();
  Step RunQuery(const FrontendMessage& message);
  Step Close();
  Step Fatal(const Status& status);
  Step Answer(const Status& status);
  std::string_view Pending() const { return std::string_view(inbound_).substr(begin_); }
  void Consume(std::size_t num_bytes);

  const bool offers_tls_;
  State state_ = State::kStartup;
  TransactionStatus transaction_status_ = TransactionStatus::kIdle;
  std::string inbound_;
  std::size_t begin_ = 0;
  bool asked_for_ssl_ = false;
  bool asked_for_gss_ = false;
  std::string negotiation_;  // sent before the client is let in
  StartupParameters parameters_;
  std::vector<ExtendedMessage> series_;  // collected, not yet run
  std::size_t num_series_bytes_ = 0;
  bool in_series_ = false;  // some have run since the last Sync
};

}  // namespace dashi
