#include "server/connection.h"

#include <chrono>
#include <utility>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include "base/clock.h"
#include "base/log_line.h"
#include "base/logging.h"
#include "base/status.h"
#include "server/copy_conversation.h"
#include "server/simple_query.h"

namespace dashi {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

// A client may send the next queries while one runs, up to this.
constexpr std::size_t kPipelinedBytesMax = std::size_t{1} << 20;
// The same of one that is not let in yet.
constexpr std::size_t kBytesBeforeLoginMax = std::size_t{64} << 10;

// The input of a COPY that has come and is not yet loaded.
constexpr std::size_t kCopyBytesMax = std::size_t{1} << 20;

constexpr std::chrono::milliseconds kCancelAgain{50};
// How long a client may take to answer that it has read the end.
constexpr std::chrono::milliseconds kSayEndMax{1000};

Status WaitedTooLong() {
  return Status::ResourceExhausted("the server is too busy: no worker was free in time")
      .WithSqlState("53300")
      .WithHint("Nothing has been done. queue_timeout says how long statements wait.");
}

Status Overloaded() {
  return Status::ResourceExhausted("sorry, too many clients already").WithSqlState("53300");
}

// Makes the session of a new connection, with the settings its client asked for.
Result<std::shared_ptr<ClientSession>> OpenClientSession(const ClientRunnerFactory& make_runner,
                                                         const ClientIdentity& client,
                                                         const ClientControls& controls,
                                                         const StartupParameters& parameters) {
  DASHI_ASSIGN_OR_RETURN(std::unique_ptr<StatementRunner> runner, make_runner(client, controls));
  for (const std::string& statement : SettingStatements(parameters)) {
    DASHI_ASSIGN_OR_RETURN(const std::unique_ptr<StatementResult> result, runner->Run(statement));
    Row row;
    bool more = true;
    while (more) {
      DASHI_ASSIGN_OR_RETURN(more, result->Next(&row));
    }
  }
  // Sharers: the connection and the job that lets it go.
  auto session = std::make_shared<ClientSession>(std::move(runner), SettingReports(parameters));
  if (!parameters.settings.empty()) {
    session->ReportSettings();
  }
  return session;
}

}  // namespace

std::shared_ptr<Connection> Connection::Make(asio::io_context& io_context, Socket socket,
                                             ConnectionContext& context, std::uint32_t process_id,
                                             std::uint32_t secret) {
  // Sharers: the handlers that wait and the worker that has the session.
  return std::shared_ptr<Connection>(
      new Connection(io_context, std::move(socket), context, process_id, secret));
}

Connection::Connection(asio::io_context& io_context, Socket socket, ConnectionContext& context,
                       std::uint32_t process_id, std::uint32_t secret)
    : context_(context),
      setup_(context.setup.Get()),
      options_(setup_->options),
      process_id_(process_id),
      secret_(secret),
      strand_(asio::make_strand(io_context)),
      stream_(std::move(socket), strand_),
      startup_timer_(io_context),
      write_timer_(io_context),
      idle_timer_(io_context),
      peer_(stream_.peer()),
      machine_(setup_->tls != nullptr),
      send_queue_(
          options_.send_queue_bytes_max,
          [this] {
            // Called by those who hold this connection.
            asio::post(strand_, [self = shared_from_this()] { self->Write(); });
          },
          [this](std::string_view bytes) { return stream_.WriteNow(bytes); }, &context.workers),
      copy_inbox_(kCopyBytesMax, options_.copy_stalled_max, CopyHooks(), &context.workers) {}

Connection::~Connection() { context_.registry.Remove(process_id_); }

void Connection::Start() {
  context_.registry.Add(process_id_, weak_from_this());
  asio::post(strand_, [self = shared_from_this()] {
    self->StartDeadline();
    self->Read();
  });
}

void Connection::StartDeadline() {
  startup_timer_.expires_after(options_.startup_deadline);
  startup_timer_.async_wait(
      asio::bind_executor(strand_, [self = shared_from_this()](const error_code& error) {
        if (!error && !self->machine_.let_in()) {
          self->Close();
        }
      }));
}

void Connection::Read() {
  using State = ProtocolMachine::State;
  const State state = machine_.state();
  const bool enough = state == State::kRunning ? machine_.num_pending_bytes() > kPipelinedBytesMax
                      : state == State::kOpening
                          ? machine_.num_pending_bytes() > kBytesBeforeLoginMax
                      : state == State::kCopyIn ? copy_inbox_.full()
                                                : send_queue_.full();
  if (reading_ || closed_ || close_after_writes_ || starting_tls_ || enough) {
    return;
  }
  reading_ = true;
  stream_.ReadSome(asio::buffer(read_buffer_),
                   [self = shared_from_this()](const error_code& error, std::size_t num_bytes) {
                     self->HandleRead(error, num_bytes);
                   });
}

