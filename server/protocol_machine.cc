#include "server/protocol_machine.h"

#include <utility>

#include "base/status.h"
#include "server/auth/sasl_messages.h"

namespace dashi {

namespace {

constexpr std::uint16_t kNewestMinorVersion = 0;
// A series longer than this, with what its messages take beside their bytes, is run in pieces.
constexpr std::size_t kSeriesBytesMax = std::size_t{256} << 10;
constexpr std::size_t kKeptBytesMax = std::size_t{64} << 10;  // of buffer, once it is empty

using Action = ProtocolMachine::Step::Action;

ProtocolMachine::Step StepOf(Action action) {
  ProtocolMachine::Step step;
  step.action = action;
  return step;
}

}  // namespace

void ProtocolMachine::Receive(std::string_view bytes) {
  if (state_ == State::kClosed) {
    return;
  }
  inbound_.erase(0, begin_);
  begin_ = 0;
  inbound_ += bytes;
}

ProtocolMachine::Step ProtocolMachine::Advance() {
  switch (state_) {
    case State::kStartup:
      return AdvanceStartup();
    case State::kLogin:
      return AdvanceLogin();
    case State::kReady:
    case State::kSkipToSync:
      return AdvanceMessage();
    case State::kCopyIn:
      return AdvanceCopyIn();
    case State::kTls:
    case State::kOpening:
    case State::kRunning:
      return StepOf(Action::kWait);
    case State::kClosed:
      break;
  }
  return StepOf(Action::kClose);
}

ProtocolMachine::Step ProtocolMachine::AdvanceStartup() {
  StartupDecoding decoding = DecodeStartup(Pending());
  if (decoding.outcome == DecodeOutcome::kNeedMore) {
    return StepOf(Action::kWait);
  }
  if (decoding.outcome == DecodeOutcome::kMalformed) {
    return Close();
  }
  Consume(decoding.num_bytes);
  if (!decoding.status.ok()) {
    return Fatal(decoding.status);
  }
  return Start(decoding.message);
}

ProtocolMachine::Step ProtocolMachine::Start(const StartupMessage& message) {
  if (message.kind == StartupMessage::Kind::kCancelRequest) {
    Step step = Close();
    step.action = Action::kCancelOther;
    step.process_id = message.process_id;
    step.secret = message.secret;
    return step;
  }
  if (message.kind != StartupMessage::Kind::kStartup) {
    return AnswerEncryptionRequest(message.kind);
  }
  Result<StartupParameters> parameters = ReadStartupParameters(message);
  if (!parameters.ok()) {
    return Fatal(parameters.status());
  }
  parameters_ = std::move(parameters).value();
  if (message.minor_version > kNewestMinorVersion ||
      !parameters_.unknown_protocol_options.empty()) {
    AppendNegotiateProtocolVersion(&negotiation_, kNewestMinorVersion,
                                   parameters_.unknown_protocol_options);
  }
  state_ = State::kOpening;
  return StepOf(Action::kOpenSession);
}

ProtocolMachine::Step ProtocolMachine::AnswerEncryptionRequest(StartupMessage::Kind kind) {
  const bool is_tls = kind == StartupMessage::Kind::kSslRequest;
  bool& asked = is_tls ? asked_for_ssl_ : asked_for_gss_;
  if (std::exchange(asked, true)) {
    return Close();
  }
  Step step = StepOf(Action::kContinue);
  step.reply = "N";
  if (is_tls && offers_tls_) {
    // What came behind the request came in the clear, from whoever, and must not be taken for what
    // the client says under TLS.
    if (num_pending_bytes() > 0) {
      return Close();
    }
    state_ = State::kTls;
    step.action = Action::kStartTls;
    step.reply = "S";
  }
  return step;
}

std::string ProtocolMachine::BeginLogin(const std::string& request) {
  state_ = State::kLogin;
  return std::exchange(negotiation_, std::string()) + request;
}

void ProtocolMachine::EndLogin() { state_ = State::kOpening; }

ProtocolMachine::Step ProtocolMachine::AdvanceLogin() {
  LoginDecoding decoding = DecodeLoginMessage(Pending());
  if (decoding.outcome == DecodeOutcome::kNeedMore) {
    return StepOf(Action::kWait);
  }
  if (decoding.outcome == DecodeOutcome::kMalformed) {
    return decoding.status.ok() ? Close() : Fatal(decoding.status);
  }
  Consume(decoding.num_bytes);
  Step step = StepOf(Action::kLogIn);
  step.query = std::move(decoding.body);
  return step;
}

void ProtocolMachine::TlsStarted() {
  if (state_ == State::kTls) {
    state_ = State::kStartup;
  }
}

std::string ProtocolMachine::SessionOpened(std::uint32_t process_id, std::uint32_t secret) {
  std::string reply = std::exchange(negotiation_, std::string());
  AppendAuthenticationOk(&reply);
  for (const auto& [name, value] : ReportedParameters(parameters_)) {
    AppendParameterStatus(&reply, name, value);
  }
  AppendBackendKeyData(&reply, process_id, secret);
  AppendReadyForQuery(&reply, transaction_status_);
  state_ = State::kReady;
  return reply;
}

std::string ProtocolMachine::SessionRefused(const Status& status) { return Fatal(status).reply; }

void ProtocolMachine::BeginCopyIn() {
  if (state_ == State::kRunning) {
    state_ = State::kCopyIn;
  }
}

void ProtocolMachine::EndCopyIn() {
  if (state_ == State::kCopyIn) {
    state_ = State::kRunning;
  }
}

void ProtocolMachine::AnswerDone(TransactionStatus status, SeriesEnd end) {
  EndCopyIn();
  if (end == SeriesEnd::kLost) {
    static_cast<void>(Close());
  } else if (state_ == State::kRunning) {
    state_ = end == SeriesEnd::kFailed ? State::kSkipToSync : State::kReady;
  }
  in_series_ = end == SeriesEnd::kOpen;
  transaction_status_ = status;
}

std::string ProtocolMachine::Shutdown() {
  return Shutdown(
      Status::Unavailable("terminating connection because the server stops").WithSqlState("57P01"));
}

std::string ProtocolMachine::Shutdown(const Status& reason) {
  const bool knows_us = state_ == State::kReady || state_ == State::kSkipToSync;
  std::string reply = Fatal(reason).reply;
  return knows_us ? reply : std::string();
}

ProtocolMachine::Step ProtocolMachine::AdvanceMessage() {
  MessageDecoding decoding = DecodeMessage(Pending());
  if (decoding.outcome == DecodeOutcome::kNeedMore) {
    return StepOf(Action::kWait);
  }
  const FrontendType type = decoding.message.type;
  const bool collects = decoding.outcome == DecodeOutcome::kMessage && IsExtended(type);
  if (!series_.empty() && !collects) {
    return RunSeries();  // What comes now is answered behind it.
  }
  if (decoding.outcome == DecodeOutcome::kMalformed) {
    return decoding.status.ok() ? Close() : Fatal(decoding.status);
  }
  Consume(decoding.num_bytes);
  const bool ends_skipping = type == FrontendType::kSync || type == FrontendType::kTerminate;
  if (state_ == State::kSkipToSync && !ends_skipping) {
    return StepOf(Action::kContinue);
  }
  return Handle(decoding.message);
}

// The messages of a client whose COPY reads. A Sync that came with what runs it is not one that it
// waits for.
ProtocolMachine::Step ProtocolMachine::AdvanceCopyIn() {
  MessageDecoding decoding = DecodeMessage(Pending());
  if (decoding.outcome == DecodeOutcome::kNeedMore) {
    return StepOf(Action::kWait);
  }
  if (decoding.outcome == DecodeOutcome::kMalformed) {
    return decoding.status.ok() ? Close() : BreakCopyIn(Pending().front());
  }
  Consume(decoding.num_bytes);
  switch (decoding.message.type) {
    case FrontendType::kCopyData: {
      Step step = StepOf(Action::kCopyData);
      step.copy_bytes = std::move(decoding.message.body);
      return step;
    }
    case FrontendType::kCopyDone:
      state_ = State::kRunning;
      return StepOf(Action::kCopyDone);
    case FrontendType::kCopyFail: {
      const Result<std::string> reason = DecodeCopyFail(decoding.message.body);
      state_ = State::kRunning;
      Step step = StepOf(Action::kCopyFailed);
      step.copy_error =
          reason.ok()
              ? Status::Cancelled("COPY from stdin failed: " + *reason).WithSqlState("57014")
              : reason.status();
      return step;
    }
    case FrontendType::kFlush:
    case FrontendType::kSync:
      return StepOf(Action::kContinue);
    case FrontendType::kTerminate:
      return Close();
    default:
      return BreakCopyIn(static_cast<char>(decoding.message.type));
  }
}

ProtocolMachine::Step ProtocolMachine::BreakCopyIn(char type) {
  state_ = State::kRunning;
  Step step = StepOf(Action::kCopyBroken);
  step.copy_error = UnexpectedInCopy(type);
  return step;
}

ProtocolMachine::Step ProtocolMachine::Handle(const FrontendMessage& message) {
  switch (message.type) {
    case FrontendType::kQuery:
      return RunQuery(message);
    case FrontendType::kTerminate:
      return Close();
    case FrontendType::kCopyData:  // What is left of a COPY that failed is passed over.
    case FrontendType::kCopyDone:
    case FrontendType::kCopyFail:
      return StepOf(Action::kContinue);
    case FrontendType::kFunctionCall:
      return Answer(Status::Unimplemented("function calls are not supported"));
    case FrontendType::kParse:
    case FrontendType::kBind:
    case FrontendType::kDescribe:
    case FrontendType::kExecute:
    case FrontendType::kClose:
    case FrontendType::kFlush:
    case FrontendType::kSync:
      break;
  }
  return Collect(message);
}

ProtocolMachine::Step ProtocolMachine::Collect(const FrontendMessage& message) {
  ExtendedMessage decoded = DecodeExtended(message);
  const auto* malformed = std::get_if<MalformedMessage>(&decoded);
  const bool is_sync =
      std::holds_alternative<SyncMessage>(decoded) || (malformed != nullptr && malformed->is_sync);
  const bool is_flush = std::holds_alternative<FlushMessage>(decoded);
  if (series_.empty() && is_flush) {
    return StepOf(Action::kContinue);  // Nothing is held back.
  }
  if (series_.empty() && is_sync && !in_series_) {
    // There is nothing to end: no worker need look at it.
    state_ = State::kReady;
    if (malformed != nullptr) {
      return Answer(malformed->status);
    }
    Step step = StepOf(Action::kContinue);
    AppendReadyForQuery(&step.reply, transaction_status_);
    return step;
  }
  num_series_bytes_ += sizeof(ExtendedMessage) + message.body.size();
  series_.push_back(std::move(decoded));
  return is_sync || is_flush || num_series_bytes_ >= kSeriesBytesMax ? RunSeries()
                                                                     : StepOf(Action::kContinue);
}

ProtocolMachine::Step ProtocolMachine::RunSeries() {
  state_ = State::kRunning;
  num_series_bytes_ = 0;
  Step step = StepOf(Action::kRunSeries);
  step.series = std::exchange(series_, {});
  return step;
}

ProtocolMachine::Step ProtocolMachine::RunQuery(const FrontendMessage& message) {
  Result<std::string> query = DecodeQuery(message.body);
  if (!query.ok()) {
    return Answer(query.status());
  }
  state_ = State::kRunning;
  Step step = StepOf(Action::kRunQuery);
  step.query = std::move(query).value();
  return step;
}

ProtocolMachine::Step ProtocolMachine::Close() {
  state_ = State::kClosed;
  series_.clear();
  inbound_ = std::string();
  begin_ = 0;
  return StepOf(Action::kClose);
}

ProtocolMachine::Step ProtocolMachine::Fatal(const Status& status) {
  Step step = Close();
  AppendError(&step.reply, Severity::kFatal, status, /*position=*/0);
  return step;
}

// An error after which the conversation goes on.
ProtocolMachine::Step ProtocolMachine::Answer(const Status& status) {
  Step step = StepOf(Action::kContinue);
  AppendError(&step.reply, Severity::kError, status, /*position=*/0);
  AppendReadyForQuery(&step.reply, transaction_status_);
  return step;
}

void ProtocolMachine::Consume(std::size_t num_bytes) {
  begin_ += num_bytes;
  if (begin_ == inbound_.size()) {
    begin_ = 0;
    inbound_.clear();
    if (inbound_.capacity() > kKeptBytesMax) {
      inbound_.shrink_to_fit();
    }
  }
}

}  // namespace dashi