void Connection::HandleRead(const error_code& error, std::size_t num_bytes) {
  reading_ = false;
  if (closed_) {
    return;
  }
  if (error) {
    // The client has gone; so has the use of what it asked for.
    Close();
    return;
  }
  machine_.Receive({read_buffer_.data(), num_bytes});
  Advance();
  Read();
}

void Connection::Advance() {
  using Action = ProtocolMachine::Step::Action;
  while (!closed_ && !close_after_writes_) {
    if (machine_.state() == ProtocolMachine::State::kCopyIn && copy_inbox_.full()) {
      return;
    }
    ProtocolMachine::Step step = machine_.Advance();
    send_queue_.Push(std::move(step.reply));
    switch (step.action) {
      case Action::kContinue:
        break;
      case Action::kWait:
        return;
      case Action::kStartTls:
        starting_tls_ = true;
        Write();
        break;
      case Action::kOpenSession:
        CheckAccess();
        break;
      case Action::kLogIn:
        HandleLoginMessage(step.query);
        break;
      case Action::kRunQuery:
        RunQuery(std::move(step.query));
        break;
      case Action::kRunSeries:
        RunSeries(std::move(step.series));
        break;
      case Action::kCopyData:
      case Action::kCopyDone:
      case Action::kCopyFailed:
      case Action::kCopyBroken:
        TakeCopyStep(step, copy_inbox_);
        break;
      case Action::kCancelOther:
        if (const auto other = context_.registry.Find(step.process_id)) {
          other->CancelWithKey(step.secret);
        }
        CloseAfterWrites();
        break;
      case Action::kClose:
        CloseAfterWrites();
        break;
    }
  }
}

// The statement that runs calls these on its own thread.
CopyInbox::Hooks Connection::CopyHooks() {
  const auto on_strand = [this](void (ProtocolMachine::*change)()) {
    asio::post(strand_, [self = shared_from_this(), change] {
      if (change != nullptr) {
        (self->machine_.*change)();
      }
      self->Advance();
      self->Read();
    });
  };
  return {[on_strand] { on_strand(&ProtocolMachine::BeginCopyIn); },
          [on_strand] { on_strand(nullptr); },
          [on_strand] { on_strand(&ProtocolMachine::EndCopyIn); }};
}

void Connection::OpenSession() {
  using Admission = ConnectionRegistry::Admission;
  const Admission admission = context_.registry.Admit(
      process_id_, identity_.user, num_of_user_max_, identity_.is_admin && !identity_.unrestricted);
  if (admission == Admission::kTooManyOfUser) {
    Refuse(Status::ResourceExhausted(
               fmt::format("too many connections for role \"{}\"", identity_.user))
               .WithSqlState("53300"));
    return;
  }
  busy_ = admission == Admission::kAdmitted &&
          context_.workers.Submit([self = shared_from_this()] { self->OpenOnWorker(); });
  if (!busy_) {
    Refuse(Overloaded());
  }
}

void Connection::OpenOnWorker() {
  const LogScope scope(SubjectOfLog());
  Result<std::shared_ptr<ClientSession>> session = CatchAsStatus("start of a session", [this] {
    return OpenClientSession(context_.hooks.make_runner, identity_, Controls(),
                             machine_.parameters());
  });
  const Status opened = session.status();
  if (opened.ok()) {
    session_ = std::move(session).value();
  }
  asio::post(strand_,
             [self = shared_from_this(), status = opened] { self->HandleSession(status); });
}

void Connection::HandleSession(const Status& status) {
  busy_ = false;
  if (closed_) {
    ReleaseSession();
    return;
  }
  startup_timer_.cancel();
  if (!status.ok()) {
    Refuse(status);
    return;
  }
  NoteLogin(Status());
  machine_.SetSuperuser(identity_.is_admin);
  send_queue_.Push(machine_.SessionOpened(process_id_, secret_));
  WatchIdle(IdleLimitOfSession());
  if (stopping_) {
    SayGoodbye();
  }
  Advance();
  Read();
}

void Connection::RunQuery(std::string query) {
  RunOnWorker(
      [this, query = std::move(query)]() -> Result<SeriesEnd> {
        return SimpleQuery(*session_, send_queue_, copy_inbox_).Run(query);
      },
      /*ends_with_ready=*/true);
}

void Connection::RunSeries(std::vector<ExtendedMessage> messages) {
  const bool ends_with_sync = std::holds_alternative<SyncMessage>(messages.back());
  RunOnWorker(
      [this, messages = std::move(messages)] {
        return ExtendedQuery(*session_, send_queue_, copy_inbox_).Run(messages);
      },
      ends_with_sync);
}

void Connection::RunOnWorker(std::function<Result<SeriesEnd>()> answer, bool ends_with_ready) {
  ++num_requests_;
  const std::int64_t deadline = Clock::System().MonotonicMicros() +
                                std::chrono::microseconds(options_.queue_wait_max).count();
  // From here on a cancel is for this request, even before a worker has it.
  SetRunning(true);
  busy_ = context_.workers.Submit(
      [self = shared_from_this(), answer = std::move(answer), ends_with_ready, deadline] {
        self->AnswerOnWorker(
            [&]() -> Result<SeriesEnd> {
              return Clock::System().MonotonicMicros() > deadline ? WaitedTooLong() : answer();
            },
            ends_with_ready);
      });
  if (!busy_) {
    SetRunning(false);
    const TransactionStatus status = session_->transaction_status();
    machine_.AnswerDone(status, AnswerWithError(Overloaded(), status, ends_with_ready));
  }
}

SeriesEnd Connection::AnswerWithError(const Status& error, TransactionStatus status,
                                      bool ends_with_ready) {
  std::string reply;
  AppendError(&reply, Severity::kError, error, /*position=*/0);
  if (ends_with_ready) {
    AppendReadyForQuery(&reply, status);
  }
  send_queue_.Push(std::move(reply));
  return ends_with_ready ? SeriesEnd::kSynced : SeriesEnd::kFailed;
}

void Connection::AnswerOnWorker(const std::function<Result<SeriesEnd>()>& answer,
                                bool ends_with_ready) {
  const LogScope scope(SubjectOfLog());
  session_->runner().BeginRequest();
  const Result<SeriesEnd> answered = CatchAsStatus("answer", answer);
  if (!answered.ok()) {
    session_->Fail();
    session_->EndSeries().IgnoreError("nothing is left to be committed");
  }
  SetRunning(false);
  session_->runner().EndRequest();
  const TransactionStatus transaction_status = session_->transaction_status();
  SeriesEnd end = answered.ok() ? *answered : SeriesEnd::kSynced;
  if (!answered.ok() && answered.status().code() != StatusCode::kUnavailable) {
    end = AnswerWithError(answered.status(), transaction_status, ends_with_ready);
  }
  asio::post(strand_,
             [self = shared_from_this(), transaction_status, end, idle = IdleLimitOfSession()] {
               self->HandleDone(transaction_status, end, idle);
             });
}

LogSubject Connection::SubjectOfLog() const {
  return {.session = process_id_, .user = identity_.user, .client = identity_.address};
}

Connection::IdleLimit Connection::IdleLimitOfSession() const {
  const StatementRunner& runner = session_->runner();
  return {runner.IdleLimit(), runner.in_transaction()};
}

void Connection::WatchIdle(const IdleLimit& limit) {
  if (!limit.time) {
    return;
  }
  idle_timer_.expires_after(*limit.time);
  idle_timer_.async_wait(
      asio::bind_executor(strand_, [self = shared_from_this(), in_block = limit.in_block,
                                    number = num_requests_](const error_code& error) {
        if (error || self->busy_ || self->num_requests_ != number) {
          return;
        }
        self->Terminate(in_block ? Status::DeadlineExceeded("terminating connection due to "
                                                            "idle-in-transaction timeout")
                                       .WithSqlState("25P03")
                                 : Status::DeadlineExceeded(
                                       "terminating connection due to idle-session timeout")
                                       .WithSqlState("57P05"));
      }));
}

ClientControls Connection::Controls() {
  ClientControls controls;
  controls.process_id = process_id_;
  controls.cancel = [weak = weak_from_this()] {
    if (const auto self = weak.lock()) {
      self->CancelQuery();
    }
  };
  controls.terminate = [weak = weak_from_this()] {
    if (const auto self = weak.lock()) {
      self->Terminate(Status::Unavailable("terminating connection due to administrator command")
                          .WithSqlState("57P01"));
    }
  };
  return controls;
}

void Connection::Terminate(Status reason) {
  asio::post(strand_, [self = shared_from_this(), reason = std::move(reason)] {
    self->farewell_ = reason;
    self->stopping_ = true;
    if (self->busy_) {
      self->CancelQuery();
    } else {
      self->SayGoodbye();
    }
  });
}

void Connection::HandleDone(TransactionStatus status, SeriesEnd end, const IdleLimit& idle) {
  busy_ = false;
  if (closed_) {
    ReleaseSession();
    return;
  }
  machine_.AnswerDone(status, end);
  if (stopping_) {
    SayGoodbye();
  } else {
    WatchIdle(idle);
  }
  Advance();
  Read();
}

void Connection::SetRunning(bool running) {
  const MutexLock lock(mutex_);
  if (running) {
    session_->runner().ForgetCancel();
    copy_inbox_.ForgetInterrupt();
  }
  running_ = running ? &session_->runner() : nullptr;
}

void Connection::CancelWithKey(std::uint32_t secret) {
  // One comparison of a whole word: its time tells nothing about the bits.
  if (secret == secret_) {
    CancelQuery();
  }
}

void Connection::CancelQuery() {
  const MutexLock lock(mutex_);
  if (running_ != nullptr) {
    running_->Cancel();
    copy_inbox_.Interrupt(
        Status::Cancelled("canceling statement due to user request").WithSqlState("57014"));
  }
}

void Connection::Drop() {
  asio::post(strand_, [self = shared_from_this()] { self->Close(); });
}

void Connection::BeginStop() {
  asio::post(strand_, [self = shared_from_this()] {
    self->stopping_ = true;
    if (!self->busy_) {
      self->SayGoodbye();
    }
  });
}

void Connection::SayGoodbye() {
  if (starting_tls_) {
    Close();
    return;
  }
  if (!closed_ && !close_after_writes_) {
    send_queue_.Push(farewell_ ? machine_.Shutdown(*farewell_) : machine_.Shutdown());
    CloseAfterWrites();
  }
}

void Connection::Write() {
  if (closed_ || write_pending_) {
    return;
  }
  if (num_written_ == writing_.size()) {
    num_written_ = 0;
    writing_ = send_queue_.Take();
  }
  if (writing_.empty()) {
    if (close_after_writes_) {
      SayEnd();
    } else if (starting_tls_) {
      ShakeHands();
    }
    return;
  }
  write_pending_ = true;
  ++write_number_;
  write_timer_.expires_after(options_.send_stalled_max);
  write_timer_.async_wait(asio::bind_executor(
      strand_, [self = shared_from_this(), number = write_number_](const error_code& error) {
        // The write may have ended just before: then the number has moved on or nothing is pending.
        if (!error && self->write_pending_ && self->write_number_ == number) {
          self->Close();
        }
      }));
  stream_.WriteSome(asio::buffer(writing_.data() + num_written_, writing_.size() - num_written_),
                    [self = shared_from_this()](const error_code& error, std::size_t num_bytes) {
                      self->HandleWritten(error, num_bytes);
                    });
}

void Connection::HandleWritten(const error_code& error, std::size_t num_bytes) {
  write_pending_ = false;
  write_timer_.cancel();
  if (error) {
    Close();
    return;
  }
  num_written_ += num_bytes;
  send_queue_.Written(num_bytes);
  Write();
  Read();
}

// The client has been told to begin, and nothing is being read.
void Connection::ShakeHands() {
  write_pending_ = true;  // Nothing else is written meanwhile.
  stream_.ShakeHands(*setup_->tls, [self = shared_from_this()](const error_code& error) {
    self->write_pending_ = false;
    self->starting_tls_ = false;
    if (error) {
      const std::string address = self->peer_.ToString();
      const LogScope scope({.client = address});
      LogInfo("TLS handshake failed: {}", error.message());
      self->Close();
      return;
    }
    self->machine_.TlsStarted();
    self->Write();
    self->Read();
  });
}

// Everything is written: tells the client that this was all, so that it takes it for whole.
void Connection::SayEnd() {
  if (!stream_.encrypted()) {
    Close();
    return;
  }
  write_pending_ = true;
  write_timer_.expires_after(kSayEndMax);
  write_timer_.async_wait(
      asio::bind_executor(strand_, [self = shared_from_this()](const error_code& error) {
        if (!error) {
          self->Close();
        }
      }));
  stream_.SayEnd([self = shared_from_this()](const error_code& /*error*/) { self->Close(); });
}

void Connection::CloseAfterWrites() {
  close_after_writes_ = true;
  Write();
}

void Connection::Close() {
  if (closed_) {
    return;
  }
  closed_ = true;
  send_queue_.Close();  // From here on no worker writes.
  stream_.Close();
  startup_timer_.cancel();
  write_timer_.cancel();
  idle_timer_.cancel();
  if (busy_) {
    KeepCancelling();
  } else {
    ReleaseSession();
  }
  context_.registry.Remove(process_id_);
}

// A cancel that comes between two statements is forgotten by the session, so it is said again until
// the worker is done.
void Connection::KeepCancelling() {
  CancelQuery();
  startup_timer_.expires_after(kCancelAgain);
  startup_timer_.async_wait(
      asio::bind_executor(strand_, [self = shared_from_this()](const error_code& /*error*/) {
        if (self->busy_) {
          self->KeepCancelling();
        }
      }));
}

// A session may have a transaction to undo: that is no work for an I/O thread.
void Connection::ReleaseSession() {
  if (session_ != nullptr) {
    // Where no worker takes it, it goes here and now.
    static_cast<void>(context_.workers.Submit([session = std::exchange(session_, nullptr)] {}));
  }
}

}  // namespace dashi
